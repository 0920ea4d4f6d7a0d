import { randomBytes } from "node:crypto";
import {
  memoryStore,
  type Saved,
  type Store,
  type StoredRecord,
  type StoreId,
  type WriteOutcome,
} from "coatcheck";

const idOf = (key: string) => Buffer.from(key, "latin1").toString("hex") as StoreId;

/** 32 letters of `a-z0-9`, as every key has. */
const newKey = () =>
  BigInt(`0x1${randomBytes(24).toString("hex")}`)
    .toString(36)
    .slice(-32);

let versions = 1000;
const withNewVersion = (record: StoredRecord) => ({ ...record, version: ++versions });

/** A store in memory that keeps keys in clear and makes the versions itself, as the table of another program does. */
export function clearStore(inner: Store = memoryStore(), { marks = true } = {}): Store {
  const { listUser: _none, ...rest } = inner;
  const answer = <T extends WriteOutcome | boolean>(outcome: T, { version }: StoredRecord): T | Saved =>
    outcome === true || outcome === "saved" ? { saved: version } : outcome;
  return {
    ...rest,
    capabilities: { ...inner.capabilities, keepsLoginTime: false },
    ticket: {
      kind: "clear",
      parse: (value) => (/^[a-z0-9]{32}$/.test(value) ? { key: value, id: idOf(value) } : null),
      mint() {
        const key = newKey();
        return { key, id: idOf(key) };
      },
      issue: ({ key }) => key ?? "",
    },
    async create(id, record, call) {
      const own = withNewVersion(record);
      return answer(await inner.create(id, own, call), own);
    },
    async update(id, record, expected, call) {
      const own = withNewVersion(record);
      return answer(await inner.update(id, own, expected, call), own);
    },
    async rotate(from, to, record, expected, call) {
      const own = withNewVersion(record);
      if (!marks) {
        const seen = await inner.read(from, call);
        if (seen === null || seen === "moved") return "gone";
        if (seen.version !== expected) return "conflict";
        await inner.delete(from, call);
        await inner.create(to, own, call);
        return { saved: own.version };
      }
      return answer(await inner.rotate(from, to, own, expected, call), own);
    },
  };
}
