/** The data of one session while a request works on it: a Map that knows what was changed, also from within. */

import type { Settings } from "../settings.ts";
import { Changes, replay, runUpdater, type Updater } from "./changes.ts";
import { checkJson, isNested, parseData, parseMap } from "./json.ts";

/** Changes as they stood at one moment: from the text `base` they led to the text `mine`. */
export interface Snapshot {
  readonly changes: Changes;
  readonly base: string;
  readonly mine: string;
}

const json = JSON.stringify;

export class Dictionary {
  readonly #settings: Pick<Settings, "nestedChanges" | "onConflict">;
  /** The text that the values are compared with: what is stored, or about to be. */
  #base: string;
  /** Parsed when first touched. */
  #parsed: Map<string, unknown> | null = null;
  #changes = new Changes();
  /** What `update` made of objects and lists, to see later whether they were changed otherwise as well. */
  readonly #updated = new Map<string, string>();
  /** Whether the handler holds an object or list of ours, and so may change it without telling. */
  #exposed = false;

  constructor(base: string, settings: Pick<Settings, "nestedChanges" | "onConflict">) {
    this.#base = base;
    this.#settings = settings;
  }

  /** Throws a SyntaxError when the text is not a JSON object. */
  get #values(): Map<string, unknown> {
    this.#parsed ??= parseMap(this.#base);
    return this.#parsed;
  }

  /** Whether the text is a JSON object at all. */
  get isReadable(): boolean {
    if (this.#parsed !== null) return true;
    try {
      return this.#values.size >= 0;
    } catch {
      return false;
    }
  }

  get size(): number {
    return this.#values.size;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  get(key: string): unknown {
    return this.#show(this.#values.get(key));
  }

  *entries(): IterableIterator<[string, unknown]> {
    for (const [key, value] of this.#values) yield [key, this.#show(value)];
  }

  #show(value: unknown): unknown {
    if (isNested(value) && this.#settings.nestedChanges === "detect") this.#exposed = true;
    return value;
  }

  set(key: string, value: unknown): void {
    this.#values.set(key, this.#show(value));
    this.#changes.setFinal(key);
  }

  delete(key: string): boolean {
    const had = this.#values.delete(key);
    if (had) this.#changes.setFinal(key);
    return had;
  }

  clear(): void {
    this.#parsed = new Map();
    this.#changes.clear();
  }

  update(key: string, updater: Updater): unknown {
    const current = this.#values.get(key);
    if (this.#exposed && isNested(current) && this.#isChangedWithin(key, current, parseData(this.#base))) {
      this.#changes.setFinal(key);
    }
    const next = runUpdater(updater, key, current);
    if (next === undefined) this.#values.delete(key);
    else this.#values.set(key, this.#show(next));
    this.#changes.addUpdater(key, updater);
    if (isNested(next)) this.#updated.set(key, json(next));
    else this.#updated.delete(key);
    return next;
  }

  get isChanged(): boolean {
    if (!this.#changes.isEmpty) return true;
    try {
      return this.#keysChangedWithin().length > 0;
    } catch {
      return true; // A nested value is no JSON any more: the snapshot will say where.
    }
  }

  /**
   * Takes what was changed so far, and begins anew from there; with `everything`, also changes within values that are
   * otherwise ignored. Throws a TypeError when a nested value is not JSON.
   */
  take(everything = false): Snapshot {
    this.#exposed ||= everything;
    const mine = this.#serialize();
    for (const key of this.#keysChangedWithin(mine)) this.#changes.setFinal(key);
    const changes = this.#changes;
    for (const [key, updaters] of changes.keys) {
      if (updaters === null && isNested(this.#values.get(key))) checkJson(this.#values.get(key), key);
    }
    const snapshot = { changes, base: this.#base, mine };
    this.#begin(mine, new Changes());
    return snapshot;
  }

  /** What was taken could not be stored: it counts as not saved again, together with what was done since. */
  putBack({ changes, base, mine }: Snapshot): void {
    const later = this.#changes;
    const taken = parseData(mine);
    for (const [key, updaters] of changes.keys) {
      if (updaters !== null && !later.keys.has(key) && isNested(taken[key]))
        this.#updated.set(key, json(taken[key]));
    }
    changes.append(later);
    this.#begin(base, changes);
  }

  /** What was taken is stored, as part of `stored`, which may hold the changes of others too. */
  rebase(stored: string, { mine }: Snapshot): void {
    if (stored === mine) return;
    try {
      this.reload(stored);
    } catch {
      // What was done since does not fit on the others' changes: the next save will meet that again, and say so.
    }
  }

  /** There is nothing stored any more: only what this request did itself is left, if that can be on nothing. */
  orphan(): void {
    try {
      this.reload("{}", "mine");
    } catch {
      this.#parsed = new Map();
      this.#begin("{}", new Changes());
    }
  }

  /** The stored text is another now: goes on from it, with the changes made again. Throws what `replay` throws. */
  reload(stored: string, onConflict = this.#settings.onConflict): void {
    const snapshot = this.take();
    const { changes, base, mine } = snapshot;
    try {
      this.#adopt(mine, replay(changes, { base, mine, theirs: stored }, onConflict));
    } catch (error) {
      this.putBack(snapshot);
      throw error;
    }
    for (const [key, updaters] of changes.keys) {
      if (updaters !== null && isNested(this.#values.get(key)))
        this.#updated.set(key, json(this.#values.get(key)));
    }
    this.#begin(stored, changes);
  }

  #begin(base: string, changes: Changes): void {
    this.#base = base;
    this.#changes = changes;
    if (changes.isEmpty) this.#updated.clear();
  }

  /** Takes over what differs between two texts, and keeps the objects that the handler may hold where nothing does. */
  #adopt(mine: string, theirs: string): void {
    const before = parseData(mine);
    const after = parseData(theirs);
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (this.#changes.cleared || this.#changes.keys.has(key) || json(before[key]) === json(after[key]))
        continue;
      if (key in after) this.#values.set(key, after[key]);
      else this.#values.delete(key);
    }
  }

  /** Whether the value of a key was changed other than by `update`, without being told. */
  #isChangedWithin(key: string, value: unknown, base: Record<string, unknown>): boolean {
    if (!isNested(value) || this.#changes.keys.get(key) === null) return false;
    return json(value) !== (this.#updated.get(key) ?? json(base[key]));
  }

  /** The keys whose objects or lists were changed from within; `now` is the present text, when at hand. */
  #keysChangedWithin(now?: string): string[] {
    if (!this.#exposed) return [];
    // Nothing is looked at closely when the text as a whole is what it was.
    if (this.#changes.isEmpty && (now ?? this.#serialize()) === this.#base) return [];
    const base = parseData(this.#base);
    return [...this.#values.keys()].filter((key) => this.#isChangedWithin(key, this.#values.get(key), base));
  }

  #serialize(): string {
    if (this.#parsed === null) return this.#base;
    try {
      return json(Object.fromEntries(this.#parsed));
    } catch (error) {
      for (const [key, value] of this.#parsed) checkJson(value, key); // Says where, which JSON.stringify does not.
      throw error;
    }
  }
}
