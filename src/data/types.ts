/** The types of keys, values and fallbacks, by the data that the application has declared or has not. */

/** The type of an undeclared key. */
// biome-ignore lint/suspicious/noExplicitAny: without declarations nothing is known, as with JSON.parse.
type Any = any;

/** Whether no key is declared, so that every key compiles. */
type IsOpen<Data> = [keyof Data] extends [never] ? true : false;

/** The keys of the data; any string where none is declared. */
export type KeyOf<Data> = IsOpen<Data> extends true ? string : keyof Data & string;

/** The type of a key's value. A key may be absent, but a value is never undefined. */
export type ValueOf<Data, K extends KeyOf<Data> = KeyOf<Data>> =
  IsOpen<Data> extends true ? Any : K extends keyof Data ? Exclude<Data[K], undefined> : never;

/** The fallback that `get(key, fallback)` takes: a value of the key, or null. */
export type Fallback<Data, K extends KeyOf<Data>> =
  IsOpen<Data> extends true ? unknown : ValueOf<Data, K> | null;

type Widened<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;

/** The result of `get(key, fallback)`: for an undeclared key the type that the fallback suggests. */
export type WithFallback<Data, K extends KeyOf<Data>, F> =
  IsOpen<Data> extends true
    ? [F] extends [null | undefined]
      ? Any
      : [F] extends [readonly never[]]
        ? Any[]
        : Widened<F>
    : ValueOf<Data, K> | (null extends F ? null : never);
