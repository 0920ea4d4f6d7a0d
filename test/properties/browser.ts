import { createSessions, memoryStore, type Options, type Session } from "coatcheck";

/** One browser: its requests follow each other, and its cookie is what the responses made of it. */
export class Browser {
  readonly #sessions;
  #cookie: string | null = null;

  constructor(options: Options = {}) {
    this.#sessions = createSessions({ store: memoryStore(), ...options });
  }

  open(): Promise<Session> {
    return this.#sessions.open(this.#cookie, { secure: false });
  }

  async commit(session: Session): Promise<void> {
    for (const [name, value] of await this.#sessions.commit(session, { status: 200 })) {
      if (name === "Set-Cookie") this.#cookie = value.split(";")[0] as string;
    }
  }
}
