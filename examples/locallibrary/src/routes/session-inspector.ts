import { randomUUID } from "node:crypto";
import { type Session, SessionInterruptedError } from "coatcheck";
import { type Request, type Response, Router } from "express";
import { singleValue } from "../request/single-value.ts";
import type { LastRequests } from "../session/last-request.ts";
import { isOwnKey } from "../session/own-keys.ts";
import { askTokenOffice } from "../session/token-office.ts";

const PATH = "/session/";
const MOST_KEYS = 20;
const LONGEST_VALUE = 1000;
const ONE_LINE = 72;
const NAME = /^(?!__proto__$)[\w-]{1,40}$/;

const expiries: Record<string, number | null> = {
  "the default, two weeks": null,
  "10 seconds": 10,
  "1 minute": 60,
  "1 hour": 3600,
  "the browser closes": 0,
};

/** An action throws this to say why it changed nothing. */
class Refusal extends Error {}

type Form = Record<string, unknown> | undefined;

/** The inspector shows visitors their own session, and has buttons for its methods. */
export function sessionInspectorRoutes(lastRequests: LastRequests): Router {
  const router = Router();

  const show = (req: Request, res: Response, refusal: string | null = null) => {
    const { session } = req;
    const { handle } = session;
    // Also when a refused action shows the page at its own address, which only takes POST.
    Object.assign(res.locals, { here: PATH, returnTo: PATH });
    const ended = singleValue(req.query.ended);
    res.render("session/inspector", {
      refusal,
      record: handle === null ? null : facts(session),
      shortKey: session.key === null ? null : `${session.key.slice(0, 4)}…`,
      handle,
      endsWithBrowser: session.getExpireAtBrowserClose(),
      dictionary: Object.entries(session.toObject())
        // This page shows the waiting messages too, and takes them out of the session.
        .filter(([key]) => key !== "flashes")
        .map(([key, value]) => ({ key, json: readable(value) })),
      lastRequest: lastRequests.of(session) ?? (ended === undefined ? null : lastRequests.thatEnded(ended)),
      expiries: Object.keys(expiries),
      token: session.get("token", null),
      askedBy: singleValue(req.query.asked_by) ?? null,
    });
  };

  router.get("/", (req, res) => show(req, res));

  const action = (name: string, act: (session: Session, form: Form, res: Response) => void) => {
    router.post(`/${name}/`, async (req, res) => {
      try {
        act(req.session, req.body, res);
      } catch (error) {
        // The session throws a TypeError for a value that is not JSON, and names the place.
        if (!(error instanceof Refusal || error instanceof TypeError)) throw error;
        res.status(422);
        return show(req, res, error.message);
      }
      const { endedAs } = res.locals;
      res.redirect(303, endedAs === undefined ? PATH : `${PATH}?ended=${endedAs}`);
    });
  };

  action("set", (session, form) => {
    const key = freeKey(session, form?.key);
    anyKey(session).set(key, parsed(form?.value));
  });

  action("nest", (session, form) => {
    const key = freeKey(session, form?.key);
    const member = nameOf(form?.member);
    const inner = anyKey(session).get(key);
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) {
      throw new Refusal(
        `${key} is no object, so there is nothing to change inside. Set it to {"model": "mini"} first.`,
      );
    }
    (inner as Record<string, unknown>)[member] = parsed(form?.value);
  });

  action("delete", (session, form) => {
    anyKey(session).delete(nameOf(form?.key));
  });

  action("clear", (session) => session.clear());
  action("rotate", (session) => session.cycleKey());

  action("flush", (session, _form, res) => {
    session.flush();
    res.locals.endedAs = randomUUID();
  });

  action("expiry", (session, form) => {
    const expiry = expiries[singleValue(form?.expiry) ?? ""];
    if (expiry === undefined) throw new Refusal("Choose one of the expiries in the list.");
    session.setExpiry(expiry);
  });

  router.post("/token/", async (req, res) => {
    const { session } = req;
    if (session.handle === null) {
      res.status(422);
      return show(req, res, "Tabs can share a token only where there is a session. Set a value first.");
    }
    let askedBy = "another";
    try {
      await session.once("token", (last) => {
        askedBy = "this";
        return askTokenOffice(last);
      });
    } catch (error) {
      // The visitor has ended the session while this tab waited: the page shows that there is none.
      if (!(error instanceof SessionInterruptedError)) throw error;
    }
    res.redirect(303, `${PATH}?asked_by=${askedBy}#once`);
  });

  return router;
}

/** A value as JSON, on one line if it fits. */
function readable(value: unknown): string {
  const line = JSON.stringify(value);
  return line.length <= ONE_LINE ? line : JSON.stringify(value, null, 2);
}

function facts(session: Session) {
  const { createdAt, authenticatedAt, confirmedAt, expiresAt, label } = session;
  const bytes = Buffer.byteLength(JSON.stringify(session.toObject()));
  return { bytes, createdAt, authenticatedAt, confirmedAt, expiresAt, label };
}

/** The session with any keys: a visitor may invent keys that data.ts does not declare. */
function anyKey(session: Session): Session<Record<string, unknown>> {
  return session as unknown as Session<Record<string, unknown>>;
}

function nameOf(field: unknown): string {
  const name = singleValue(field)?.trim() ?? "";
  if (NAME.test(name)) return name;
  throw new Refusal("A name has 1 to 40 letters, digits, - and _.");
}

function freeKey(session: Session, field: unknown): string {
  const key = nameOf(field);
  if (isOwnKey(key)) throw new Refusal(`${key} is the site's own key. Choose another name, such as my_car.`);
  const visitors = Object.keys(session.toObject()).filter((present) => !isOwnKey(present));
  if (visitors.length >= MOST_KEYS && !visitors.includes(key)) {
    throw new Refusal(`There are ${MOST_KEYS} keys of yours already. Delete one first.`);
  }
  return key;
}

/** The value of a text that is JSON; of any other, the text itself. */
function parsed(field: unknown): unknown {
  const text = singleValue(field) ?? "";
  if (text.length > LONGEST_VALUE) throw new Refusal(`Use at most ${LONGEST_VALUE} characters for a value.`);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
