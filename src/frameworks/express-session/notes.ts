/**
 * What a module knows of objects that others made. It is kept in a private field that is added to each object: nothing shows of it,
 * a copy of the object has none, and it goes with the object, as the entry of a WeakMap does. But the garbage collector has to look
 * at every WeakMap, which for an object of each request costs more than all that is kept.
 */

/** Its constructor gives an object that is there already, so that the field of a subclass is added to that one. */
class Given {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: the way to add a private field to an object of another class.
    return object;
  }
}

export interface Notes<T> {
  get(object: object): T | undefined;
  set(object: object, value: T): void;
}

/** Makes a place for one note on each object. */
export function notes<T>(): Notes<T> {
  /** The notes on objects that take no more properties, such as frozen ones; made for the first of them. */
  let onClosed: WeakMap<object, T> | undefined;

  class Note extends Given {
    #value: T;

    constructor(object: object, value: T) {
      super(object);
      this.#value = value;
    }

    static get(object: object): T | undefined {
      return #value in object ? object.#value : onClosed?.get(object);
    }

    static set(object: object, value: T): void {
      if (#value in object) object.#value = value;
      else if (Object.isExtensible(object)) new Note(object, value);
      else onClosed = (onClosed ?? new WeakMap()).set(object, value);
    }
  }
  return Note;
}
