/** Stores that break the contract, each in one way that a real store has broken it or easily could. */

import {
  MOVED_MARK_MS,
  memoryStore,
  type Store,
  type StoreCall,
  type StoredRecord,
  type StoreId,
} from "coatcheck";
import type { MakeStore } from "coatcheck/testing";

export interface BrokenStore {
  readonly fault: string;
  /** The sentences of the suite that must report it. */
  readonly breaks: readonly string[];
  readonly make: MakeStore;
}

export const pause = (milliseconds = 1) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** A store that works, to be broken: in memory, with a second one over the same data and a way to look at its marks. */
export function soundStore(breakIt: (inner: Store) => Partial<Store> = () => ({})): ReturnType<MakeStore> {
  const inner = { ...memoryStore(), check: async (call: StoreCall) => call.signal.throwIfAborted() };
  const marks = new Map<StoreId, StoreId>();
  const broken: Store = { ...inner, ...breakIt(inner) };
  const store: Store = {
    ...broken,
    rotate: (from, to, ...rest) => {
      marks.set(from, to);
      return broken.rotate(from, to, ...rest);
    },
  };
  return { store, elsewhere: { ...store }, peek: (id) => marks.get(id) ?? "" };
}

const isRecord = (found: StoredRecord | "moved" | null): found is StoredRecord =>
  found !== null && found !== "moved";
const at = (call: StoreCall, now: number): StoreCall => ({ signal: call.signal, now });

/** Puts this record into the store, in place of any other, expired or not. */
async function overwrite(inner: Store, id: StoreId, record: StoredRecord, call: StoreCall): Promise<void> {
  await inner.delete(id, at(call, 0));
  await inner.create(id, record, at(call, 0));
}

/** Every id that was ever created, for stores that clear by a list of their own. */
function remembering(
  inner: Store,
  tidy: (known: Map<StoreId, number>, call: StoreCall & { limit: number }) => Promise<number>,
) {
  const known = new Map<StoreId, number>();
  return {
    create: (id: StoreId, record: StoredRecord, call: StoreCall) => {
      known.set(id, record.expiresAt);
      return inner.create(id, record, call);
    },
    clearExpired: (call: StoreCall & { limit: number }) => tidy(known, call),
  };
}

/** A store that keeps its user index by hand, beside the records, as those on key-value servers do. */
export function indexing(
  inner: Store,
  faults: {
    key?: (userId: string | null) => string;
    after?: boolean;
    notOnRotate?: boolean;
    keepOnDelete?: boolean;
    gap?: boolean;
  },
) {
  const index = new Map<string, StoreId[]>();
  const key = faults.key ?? ((userId) => (userId === null ? "anonymous" : `user ${userId}`));
  const enter = async (id: StoreId, userId: string | null) => {
    const entries = index.get(key(userId)) ?? [];
    if (faults.gap) await pause();
    index.set(key(userId), [...entries, id]);
  };
  const leave = (id: StoreId) => {
    for (const [user, entries] of index)
      index.set(
        user,
        entries.filter((entry) => entry !== id),
      );
  };
  const around = async <T>(id: StoreId, userId: string | null, write: () => Promise<T>): Promise<T> => {
    if (!faults.after) await enter(id, userId);
    const answer = await write();
    if (faults.after) {
      await pause(3);
      await enter(id, userId);
    }
    return answer;
  };
  const broken: Partial<Store> = {
    create: (id, record, call) => around(id, record.userId, () => inner.create(id, record, call)),
    rotate: async (from, to, record, expected, call) => {
      const rotate = () => inner.rotate(from, to, record, expected, call);
      const outcome = faults.notOnRotate ? await rotate() : await around(to, record.userId, rotate);
      if (outcome === "saved") leave(from);
      else leave(to);
      return outcome;
    },
    delete: async (id, call) => {
      const moved = await inner.delete(id, call);
      if (moved === undefined && !faults.keepOnDelete) leave(id);
      return moved;
    },
    listUser: async (userId, call) => {
      call.signal.throwIfAborted();
      return index.get(key(userId)) ?? [];
    },
  };
  return broken;
}

const faults: [fault: string, breaks: string[], breakIt: (inner: Store) => Partial<Store>][] = [
  [
    "read makes a session up",
    ["an id that was never stored is read as null"],
    (inner) => ({
      read: async (id, call) =>
        (await inner.read(id, call)) ?? {
          ...{ data: "{}", version: 0, userId: null, createdAt: 0, authenticatedAt: null },
          ...{ expiresAt: call.now + 1, expiry: null, format: 1 },
        },
    }),
  ],
  [
    "read creates what it did not find",
    ["reading never creates: the id stays free, and is no session to update, touch or rotate"],
    (inner) => ({
      read: async (id, call) => {
        const found = await inner.read(id, call);
        const empty = {
          data: "{}",
          version: 0,
          userId: null,
          createdAt: call.now,
          authenticatedAt: null,
          expiry: null,
          format: 1,
        };
        if (found === null) await inner.create(id, { ...empty, expiresAt: call.now + 60_000 }, call);
        return found;
      },
    }),
  ],
  [
    "what was read is forgotten",
    ["a live session is read as its record, as often as it is asked for"],
    (inner) => ({
      read: async (id, call) => {
        const found = await inner.read(id, call);
        await inner.delete(id, call);
        return found;
      },
    }),
  ],
  [
    "data is trimmed",
    ["data is kept byte for byte"],
    (inner) => ({
      create: (id, record, call) => inner.create(id, { ...record, data: record.data.trim() }, call),
    }),
  ],
  [
    "the text column ends at 64 KiB",
    ["data of 256 KiB is kept whole"],
    (inner) => ({
      create: (id, record, call) => inner.create(id, { ...record, data: record.data.slice(0, 65_535) }, call),
    }),
  ],
  [
    "rotate loses an expiry of 0",
    ["every field is kept as it was given: null is not 0, and no number is rounded"],
    (inner) => ({
      rotate: (from, to, record, expected, call) =>
        inner.rotate(from, to, { ...record, expiry: record.expiry || null }, expected, call),
    }),
  ],
  [
    "versions are compared as 32-bit floats",
    ["two versions that differ in the last of 53 bits are not the same"],
    (inner) => ({
      update: async (id, record, expected, call) => {
        const found = await inner.read(id, call);
        const same = isRecord(found) && Math.fround(found.version) === Math.fround(expected);
        return await inner.update(id, record, same ? found.version : expected, call);
      },
    }),
  ],
  [
    "the object that was given is kept",
    ["a record is kept by value: changing the object given or the object read changes nothing stored"],
    (inner) => {
      const given = new Map<StoreId, StoredRecord>();
      return {
        create: (id, record, call) => {
          given.set(id, record);
          return inner.create(id, record, call);
        },
        read: async (id, call) => given.get(id) ?? (await inner.read(id, call)),
      };
    },
  ],
  [
    "create overwrites",
    ["create refuses an id that is taken, and changes nothing"],
    (inner) => ({
      create: async (id, record, call) => {
        await overwrite(inner, id, record, call);
        return true;
      },
    }),
  ],
  [
    "create takes a mark for nothing",
    ["create refuses the id of a session that moved, and leaves its mark"],
    (inner) => ({
      create: async (id, record, call) =>
        (await inner.create(id, record, call)) || (await inner.read(id, call)) === "moved",
    }),
  ],
  [
    "create looks first and stores later",
    ["of 20 creates of one id at once exactly one is true, and its record is the one stored"],
    (inner) => ({
      create: async (id, record, call) => {
        if ((await inner.read(id, call)) !== null) return false;
        await pause();
        await overwrite(inner, id, record, call);
        return true;
      },
    }),
  ],
  [
    "create says true for an expired id, and stores nothing",
    ["create on the id of an expired session tells the truth: it is there, or it was refused"],
    (inner) => {
      const seen = new Set<StoreId>();
      return {
        create: async (id, record, call) => {
          if (seen.has(id)) return true;
          seen.add(id);
          return await inner.create(id, record, call);
        },
      };
    },
  ],
  [
    "a life that is over before it begins is taken for one without end",
    ["a session that has expired when it is created is never read"],
    (inner) => ({
      create: (id, record, call) =>
        inner.create(id, record.expiresAt <= call.now ? { ...record, expiresAt: 1e14 } : record, call),
    }),
  ],
  [
    "read returns what has expired",
    ["a record is live until the millisecond before expiresAt, and absent from expiresAt on"],
    (inner) => ({ read: (id, call) => inner.read(id, at(call, 0)) }),
  ],
  [
    "expiry is a millisecond late",
    ["a record is live until the millisecond before expiresAt, and absent from expiresAt on"],
    (inner) => ({ read: (id, call) => inner.read(id, at(call, call.now - 1)) }),
  ],
  [
    "update keeps what it does not think has changed",
    ["update with the expected version replaces the record whole, and no other"],
    (inner) => ({
      update: async (id, record, expected, call) => {
        const found = await inner.read(id, call);
        const kept = isRecord(found) ? { createdAt: found.createdAt } : {};
        return await inner.update(id, { ...record, ...kept }, expected, call);
      },
    }),
  ],
  [
    "update ignores the version",
    ["update with another version is a conflict, and changes nothing"],
    (inner) => ({
      update: async (id, record, expected, call) => {
        const found = await inner.read(id, call);
        return await inner.update(id, record, isRecord(found) ? found.version : expected, call);
      },
    }),
  ],
  [
    "update is an upsert",
    [
      "update never creates: what is not there is gone",
      "a deleted session stays deleted when a slower request writes it, and the writer is told",
    ],
    (inner) => ({
      update: async (id, record, expected, call) => {
        const outcome = await inner.update(id, record, expected, call);
        if (outcome !== "gone") return outcome;
        await inner.create(id, record, call);
        return "saved";
      },
    }),
  ],
  [
    "update never shortens",
    ["update may bring the end nearer"],
    (inner) => ({
      update: async (id, record, expected, call) => {
        const found = await inner.read(id, call);
        const expiresAt = Math.max(record.expiresAt, isRecord(found) ? found.expiresAt : 0);
        return await inner.update(id, { ...record, expiresAt }, expected, call);
      },
    }),
  ],
  [
    "update compares first and writes later",
    [
      "of 50 updates at once that expect one version exactly one is saved, and its record is the one stored",
      "a counter that many raise at once, reading again on conflict, comes out exact",
      "of an update and a delete at once, in either order, nothing is left",
    ],
    (inner) => ({
      update: async (id, record, expected, call) => {
        const found = await inner.read(id, call);
        if (!isRecord(found)) return "gone";
        if (found.version !== expected) return "conflict";
        await pause();
        await overwrite(inner, id, record, call);
        return "saved";
      },
    }),
  ],
  [
    "delete only says so",
    ["a deleted session is absent everywhere, leaves no mark, and takes no other with it"],
    () => ({ delete: async () => undefined }),
  ],
  [
    "delete rejects for what is not there",
    [
      "deleting what is absent is a success, as often as it is asked for",
      "deleting an expired session is a success",
    ],
    (inner) => ({
      delete: async (id, call) => {
        if ((await inner.read(id, call)) === null) throw new Error("no such session");
        return await inner.delete(id, call);
      },
    }),
  ],
  [
    "touch reads first and writes the whole record later",
    [
      "of a touch and a delete at once, in either order, nothing is left",
      "of many touches at once the latest moment stays",
      "a touch and an update at once: the update is never undone",
    ],
    (inner) => ({
      touch: async (id, expiresAt, version, call) => {
        const found = await inner.read(id, call);
        if (!isRecord(found) || found.version !== version) return false;
        await pause();
        await overwrite(inner, id, { ...found, expiresAt: Math.max(expiresAt, found.expiresAt) }, call);
        return true;
      },
    }),
  ],
  [
    "update revives the expired",
    ["update never revives an expired record"],
    (inner) => ({ update: (id, record, expected, call) => inner.update(id, record, expected, at(call, 0)) }),
  ],
  [
    "touch revives the expired",
    ["touch never revives an expired record"],
    (inner) => ({
      touch: (id, expiresAt, version, call) => inner.touch(id, expiresAt, version, at(call, 0)),
    }),
  ],
  [
    "rotate revives the expired",
    ["rotate never revives an expired record, and leaves no mark of it"],
    (inner) => ({
      rotate: (from, to, record, expected, call) => inner.rotate(from, to, record, expected, at(call, 0)),
    }),
  ],
  [
    "touch draws a new version",
    ["touch moves the end later, and nothing else: not even the version"],
    (inner) => ({
      touch: async (id, expiresAt, version, call) => {
        const found = await inner.read(id, call);
        if (!isRecord(found)) return false;
        return (
          (await inner.update(id, { ...found, expiresAt, version: version + 1 }, version, call)) === "saved"
        );
      },
    }),
  ],
  [
    "touch shortens",
    ["touch never shortens: a moment that is not later changes nothing and is a success"],
    (inner) => ({
      touch: async (id, expiresAt, version, call) => {
        const found = await inner.read(id, call);
        return (
          isRecord(found) && (await inner.update(id, { ...found, expiresAt }, version, call)) === "saved"
        );
      },
    }),
  ],
  [
    "a touch that is not later is false",
    ["touch never shortens: a moment that is not later changes nothing and is a success"],
    (inner) => ({
      touch: async (id, expiresAt, version, call) => {
        const found = await inner.read(id, call);
        if (isRecord(found) && found.expiresAt >= expiresAt) return false;
        return await inner.touch(id, expiresAt, version, call);
      },
    }),
  ],
  [
    "touch ignores the version",
    ["touch extends only the version that was read"],
    (inner) => ({
      touch: async (id, expiresAt, version, call) => {
        const found = await inner.read(id, call);
        return await inner.touch(id, expiresAt, isRecord(found) ? found.version : version, call);
      },
    }),
  ],
  [
    "touch of what is not there is a success",
    ["touch never creates: what is not there is false"],
    (inner) => ({
      touch: async (id, expiresAt, version, call) =>
        (await inner.touch(id, expiresAt, version, call)) || (await inner.read(id, call)) === null,
    }),
  ],
  [
    "rotate leaves no mark",
    ["rotate stores the record under the new id and leaves the mark of a move under the old one"],
    (inner) => ({
      rotate: async (from, to, record, expected, call) => {
        const outcome = await inner.update(from, record, expected, call);
        if (outcome !== "saved") return outcome;
        await inner.delete(from, call);
        await inner.create(to, record, call);
        return "saved";
      },
    }),
  ],
  [
    "update follows the mark by itself",
    ["update, rotate and delete of an id that moved answer where to, and change nothing"],
    (inner) => ({
      update: async (id, record, expected, call) => {
        const outcome = await inner.update(id, record, expected, call);
        return typeof outcome === "object" && "movedTo" in outcome
          ? await inner.update(outcome.movedTo, record, expected, call)
          : outcome;
      },
    }),
  ],
  [
    "delete of an id that moved removes the mark",
    ["update, rotate and delete of an id that moved answer where to, and change nothing"],
    (inner) => ({
      delete: async (id, call) => {
        const outcome = await inner.delete(id, call);
        if (outcome !== undefined)
          await inner.clearExpired?.({ ...at(call, call.now + MOVED_MARK_MS), limit: 1 });
        return outcome;
      },
    }),
  ],
  [
    "touch follows the mark by itself",
    ["touch of an id that moved is false, and prolongs neither mark nor session"],
    (inner) => ({
      touch: async (id, expiresAt, version, call) => {
        const moved = (await inner.read(id, call)) === "moved" && (await inner.delete(id, call));
        return await inner.touch(moved ? moved.movedTo : id, expiresAt, version, call);
      },
    }),
  ],
  [
    "a mark stays for ever",
    ["the mark is there for 60 s, whenever the session itself ends, and then the old id is absent"],
    (inner) => {
      const moved = new Set<StoreId>();
      return {
        rotate: async (from, to, record, expected, call) => {
          const outcome = await inner.rotate(from, to, record, expected, call);
          if (outcome === "saved") moved.add(from);
          return outcome;
        },
        read: async (id, call) => (moved.has(id) ? "moved" : await inner.read(id, call)),
      };
    },
  ],
  [
    "rotate ignores the version",
    [
      "rotate with another version is a conflict: the session stays where it is, and nothing is under the new id",
    ],
    (inner) => ({
      rotate: async (from, to, record, expected, call) => {
        const found = await inner.read(from, call);
        return await inner.rotate(from, to, record, isRecord(found) ? found.version : expected, call);
      },
    }),
  ],
  [
    "rotate brings a deleted session back under the new id",
    ["rotate never creates, and never brings a deleted session back"],
    (inner) => ({
      rotate: async (from, to, record, expected, call) => {
        const outcome = await inner.rotate(from, to, record, expected, call);
        if (outcome === "gone") await inner.create(to, record, call);
        return outcome;
      },
    }),
  ],
  [
    "marks chain: the first one is led on to the last id",
    ["a session that moved twice is followed step by step"],
    (inner) => ({
      update: async (id, record, expected, call) => {
        let outcome = await inner.update(id, record, expected, call);
        while (typeof outcome === "object" && "movedTo" in outcome) {
          const further = await inner.update(outcome.movedTo, record, Number.NaN, call);
          if (typeof further !== "object") break;
          outcome = further;
        }
        return outcome;
      },
    }),
  ],
  [
    "a mark is forgotten when its session ends",
    ["deleting the new id leaves nothing that lives"],
    (inner) => ({
      update: async (id, record, expected, call) => {
        const outcome = await inner.update(id, record, expected, call);
        return typeof outcome === "object" &&
          "movedTo" in outcome &&
          (await inner.read(outcome.movedTo, call)) === null
          ? "gone"
          : outcome;
      },
    }),
  ],
  [
    "rotate compares first, copies, and marks later",
    [
      "of 20 rotates at once exactly one is saved, the others learn where to, and no second session is left",
      "of a rotate and an update at once exactly one is saved",
      "of a rotate and a delete at once: the session ends, or the one who deletes learns where it went",
    ],
    (inner) => ({
      rotate: async (from, to, record, expected, call) => {
        const found = await inner.read(from, call);
        if (isRecord(found) && found.version === expected) {
          await inner.create(to, record, call);
          await pause();
          await inner.delete(from, call);
          return "saved";
        }
        return await inner.rotate(from, to, record, expected, call);
      },
    }),
  ],
  [
    "listUser ends at 100",
    ["listUser names every session of the user, and none of another"],
    (inner) => ({
      listUser: async (userId, call) => ((await inner.listUser?.(userId, call)) ?? []).slice(0, 100),
    }),
  ],
  [
    "anonymous sessions are listed under a name",
    ["a user with no session has an empty list, and anonymous sessions are nobody's"],
    (inner) => indexing(inner, { key: String }),
  ],
  [
    "user ids are compared without case",
    ["user ids are compared exactly: case, accents, spaces, and signs that mean something to a store"],
    (inner) =>
      indexing(inner, { key: (userId) => (userId === null ? "anonymous" : `user ${userId.toLowerCase()}`) }),
  ],
  [
    "user ids are cut at 255",
    ["user ids are compared exactly: case, accents, spaces, and signs that mean something to a store"],
    (inner) =>
      indexing(inner, { key: (userId) => (userId === null ? "anonymous" : `user ${userId.slice(0, 255)}`) }),
  ],
  [
    "rotate does not tell the index",
    ["a login by rotate lists the new id, and a rotate to another user or none changes the list"],
    (inner) => indexing(inner, { notOnRotate: true }),
  ],
  [
    "delete leaves the index",
    ["delete takes the session out of its user's list, and no other"],
    (inner) => indexing(inner, { keepOnDelete: true }),
  ],
  [
    "the index forgets an entry at the end that the session first had",
    ["a session that is updated or touched stays in the list for as long as it lives"],
    (inner) => {
      const ends = new Map<StoreId, number>();
      return {
        create: (id, record, call) => {
          ends.set(id, record.expiresAt);
          return inner.create(id, record, call);
        },
        listUser: async (userId, call) =>
          ((await inner.listUser?.(userId, call)) ?? []).filter((id) => (ends.get(id) ?? 0) > call.now),
      };
    },
  ],
  [
    "a conflict takes the session off the index",
    ["a write that was refused takes nobody off the list"],
    (inner) => {
      const off = new Set<StoreId>();
      return {
        update: async (id, record, expected, call) => {
          const outcome = await inner.update(id, record, expected, call);
          if (outcome !== "saved") off.add(id);
          return outcome;
        },
        listUser: async (userId, call) =>
          ((await inner.listUser?.(userId, call)) ?? []).filter((id) => !off.has(id)),
      };
    },
  ],
  [
    "the index is a list that is read, changed and written back",
    ["of many logins of one user at once all are listed"],
    (inner) => indexing(inner, { gap: true }),
  ],
  [
    "the index is told after the record is there",
    ["a session that can be read is listed, at every moment of its creation and its rotation"],
    (inner) => indexing(inner, { after: true }),
  ],
  [
    "clearExpired does not know its limit",
    ["clearExpired removes what has expired, at most `limit` at a time, and tells how many went"],
    (inner) => ({ clearExpired: async (call) => (await inner.clearExpired?.({ ...call, limit: 1e9 })) ?? 0 }),
  ],
  [
    "clearExpired takes any that have expired",
    ["the oldest go first"],
    (inner) =>
      remembering(inner, async (known, call) => {
        const ends = [...known]
          .filter(([, end]) => end <= call.now)
          .reverse()
          .slice(0, call.limit);
        for (const [id] of ends) await inner.delete(id, at(call, 0));
        return ends.length;
      }),
  ],
  [
    "marks are cleared too soon",
    ["a mark is cleared when its minute is over, and not before"],
    (inner) => ({
      clearExpired: async (call) => (await inner.clearExpired?.({ ...call, now: call.now + 1 })) ?? 0,
    }),
  ],
  [
    "clearExpired goes by the end that a session first had",
    ["what was touched or updated in time is spared"],
    (inner) =>
      remembering(inner, async (known, call) => {
        const ends = [...known].filter(([, end]) => end <= call.now).slice(0, call.limit);
        for (const [id] of ends) await inner.delete(id, call);
        return ends.length;
      }),
  ],
  [
    "clearExpired picks first and removes later, without another look",
    [
      "each record is checked again as it goes: what is touched or updated while a sweep runs is spared",
      "two sweepers at once never fail, and clear each record once",
    ],
    (inner) =>
      remembering(inner, async (known, call) => {
        const picked: StoreId[] = [];
        for (const [id, end] of known) {
          if (end <= call.now && picked.length < call.limit && (await inner.read(id, at(call, 0))) !== null)
            picked.push(id);
        }
        await pause();
        for (const id of picked) await inner.delete(id, at(call, 0));
        return picked.length;
      }),
  ],
  [
    "stats counts the expired as live",
    [
      "stats counts what can be read, what waits to be cleared, who is signed in and the oldest; null is not told",
    ],
    (inner) => ({
      stats: async (call) => {
        const stats = await inner.stats?.(at(call, 0));
        return stats ?? { live: null, expired: null, authenticated: null, oldest: null, bytes: null };
      },
    }),
  ],
  [
    "stats that tells of its steps counts each step for itself",
    ["stats counts the same when it is asked to tell of its steps"],
    (inner) => ({
      async stats(call) {
        const stats = await inner.stats?.(call);
        if (stats === undefined) throw new Error("The store under it counts.");
        call.onStep?.();
        return call.onStep === undefined ? stats : { ...stats, live: 0 };
      },
    }),
  ],
  [
    "stats counts marks",
    ["stats does not count a mark as a session"],
    (inner) => {
      let marks = 0;
      return {
        rotate: async (...given) => {
          const outcome = await inner.rotate(...given);
          if (outcome === "saved") marks++;
          return outcome;
        },
        stats: async (call) => {
          const stats = await inner.stats?.(call);
          return {
            live: (stats?.live ?? 0) + marks,
            expired: 0,
            authenticated: null,
            oldest: null,
            bytes: null,
          };
        },
      };
    },
  ],
  [
    "check fails where the store serves",
    ["check resolves while the store can serve, on new data and on old"],
    () => ({ check: async () => Promise.reject(new Error("no table")) }),
  ],
  [
    "the signal is ignored",
    ["a call whose signal is already aborted rejects, never throws, and does no work"],
    (inner) => ({
      delete: (id, call) => inner.delete(id, { now: call.now, signal: new AbortController().signal }),
    }),
  ],
  [
    "an aborted call throws at once",
    ["a call whose signal is already aborted rejects, never throws, and does no work"],
    (inner) => ({
      read: (id, call) => {
        call.signal.throwIfAborted();
        return inner.read(id, call);
      },
    }),
  ],
  [
    "a read that is aborted says absent",
    [
      "a call that is aborted while it runs rejects or tells the truth, and never says absent of what is there",
    ],
    (inner) => ({
      read: async (id, call) => {
        await pause();
        return call.signal.aborted ? null : await inner.read(id, call);
      },
    }),
  ],
];

const harnessFaults: BrokenStore[] = [
  {
    fault: "each process has its own data",
    breaks: ["what one process stores, another reads, changes and deletes"],
    make: async () => ({ ...(await soundStore()), elsewhere: memoryStore() }),
  },
  {
    fault: "the mark keeps the data",
    breaks: ["the mark keeps no data and no user"],
    make: async () => {
      const sound = await soundStore();
      return { ...sound, peek: async (id) => `${await sound.peek?.(id)} "the secret"` };
    },
  },
  {
    fault: "the verbs need `this`",
    breaks: ["the verbs need no `this`: a store can be spread, inherited from and taken apart"],
    make: async () => {
      const { store, ...rest } = await soundStore();
      class Careless {
        inner = store;
      }
      for (const verb of Object.keys(store)) {
        Reflect.set(Careless.prototype, verb, function (this: Careless, ...given: unknown[]) {
          return Reflect.apply(Reflect.get(this.inner, verb) as () => unknown, undefined, given);
        });
      }
      return { ...rest, store: new Careless() as unknown as Store };
    },
  },
  {
    fault: "the store is frozen",
    breaks: ["a store is not frozen: a verb can be replaced, and what is not replaced goes on"],
    make: async () => {
      const sound = await soundStore();
      return { ...sound, store: Object.freeze({ ...sound.store }) };
    },
  },
  (() => {
    const data = memoryStore();
    return {
      fault: "all stores of a process share their data",
      breaks: ["two stores that were made separately share no session"],
      make: () => soundStore(() => ({ ...data })),
    };
  })(),
  {
    fault: "a verb was forgotten, and nobody said so",
    breaks: ["the store can do what the suite was told, no more and no less"],
    make: async () => {
      const { store, ...rest } = await soundStore();
      const { listUser: _, ...forgetful } = store;
      return { ...rest, store: forgetful };
    },
  },
];

export const brokenStores: BrokenStore[] = [
  ...faults.map(([fault, breaks, breakIt]) => ({ fault, breaks, make: () => soundStore(breakIt) })),
  ...harnessFaults,
];
