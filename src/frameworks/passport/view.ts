/** A session of coatcheck as passport and its strategies see one: its keys are properties, and it takes callbacks. */
import { userIdFrom } from "../../data/user-id.ts";
import { INSPECT, type Session, TAKE_DATES } from "../../session.ts";

/** The key in which passport keeps the user. */
const PASSPORT = "passport";

/** Called when the work is done, with the error if it failed. */
type Callback = (error?: unknown) => void;

interface Surroundings {
  /** Puts another view in this one's place. */
  replace(view: PassportView): void;
  /** Gets what a callback throws where no caller could catch it. */
  failed(error: unknown): void;
}

type Data = Record<string, unknown>;

export class PassportView {
  readonly session: Session;
  /** The object that stands in `req.session`. */
  readonly proxy: object;
  readonly #around: Surroundings;
  /** The user that passport has assigned and not saved yet. */
  #assigned: { readonly user: unknown } | null = null;
  /** passport has made its object, which has no user yet. */
  #isStarted = false;
  /** `passport.user` was deleted, and the new session is stored with the response. */
  #isSignedOut = false;
  /** The keys and values as they were when `regenerate` was called; null until then. */
  #left: Data | null = null;

  constructor(session: Session, around: Surroundings) {
    this.session = session;
    this.#around = around;
    (session as { [TAKE_DATES]?: () => void })[TAKE_DATES]?.();
    // The console looks for the text to print on the target, and calls it on the proxy.
    const text = (...given: unknown[]) => Reflect.apply(Reflect.get(session, INSPECT), session, given);
    const target = Object.create(Object.getPrototypeOf(session), {
      [INSPECT]: { value: text, configurable: true },
    });
    this.proxy = new Proxy(target, this.#traps());
  }

  #traps(): ProxyHandler<object> {
    return {
      get: (_target, name) => (this.#isMember(name) ? this.#member(name) : this.#get(name as string)),
      set: (_target, name, value) => {
        if (!this.#isMember(name)) this.#set(name as string, value);
        else if (!Reflect.set(this.session, name, value)) throw new TypeError(notAKey(name));
        return true;
      },
      has: (_target, name) => this.#isMember(name) || this.#get(name as string) !== undefined,
      deleteProperty: (_target, name) => {
        if (!this.#isMember(name)) this.#delete(name as string);
        return true;
      },
      ownKeys: () => this.#keys(),
      getOwnPropertyDescriptor: (_target, name) => {
        if (typeof name === "symbol" || !this.#keys().includes(name)) return undefined;
        return { value: this.#get(name), writable: true, enumerable: true, configurable: true };
      },
      defineProperty: (_target, name, { value }) => {
        if (this.#isMember(name)) return false;
        this.#set(name as string, value);
        return true;
      },
    };
  }

  /** Whether the session itself, or every object, has this name. All others are keys. */
  #isMember(name: string | symbol): boolean {
    return typeof name === "symbol" || name === "regenerate" || name in this.session;
  }

  #member(name: string | symbol): unknown {
    if (name === "save") return (callback?: Callback) => this.#save(callback);
    if (name === "regenerate") return (callback?: Callback) => this.#regenerate(callback);
    const member: unknown = Reflect.get(this.session, name);
    if (typeof member !== "function" || name === "constructor") return member;
    return (...given: unknown[]) => {
      const result: unknown = Reflect.apply(member, this.session, given);
      return result === this.session ? this.proxy : result;
    };
  }

  #get(key: string): unknown {
    if (this.#left !== null) return this.#left[key];
    return key === PASSPORT ? this.#passport() : this.session.get(key);
  }

  #set(key: string, value: unknown): void {
    if (this.#left !== null) this.#left[key] = value;
    else if (key === PASSPORT) this.#assign(value);
    else if (value === undefined) this.session.delete(key);
    // Code writes `session.flash = session.flash || {}` wherever it reads; changes within are found by comparing.
    else if (value !== this.session.get(key)) this.session.set(key, value);
  }

  #delete(key: string): void {
    if (this.#left !== null) delete this.#left[key];
    else if (key === PASSPORT) this.#signOut();
    else this.session.delete(key);
  }

  #keys(): string[] {
    if (this.#left !== null) return Object.keys(this.#left);
    const keys = [...this.session.keys()].filter((key) => key !== PASSPORT && !this.#isMember(key));
    return this.#passport() === undefined ? keys : [...keys, PASSPORT];
  }

  /** The user as passport has assigned it; else the id of the user who is signed in, as a number where it was one. */
  get #user(): unknown {
    if (this.#assigned !== null) return this.#assigned.user;
    const { userId } = this.session;
    if (userId === null) return undefined;
    const stored: unknown = (this.session.get(PASSPORT) as Data | null | undefined)?.user;
    return String(stored) === userId ? stored : userId;
  }

  /** passport's own object, made at each look: it shows the user, and passes on what is done to it. */
  #passport(): object | undefined {
    const user = this.#user;
    if (user === undefined && !this.#isStarted) return undefined;
    return new Proxy(user === undefined ? {} : { user }, {
      set: (target, name, value) => {
        this.#assign({ ...target, [name]: value });
        return Reflect.set(target, name, value);
      },
      deleteProperty: (target, name) => {
        if (name === "user") this.#signOut();
        return Reflect.deleteProperty(target, name);
      },
    });
  }

  #assign(value: unknown): void {
    const { user, ...others } = Object(value) as { user?: unknown };
    const [other] = Object.keys(others);
    if (other !== undefined) {
      throw new TypeError(
        `req.session.passport holds only the user, and got ${JSON.stringify(other)}. Store it under a key of its own: req.session.name = value.`,
      );
    }
    this.#isStarted = true;
    this.#assigned = user === undefined ? null : { user };
  }

  /** Ends the session where it has a user. The data goes on in a new session, as it does without the user elsewhere. */
  #signOut(): void {
    this.#assigned = null;
    if (this.session.userId === null) return;
    const { [PASSPORT]: _user, ...data } = this.session.toObject();
    this.session.flush();
    if (Object.keys(data).length > 0) this.session.assign(data);
    this.#isSignedOut = true;
  }

  /** Signs in the user that passport has assigned, if it is a new one, and stores the session. */
  async #stored(): Promise<boolean> {
    const { session } = this;
    if (this.#assigned !== null) {
      const { user } = this.#assigned;
      const userId = userIdOf(user);
      if (userId !== session.userId) session.login(userId);
      // The session keeps the id as text, and many a deserializeUser compares it with a number.
      if (typeof user === "number") session.set(PASSPORT, { user });
      else if (session.has(PASSPORT)) session.delete(PASSPORT);
      this.#assigned = null;
    } else if (this.#isSignedOut) {
      // passport goes on to regenerate, so the session would be stored only to be deleted. The response stores what remains.
      return true;
    }
    this.#isSignedOut = false;
    return await session.save();
  }

  #save(callback: Callback | undefined): Promise<boolean> | object {
    const stored = this.#stored();
    if (callback === undefined) return stored;
    stored.then(
      () => this.#call(callback),
      (error) => this.#call(callback, error),
    );
    return this.proxy;
  }

  #regenerate(callback: Callback | undefined): object {
    const left = Object.fromEntries(this.#keys().map((key) => [key, this.#get(key)]));
    if (PASSPORT in left) left[PASSPORT] = { ...(left[PASSPORT] as object) };
    try {
      this.session.flush();
    } catch (error) {
      this.#call(callback, error);
      return this.proxy;
    }
    this.#left = left;
    const next = new PassportView(this.session, this.#around);
    this.#around.replace(next);
    this.#call(callback);
    return next.proxy;
  }

  #call(callback: Callback | undefined, ...error: [unknown?]): void {
    try {
      callback?.(...error);
    } catch (thrown) {
      this.#around.failed(thrown);
    }
  }
}

const notAKey = (name: string | symbol): string =>
  `req.session.${String(name)} is a member of the session, and no key. Choose another name.`;

function userIdOf(user: unknown): string {
  if (typeof user === "object" && user !== null) {
    throw new TypeError(
      "passport.serializeUser gave an object, and the session keeps the user's id alone. Write passport.serializeUser((user, done) => " +
        "done(null, user.id)), and find the user by that id in passport.deserializeUser.",
    );
  }
  return userIdFrom(user);
}
