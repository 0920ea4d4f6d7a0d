/** Schedules that once failed, in the engine or in the checker, or that chance takes seldom, each under the name of what must go well. */
import { test } from "vitest";
import type { Choices, Deed, Program, Visit } from "./program.ts";
import { run } from "./run.ts";

const visit = (...does: Deed[]): Visit => ({ browser: 0, at: 0, does, status: 200 });

interface Schedule extends Partial<Omit<Program, "rounds">> {
  readonly first?: Visit;
  readonly visits: readonly Visit[];
  readonly between?: readonly Visit[];
  readonly pass?: number;
  readonly last?: readonly Visit[];
  readonly choices: Choices;
}

const schedules: Record<string, Schedule> = {
  "two logins of one browser at once both leave a live session": {
    visits: [visit("login ada"), visit("login ada")],
    choices: [0, 0, 0, 31840],
  },
  "a login that finds its session moved takes along what its own save has stored": {
    visits: [visit("set a", "save", "login ada"), visit("count"), visit("cycleKey")],
    choices: [0, 0, 1760, 48352, 43552],
  },
  "a key that save() has stored reaches the browser also where the commit of the response fails": {
    faults: 2,
    visits: [visit("login ada", "save", "push list"), visit()],
    choices: [0, 0, 0, 0, 0, 0, 0, 52635],
  },
  "a save whose answer was lost, and whose session a logout then ended, is answered as ended": {
    faults: 3,
    visits: [visit(), visit("logout"), visit("set a", "save"), visit()],
    choices: [0, 0, 53408, 31808, 0, 0, 54523],
  },
  "a change of key that was taken back takes what requests write that follow its mark": {
    faults: 3,
    visits: [{ ...visit(), browser: 1 }, visit("cycleKey"), visit("set a")],
    choices: [0, 0, 1792, 9632, 40928, 23376, 41120, 30587, 57275],
  },
  "a handler that saved its session keeps what it had read when a login of another user ends it": {
    visits: [visit("push list", "save"), visit("login bob")],
    choices: [0, 0, 2272, 544],
  },
  "a login beyond the limit leaves no session, and what its request changes later is dropped": {
    maxUserSessions: 1,
    visits: [
      visit("login bob"),
      { ...visit("save", "login ada"), browser: 1 },
      visit(),
      visit("login ada", "save", "clear"),
    ],
    choices: [0, 0, 0, 36320, 47168],
  },
  "a login after a logout takes over nothing of a session whose change of key is being taken back": {
    faults: 2,
    first: visit("login ada", "set a"),
    visits: [visit(), visit("login ada")],
    last: [visit("logout", "login ada", "set a"), visit()],
    choices: [0, 0, 0, 0, 0, 0, 5243, 32475, 17504, 0, 56576, 14880, 22176, 0, 17696],
  },
  "a request that waits for once() is shown nothing of the key to which the session was moved": {
    visits: [visit("onceAside b"), visit("once b"), visit("once a", "login ada")],
    choices: [0, 0, 2176],
  },
  "a logout by a key that was changed more than a minute ago leaves the session under its new key": {
    visits: [{ ...visit("login ada"), browser: 2 }],
    pass: 500,
    last: [visit("logout")],
    choices: [],
  },
  "a value of once() whose request has begun another session, beyond the limit, is stored nowhere": {
    maxUserSessions: 1,
    visits: [visit("onceAside a", "login ada"), visit("login ada")],
    choices: [0, 0, 19072, 38176, 30592, 0, 0, 0, 0, 19328, 0, 6304, 19520],
  },
  "a function of once() that ends after the login beyond the limit was answered finds nothing of its changes":
    {
      processes: [{ onInterrupted: "error" }, {}],
      maxUserSessions: 1,
      visits: [visit("onceAside a", "set a", "login ada"), visit("login ada")],
      choices: [0, 0, 0, 2656],
    },
  "a request whose bound cookie has run out is refused, also where another renews it meanwhile": {
    maxUserSessions: 1,
    deviceBound: true,
    faults: 2,
    visits: [visit("login ada")],
    between: [visit()],
    pass: 1000,
    last: [visit(), visit()],
    choices: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9504, 39931, 0, 12960],
  },
  "the function of once() under a key that a login has changed meanwhile knows nothing of its user": {
    visits: [visit("once a", "login ada"), { ...visit("login bob"), at: 1 }, visit()],
    choices: [0, 1568, 12736, 16544, 11584, 0, 0, 1584, 0, 6176],
  },
  "a login of another user begins empty, also where the end of the former session was told twice": {
    processes: [{ onConflict: "theirs" }, {}],
    first: visit("login ada", "set a"),
    visits: [visit("saveAside", "save", "count", "login bob"), visit("logout"), visit()],
    choices: [0, 0, 12896, 26240],
  },
  "the first request with a bound cookie puts no end back that another request has moved": {
    processes: [{ idleTimeout: 200 }, { idleTimeout: 200 }],
    maxUserSessions: 1,
    deviceBound: true,
    first: visit("login ada", "set a"),
    visits: [{ ...visit(), browser: 1 }],
    pass: 61,
    last: [{ ...visit(), browser: 2 }, visit()],
    choices: [0, 0, 0, 0, 0, 0, 0, 0, 0, 2592, 0, 0, 112],
  },
  "a cookie lasts as long as its session, where once() has moved the end and its response has failed": {
    processes: [
      { cookieAge: 600, saveEveryRequest: true },
      { cookieAge: 600, saveEveryRequest: true },
    ],
    visits: [visit()],
    pass: 61,
    last: [{ ...visit("once a"), status: 500 }],
    choices: [],
  },
  "a cookie lasts as long as its session, where the first request with a bound cookie has moved the end and has failed":
    {
      processes: [
        { cookieAge: 600, saveEveryRequest: true },
        { cookieAge: 600, saveEveryRequest: true },
      ],
      deviceBound: true,
      first: visit("login ada", "set a"),
      visits: [{ ...visit(), browser: 1 }],
      pass: 61,
      last: [{ ...visit(), status: 500 }],
      choices: [],
    },
  "a value of once() whose request has begun another session follows that one to its new key": {
    visits: [visit("login ada"), visit("onceAside a", "revokeAll", "login ada"), visit("cycleKey")],
    choices: [],
  },
};

test.each(Object.entries(schedules))(
  "%s",
  async (_name, { choices, first, visits, between, pass = 0, last = [visit()], faults = 0, ...options }) => {
    const begin = { visits: [first ?? visit("set a", "append list")], pass: 0 };
    const middle =
      between === undefined
        ? [{ visits, pass }]
        : [
            { visits, pass: 0 },
            { visits: between, pass },
          ];
    const rounds = [begin, ...middle, { visits: last, pass: 0 }];
    await run({ processes: [{}, {}], ...options, faults, rounds }, choices);
  },
);
