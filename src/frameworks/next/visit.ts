/** A session in one phase of a request of Next.js: the run of an action or a handler, or the rendering of a page. */
import { cookies, headers } from "next/headers.js";
import type { Draft } from "../../engine/draft.ts";
import type { Engine } from "../../engine/engine.ts";
import { SessionReadOnlyError } from "../../errors.ts";
import type { Session } from "../../session.ts";
import { ENGINE, type Sessions } from "../../sessions.ts";
import { withHeaders } from "../on-web/response-copy.ts";
import { cameByHttps } from "../proxy.ts";
import { type Header, withPrivacy } from "../session-headers.ts";
import { cookieHeader, isReadOnlyNow, isWritable, type Jar, putCookies } from "./jar.ts";

/** The place of a session in one phase: its visit, and the number of the calls of `withSession` that use it. */
interface Place<Data> {
  readonly visit: Promise<NextVisit<Data>>;
  users: number;
  /** Makes the next call of the phase open the session anew. */
  readonly leave: () => void;
}

/** The places of a phase, by engine. Next.js has one jar for each phase of a request. */
// biome-ignore lint/suspicious/noExplicitAny: one request can have sessions with keys of several types.
const phases = new WeakMap<Jar, Map<object, Place<any>>>();

/** The place of the session in the present phase. */
async function placeOf<Data>(sessions: Sessions<Data>): Promise<Place<Data>> {
  const engine = sessions[ENGINE];
  const jar = await cookies();
  const places = phases.get(jar) ?? new Map<object, Place<Data>>();
  phases.set(jar, places);
  const known = places.get(engine);
  if (known !== undefined) return known;
  const leave = () => void places.delete(engine);
  const opened = open(engine, jar);
  const visit = opened.then(([draft, isWritable]) => new NextVisit(engine, draft, isWritable, place));
  const place: Place<Data> = { visit, users: 0, leave };
  places.set(engine, place);
  visit.catch(leave);
  return place;
}

async function open<Data>(engine: Engine<Session<Data>>, jar: Jar): Promise<[Draft, isWritable: boolean]> {
  const head = await headers();
  const secure = cameByHttps(head) === true; // Next.js fills X-Forwarded-Proto in where no proxy did.
  const canWrite = isWritable(jar);
  const arrival = {
    secure,
    header: (name: string) => head.get(name),
    readOnly: canWrite ? isReadOnlyNow : true,
    announce: putCookies,
  };
  const cookie = cookieHeader(head.get("cookie"), jar, engine.cookieName(secure));
  const draft = engine.begin(cookie, arrival);
  await engine.find(draft, arrival);
  return [draft, canWrite];
}

export class NextVisit<Data> {
  readonly session: Session<Data>;
  readonly #engine: Engine<Session<Data>>;
  readonly #draft: Draft;
  /** Whether the session may be changed, because a cookie can be sent. */
  readonly #isWritable: boolean;
  readonly #place: Place<Data>;

  constructor(engine: Engine<Session<Data>>, draft: Draft, isWritable: boolean, place: Place<Data>) {
    this.session = engine.sessionOf(draft);
    this.#engine = engine;
    this.#draft = draft;
    this.#isWritable = isWritable;
    this.#place = place;
  }

  /** The visit of the present phase. Rejects with StoreUnavailableError when the store cannot say which session it is. */
  static async now<Data>(sessions: Sessions<Data>): Promise<NextVisit<Data>> {
    return (await placeOf(sessions)).visit;
  }

  /** The same, for a call that commits it. */
  static async enter<Data>(sessions: Sessions<Data>): Promise<NextVisit<Data>> {
    const place = await placeOf(sessions);
    place.users += 1;
    return place.visit;
  }

  /**
   * Stores the session as the status allows, and puts its cookie into the jar. Resolves to the headers that the response must
   * have; to null where nothing was committed, because another call goes on with the session or it can only be read.
   */
  async commit(status: number): Promise<readonly Header[] | null> {
    this.#place.users -= 1;
    if (this.#place.users > 0 || !this.#isWritable) return null;
    this.#place.leave(); // A call that follows in this phase opens the session anew, by the cookie that is put into the jar here.
    if (await isReadOnlyNow()) throw new SessionReadOnlyError("save");
    await this.#engine.commit(this.#draft, status);
    const headers = this.#engine.headers(this.#draft);
    await putCookies(headers);
    return headers;
  }

  /** `commit` for an error that is thrown on. If the store fails too, its event tells of it. */
  async giveUp(): Promise<void> {
    await this.commit(500).catch(() => {});
  }

  /** Ends a session whose new key `save()` has put into the jar, where the cookies of the jar are not sent. */
  takeBackUnannounced(): void {
    this.#engine.takeBackUnannounced(this.#draft);
  }

  /** Commits with the response of a handler, and resolves to a copy that has the session's headers. The jar has the cookie. */
  async respond(response: Response): Promise<Response> {
    const committed = await this.commit(response.status);
    if (committed === null) return response;
    const all = withPrivacy(committed, this.#draft, response.headers, this.#engine);
    const headers = all.filter(([name]) => name !== "Set-Cookie");
    if (headers.length === 0 || response.status === 0) return response;
    return withHeaders(response, headers, () => this.#engine.finish(this.#draft));
  }
}
