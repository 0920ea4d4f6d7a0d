import assert from "node:assert/strict";
import type { StoredRecord, StoreId } from "../contract/record.ts";
import type { Store, StoreCall } from "../contract/store.ts";

/** An empty store, and ways to look at it from outside. The test makes one for each sentence. */
export interface StoreUnderTest {
  readonly store: Store;
  /** A second store object over the same data: another connection or, better, another process. */
  readonly elsewhere?: Store;
  /** All text that the database has under an id (`""` for nothing), read past the store: a mark may keep no data. */
  peek?(id: StoreId): string | Promise<string>;
  /** Called after the sentence: removes the data, and closes what was opened. */
  dispose?(): unknown;
}

/** Called once or twice for each sentence. Each store that it makes is empty, and shares no session with another. */
export type MakeStore = () => StoreUnderTest | Promise<StoreUnderTest>;

const HOUR = 3_600_000;

/** One sentence under trial: an empty store, a clock that the sentence moves, and fresh ids and records. */
export class Trial {
  readonly store: Store;
  /** The second store over the same data, or the first again where the test has none. */
  readonly other: Store;
  readonly peek: StoreUnderTest["peek"];
  /** Makes another store, which shares no session with this one. */
  readonly another: MakeStore;
  /**
   * The time of every call, epoch milliseconds. It begins at the real time, so that a store that expires natively keeps the
   * records. From then on only `pass` moves it.
   */
  now = Date.now();
  readonly #controller = new AbortController();

  constructor(made: StoreUnderTest, another: MakeStore) {
    this.store = made.store;
    this.other = made.elsewhere ?? made.store;
    this.peek = made.peek;
    this.another = another;
  }

  get call(): StoreCall {
    return { signal: this.#controller.signal, now: this.now };
  }

  /** A call by a server whose clock shows another time. */
  callAt(now: number): StoreCall {
    return { signal: this.#controller.signal, now };
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
  }

  id(): StoreId {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") as StoreId;
  }

  /** A record that differs from all others, with an hour to live. */
  record(changes: Partial<StoredRecord> = {}): StoredRecord {
    return {
      data: JSON.stringify({ nonce: this.id() }),
      version: this.version(),
      userId: null,
      createdAt: this.now,
      authenticatedAt: null,
      expiresAt: this.now + HOUR,
      expiry: null,
      format: 1,
      ...changes,
    };
  }

  /** Any version that the core could draw: 53 bits. */
  version(): number {
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    return (high & 0x1fffff) * 2 ** 32 + low;
  }

  /** Stores a new record. */
  async keep(changes: Partial<StoredRecord> = {}): Promise<{ id: StoreId; record: StoredRecord }> {
    const id = this.id();
    const record = this.record(changes);
    assert.equal(await this.store.create(id, record, this.call), true, "create of a fresh id");
    return { id, record };
  }

  /** Stores a new record and rotates it to another id. */
  async move(
    changes: Partial<StoredRecord> = {},
  ): Promise<{ from: StoreId; to: StoreId; record: StoredRecord }> {
    const { id: from, record: old } = await this.keep(changes);
    const to = this.id();
    const record = this.record(changes);
    assert.equal(
      await this.store.rotate(from, to, record, old.version, this.call),
      "saved",
      "rotate of a live session",
    );
    return { from, to, record };
  }

  /** Holds when every process reads this record under the id. */
  async isLive(id: StoreId, record: StoredRecord, why = "read"): Promise<void> {
    for (const store of this.#everywhere()) {
      const found = await store.read(id, this.call);
      assert.ok(found !== null && found !== "moved", `${why}: a live record was read as ${String(found)}`);
      assert.deepEqual({ ...found }, record, why);
    }
  }

  /** Holds when every process reads null under the id. */
  async isAbsent(id: StoreId, why = "read"): Promise<void> {
    for (const store of this.#everywhere()) assert.equal(await store.read(id, this.call), null, why);
  }

  /** Holds when every process reads "moved" under the id. */
  async isMoved(id: StoreId, why = "read"): Promise<void> {
    for (const store of this.#everywhere()) assert.equal(await store.read(id, this.call), "moved", why);
  }

  /** The ids that a store lists for a user. */
  async listed(userId: string, store = this.store): Promise<Set<StoreId>> {
    assert.ok(store.listUser, "listUser");
    return new Set(await store.listUser(userId, this.call));
  }

  /** Runs `times` calls at once, every other one on the second store. */
  atOnce<T>(times: number, run: (store: Store, n: number) => Promise<T>): Promise<T[]> {
    return Promise.all(
      Array.from({ length: times }, (_, n) => run(n % 2 === 0 ? this.store : this.other, n)),
    );
  }

  #everywhere(): Store[] {
    return this.other === this.store ? [this.store] : [this.store, this.other];
  }
}
