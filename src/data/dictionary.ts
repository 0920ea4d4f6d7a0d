/** The data of one session while a request works on it: a map that notes its changes, also those within its values. */

import type { Settings } from "../settings/settings.ts";
import { Changes, runUpdater, type Updater } from "./changes.ts";
import { checkJson, isNested, parseData, parseObject, put } from "./json.ts";
import { type MisfitListener, readThrough } from "./schema.ts";
import { hasChanged, madeAgain, type Snapshot } from "./snapshot.ts";

type DictionarySettings = Pick<Settings, "nestedChanges" | "onConflict" | "schema">;

/** The session that has the dictionary. */
export interface Holder extends MisfitListener {
  /** Whether the session takes a Date, to be stored as text. It may begin to while it is in use. */
  readonly takesDates: boolean;
}

const json = JSON.stringify;

/** The text of a value. Throws a TypeError that names the place when it is not JSON; JSON.stringify names none. */
function textOf(key: string, value: unknown, takesDates: boolean): string {
  try {
    return json(value);
  } catch (error) {
    checkJson(value, key, takesDates);
    throw error;
  }
}

export class Dictionary {
  readonly #settings: DictionarySettings;
  readonly #holder: Holder;
  /** The text that the values are compared with: the stored data, or the data that is being stored. */
  #base: string;
  /** The values of that text, parsed when the first is compared. */
  #parsedBase: Record<string, unknown> | null = null;
  /** The values, parsed at the first use. The object has a prototype. */
  #parsed: Record<string, unknown> | null = null;
  /** The keys in the order of a Map, once a key was added that may be a whole number: an object has those before all others. */
  #order: string[] | null = null;
  #changes = new Changes();
  /** Changes that were taken before, and could not be stored. */
  #earlier: Snapshot | null = null;
  /** The objects and lists that `update` returned, as texts, to see later whether they were also changed otherwise. */
  #updated: Map<string, string> | null = null;
  /** Whether the handler was given an object or list of ours, and so may change it without a call. */
  #exposed = false;

  constructor(stored: string, settings: DictionarySettings, holder: Holder = { takesDates: false }) {
    this.#settings = settings;
    this.#holder = holder;
    this.#base = readThrough(settings.schema, stored, holder);
  }

  /** Throws a SyntaxError when the text is not a JSON object. */
  get #values(): Record<string, unknown> {
    this.#parsed ??= parseObject(this.#base);
    return this.#parsed;
  }

  /** Whether the text is a JSON object at all. */
  get isReadable(): boolean {
    if (this.#parsed !== null) return true;
    try {
      return this.#values !== null;
    } catch {
      return false;
    }
  }

  get size(): number {
    return this.#keys.length;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  get #keys(): string[] {
    return this.#order ?? Object.keys(this.#values);
  }

  *keys(): IterableIterator<string> {
    for (const key of [...this.#keys]) if (this.has(key)) yield key;
  }

  get(key: string): unknown {
    return this.#show(this.#valueOf(key));
  }

  #valueOf(key: string): unknown {
    const values = this.#values;
    return Object.hasOwn(values, key) ? values[key] : undefined;
  }

  *entries(): IterableIterator<[string, unknown]> {
    for (const key of this.keys()) yield [key, this.get(key)];
  }

  /** All values, for a developer's eyes: nothing is noted, so nothing of it may be handed to the handler. */
  peek(): Record<string, unknown> {
    return { ...this.#values };
  }

  #show(value: unknown): unknown {
    if (isNested(value) && this.#settings.nestedChanges === "detect") this.#exposed = true;
    return value;
  }

  set(key: string, value: unknown): void {
    this.#put(key, this.#show(value));
    this.#changes.setFinal(key);
  }

  delete(key: string): boolean {
    if (!this.has(key)) return false;
    this.#remove(key);
    this.#changes.setFinal(key);
    return true;
  }

  clear(): void {
    this.#empty();
    this.#changes.clear();
  }

  update(key: string, updater: Updater): unknown {
    const current = this.#valueOf(key);
    if (this.#exposed && isNested(current) && this.#isChangedWithin(key, current)) {
      this.#changes.setFinal(key);
    }
    const next = runUpdater(updater, key, current);
    if (next === undefined) this.#remove(key);
    else this.#put(key, this.#show(next));
    this.#changes.addUpdater(key, updater);
    if (isNested(next)) this.#noteUpdated(key, next);
    else this.#updated?.delete(key);
    return next;
  }

  #put(key: string, value: unknown): void {
    if (!this.has(key)) {
      if (this.#order === null && /^\d/.test(key)) this.#order = Object.keys(this.#values);
      this.#order?.push(key);
    }
    put(this.#values, key, value);
  }

  #remove(key: string): void {
    delete this.#values[key];
    if (this.#order !== null) this.#order = this.#order.filter((other) => other !== key);
  }

  #empty(): void {
    this.#parsed = {};
    this.#order = null;
  }

  #noteUpdated(key: string, value: object): void {
    this.#updated ??= new Map();
    this.#updated.set(key, json(value));
  }

  get isChanged(): boolean {
    if (this.#earlier !== null || !this.#changes.isEmpty) return true;
    try {
      return this.#keysChangedWithin().length > 0;
    } catch {
      return true; // A nested value is no JSON any more: taking it will throw, and name the place.
    }
  }

  /** Whether a key has changes that are not stored yet. */
  isChangedAt(key: string): boolean {
    if (this.#changes.cleared || this.#changes.keys.has(key) || hasChanged(this.#earlier, key)) return true;
    return this.#exposed && this.#isChangedWithin(key, this.#valueOf(key));
  }

  /**
   * Takes the changes made so far, and begins anew from there. With `everything`, changes within values are also taken
   * where the settings ignore them. Throws a TypeError when a nested value is not JSON.
   */
  take(everything = false): Snapshot {
    this.#exposed ||= everything;
    const mine = this.#serialize();
    for (const key of this.#keysChangedWithin(mine)) this.#changes.setFinal(key);
    const changes = this.#changes;
    for (const [key, updaters] of changes.keys) {
      const value = this.#valueOf(key);
      if (updaters === null && isNested(value)) checkJson(value, key, this.#holder.takesDates);
    }
    const snapshot = { changes, base: this.#base, mine, earlier: this.#earlier, versions: [] };
    this.#earlier = null;
    this.#begin(mine, new Changes());
    return snapshot;
  }

  /** Gives back changes that were taken and could not be stored. They come before the changes made since. */
  putBack(snapshot: Snapshot): void {
    this.#earlier = snapshot.changes.isEmpty ? snapshot.earlier : snapshot;
  }

  /** The changes that were taken are stored. The text `stored` may hold changes of other requests too. */
  rebase(stored: string, { mine }: Snapshot): void {
    if (stored === mine) return;
    try {
      this.reload(stored, null);
    } catch {
      // The changes made since do not fit on those of the other requests. The next save will meet that again, and throw.
    }
  }

  /** Nothing is stored any more: keeps only the changes of this request, if they can be made on empty data. */
  orphan(): void {
    try {
      this.reload("{}", null, "mine");
    } catch {
      this.#empty();
      this.#begin("{}", new Changes());
    }
  }

  /**
   * Goes on from a newer stored text, and makes the changes again on it. `version` is that of the record, where the text is a
   * record's. Throws what `madeAgain` throws.
   */
  reload(stored: string, version: number | null, onConflict = this.#settings.onConflict): void {
    const snapshot = this.take();
    let again: Snapshot;
    try {
      const text = readThrough(this.#settings.schema, stored, this.#holder);
      again = madeAgain(snapshot, { text, version }, onConflict);
      this.#adopt(snapshot.mine, again.mine);
    } catch (error) {
      this.putBack(snapshot);
      throw error;
    }
    for (const [key, updaters] of again.changes.keys) {
      const value = this.#valueOf(key);
      if (updaters !== null && isNested(value)) this.#noteUpdated(key, value);
    }
    this.#earlier = again.earlier;
    this.#begin(again.base, again.changes);
  }

  #begin(base: string, changes: Changes): void {
    this.#base = base;
    this.#parsedBase = null;
    this.#changes = changes;
    if (changes.isEmpty) this.#updated = null;
  }

  /** Takes over the keys that differ between two texts. For the others the handler may hold the objects, so they stay. */
  #adopt(mine: string, theirs: string): void {
    const before = parseData(mine);
    const after = parseData(theirs);
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (json(before[key]) === json(after[key])) continue;
      if (key in after) this.#put(key, after[key]);
      else this.#remove(key);
    }
  }

  /** Whether the value of a key was changed from within, and not only by `update`. */
  #isChangedWithin(key: string, value: unknown): boolean {
    if (!isNested(value) || this.#changes.keys.get(key) === null) return false;
    return textOf(key, value, this.#holder.takesDates) !== (this.#updated?.get(key) ?? this.#baseText(key));
  }

  #baseText(key: string): string {
    this.#parsedBase ??= parseData(this.#base);
    return json(this.#parsedBase[key]);
  }

  /** The keys whose objects or lists were changed from within. `now` is the present text, if it is known already. */
  #keysChangedWithin(now?: string): string[] {
    if (!this.#exposed) return [];
    // Where the text as a whole is unchanged, no key need be looked at.
    if (this.#changes.isEmpty && (now ?? this.#serialize()) === this.#base) return [];
    return Object.keys(this.#values).filter((key) => this.#isChangedWithin(key, this.#valueOf(key)));
  }

  #serialize(): string {
    if (this.#parsed === null) return this.#base;
    try {
      return json(this.#parsed);
    } catch (error) {
      for (const [key, value] of Object.entries(this.#parsed)) checkJson(value, key, this.#holder.takesDates); // Names the place, which JSON.stringify does not.
      throw error;
    }
  }
}
