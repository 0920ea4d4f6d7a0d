import type { StoredRecord, StoreId } from "../../contract/record.ts";

/** The number of a place on the rack. 0 stands for no place. */
export type Peg = number;

const [VERSION, CREATED_AT, AUTHENTICATED_AT, EXPIRES_AT, EXPIRY, FORMAT, COLUMNS] = [
  0, 1, 2, 3, 4, 5, 6,
] as const;

/** Stands for null among the numbers. */
const NOTHING = Number.NaN;
const orNull = (number: number) => (Number.isNaN(number) ? null : number);

/**
 * The records of `memoryStore`. They are kept in columns, because an object for each would take twice the memory. Links
 * join the pegs in use to a ring, from the most to the least recently used; the ring begins and ends at peg 0.
 */
export class Rack {
  readonly #pegs = new Map<StoreId, Peg>();
  readonly #ids: (StoreId | null)[] = [null];
  readonly #data: string[] = [""];
  readonly #userIds: (string | null)[] = [null];
  readonly #free: Peg[] = [];
  #numbers = new Float64Array(64 * COLUMNS);
  #older = new Int32Array(64);
  #newer = new Int32Array(64);

  get size(): number {
    return this.#pegs.size;
  }

  get leastRecentlyUsed(): Peg {
    return this.#newer[0] ?? 0;
  }

  find(id: StoreId): Peg {
    return this.#pegs.get(id) ?? 0;
  }

  /** A peg for an id that has none; `put` or `putMark` must follow. */
  add(id: StoreId): Peg {
    const peg = this.#free.pop() ?? this.#ids.length;
    if (peg >= this.#older.length) this.#grow();
    this.#ids[peg] = id;
    this.#pegs.set(id, peg);
    this.#link(peg);
    return peg;
  }

  remove(peg: Peg): void {
    this.#pegs.delete(this.idAt(peg));
    this.#unlink(peg);
    this.#ids[peg] = null;
    this.#data[peg] = "";
    this.#userIds[peg] = null;
    this.#free.push(peg);
  }

  /** Makes a peg the most recently used. */
  use(peg: Peg): void {
    this.#unlink(peg);
    this.#link(peg);
  }

  put(peg: Peg, record: StoredRecord): void {
    this.#data[peg] = record.data;
    this.#userIds[peg] = record.userId;
    const row = peg * COLUMNS;
    this.#numbers[row + VERSION] = record.version;
    this.#numbers[row + CREATED_AT] = record.createdAt;
    this.#numbers[row + AUTHENTICATED_AT] = record.authenticatedAt ?? NOTHING;
    this.#numbers[row + EXPIRES_AT] = record.expiresAt;
    this.#numbers[row + EXPIRY] = record.expiry ?? NOTHING;
    this.#numbers[row + FORMAT] = record.format;
  }

  /** A mark is a peg without a format, whose data is the id that the session moved to. */
  putMark(peg: Peg, movedTo: StoreId, expiresAt: number): void {
    this.#data[peg] = movedTo;
    this.#userIds[peg] = null;
    const row = peg * COLUMNS;
    this.#numbers.fill(NOTHING, row, row + COLUMNS);
    this.#numbers[row + EXPIRES_AT] = expiresAt;
  }

  /** The id to which the session on a peg has moved; null for a session that is still here. */
  movedTo(peg: Peg): StoreId | null {
    return Number.isNaN(this.#number(peg, FORMAT)) ? (this.#data[peg] as StoreId) : null;
  }

  recordAt(peg: Peg): StoredRecord {
    return {
      data: this.#data[peg] ?? "",
      version: this.versionAt(peg),
      userId: this.userIdAt(peg),
      createdAt: this.#number(peg, CREATED_AT),
      authenticatedAt: orNull(this.#number(peg, AUTHENTICATED_AT)),
      expiresAt: this.expiresAt(peg),
      expiry: orNull(this.#number(peg, EXPIRY)),
      format: this.#number(peg, FORMAT),
    };
  }

  idAt(peg: Peg): StoreId {
    return this.#ids[peg] as StoreId;
  }

  userIdAt(peg: Peg): string | null {
    return this.#userIds[peg] ?? null;
  }

  versionAt(peg: Peg): number {
    return this.#number(peg, VERSION);
  }

  expiresAt(peg: Peg): number {
    return this.#number(peg, EXPIRES_AT);
  }

  prolong(peg: Peg, expiresAt: number): void {
    this.#numbers[peg * COLUMNS + EXPIRES_AT] = expiresAt;
  }

  /** The peg after this one in the order of their numbers, which stays when they are used; 0 after the last. */
  after(peg: Peg): Peg {
    for (let next = peg + 1; next < this.#ids.length; next++) if (this.#ids[next] !== null) return next;
    return 0;
  }

  forEach(visit: (peg: Peg) => void): void {
    for (let peg = this.after(0); peg !== 0; peg = this.after(peg)) visit(peg);
  }

  #number(peg: Peg, column: number): number {
    return this.#numbers[peg * COLUMNS + column] as number;
  }

  #link(peg: Peg): void {
    const newest = this.#older[0] as Peg;
    this.#older[peg] = newest;
    this.#newer[peg] = 0;
    this.#newer[newest] = peg;
    this.#older[0] = peg;
  }

  #unlink(peg: Peg): void {
    const older = this.#older[peg] as Peg;
    const newer = this.#newer[peg] as Peg;
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }

  /** Grows by an eighth only, because places that are not yet used take memory too. */
  #grow(): void {
    const pegs = Math.ceil(this.#older.length * 1.125);
    this.#older = grown(this.#older, new Int32Array(pegs));
    this.#newer = grown(this.#newer, new Int32Array(pegs));
    this.#numbers = grown(this.#numbers, new Float64Array(pegs * COLUMNS));
  }
}

function grown<T extends Int32Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
