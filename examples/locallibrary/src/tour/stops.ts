/** A stop of the guided tour. */
export interface Stop {
  id: StopId;
  title: string;
  /** What the visitor is to do. */
  task: string;
  /** What happened on the server while the visitor did it. */
  underneath: string;
  /** A page of docs/, with the heading to begin at. */
  docs: { page: string; heading: string; title: string };
}

export type StopId = "counter" | "tabs" | "sign-in" | "device" | "outage" | "binding";

/** The stops of the tour, in their order. */
export const stops: readonly [Stop, ...Stop[]] = [
  {
    id: "counter",
    title: "A counter that counts every visit",
    task: "Open the home page, and load it once more. The ticket there counts your visits.",
    underneath:
      'The page calls update("num_visits", (n = 0) => n + 1), and leaves the server only after the session is stored. If two visits came at once, the function would run again for the later one, so both would count.',
    docs: { page: "session", heading: "data", title: "The data of a session" },
  },
  {
    id: "tabs",
    title: "Two tabs, and nothing is lost",
    task: "Let two tabs sign a guest book in your session at the same moment.",
    underneath:
      "Both tabs had read the same guest book before either signed. The later one was not stored over the earlier: its update ran again, on the book as it was by then, so no name was lost.",
    docs: { page: "races", heading: "how", title: "What happens in a race" },
  },
  {
    id: "sign-in",
    title: "Signing in changes the key",
    task: "Sign in, with one of the accounts that the login page shows. What your session holds comes with you.",
    underneath:
      "login() moved your session to a new key before the page was sent, and left your visits and your guest book in it. The old key opens nothing now, so a stranger who knew it has learnt nothing.",
    docs: { page: "signing-in", heading: "log-in-and-out", title: "Log in and out" },
  },
  {
    id: "device",
    title: "Sign out another device",
    task: "Sign in once more in a private window or another browser. Then come back, and sign that device out under “Your sessions”.",
    underneath:
      "The store keeps a list of each user's sessions, so this session could end the other. What is ended stays ended: not even a request that was under way there can bring it back.",
    docs: { page: "signing-in", heading: "your-devices", title: "Your devices" },
  },
  {
    id: "outage",
    title: "The store goes away",
    task: "Take the session store away, for you alone and for ten seconds. You will see that the library is closed; load the page again when the time is over.",
    underneath:
      "A store that does not answer is not an empty one: the site answered 503, stored nothing, and left your cookie as it was. Your key opens the same session as before, with everything in it.",
    docs: { page: "production", heading: "checklist", title: "The checklist for production" },
  },
  {
    id: "binding",
    title: "A stolen cookie",
    task: "Play the thief: take your own session cookie to a machine that has nothing else of yours.",
    underneath:
      "A session that is not bound opens to every holder of the cookie. With deviceBound: true, over https, the browser also proves a key that stays in the hardware of the device, and a copied cookie opens nothing (Chrome on Windows, and on Macs with Apple silicon).",
    docs: { page: "device-bound", heading: "device-bound-sessions", title: "Device-bound sessions" },
  },
];
