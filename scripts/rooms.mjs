// The rules of src/ for dependency-cruiser: which room may import from which. `npm run check` enforces them.

/** The rooms, the lowest first. A room imports from itself and from those on the lines before its own, never upward. */
const rooms = [
  // session-data is the type of the application's keys, which the options name; it imports nothing.
  ["contract", "data/session-data", "errors", "events", "tracing", "wait", "warn", "workerd"],
  ["settings"],
  ["cookie", "data"],
  ["engine"],
  // Loaded only with the option `deviceBound`.
  ["device"],
  ["session", "session-of"],
  ["sessions"],
  ["stores"],
  ["frameworks", "testing"],
  ["index", "cli"],
];

/** A room is a folder of src/ or a single file. @param {string[]} names */
const within = (...names) => `^src/(${names.join("|")})(/|[.]ts$)`;

const unlisted = { path: "^src/", pathNot: within(...rooms.flat()) };

const severity = /** @type {const} */ ("error");

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...rooms.slice(0, -1).map((names, place) => ({
      name: "no-import-upward",
      severity,
      from: { path: within(...names) },
      to: {
        path: within(...rooms.slice(place + 1).flat()),
        pathNot: within(...rooms.slice(0, place + 1).flat()),
      },
    })),
    { name: "no-unlisted-room", severity, from: unlisted, to: {} },
    { name: "no-unlisted-room", severity, from: {}, to: unlisted },
    { name: "no-circle", severity, from: {}, to: { circular: true } },
    {
      // stores/redis/ belongs to stores/redis.ts, stores/url/ to store-url.ts, and calls/, encryption/, signing/ and sql/ to all of them.
      name: "no-sibling-store",
      severity,
      from: { path: "^src/stores/(?:store-)?([^/.]+)", pathNot: "^src/stores/django/" },
      to: { path: "^src/stores/[^/]+/", pathNot: "^src/stores/($1|calls|encryption|signing|sql)/" },
    },
    {
      // The store in Django's table reaches three databases, and uses the connections of their own stores.
      name: "no-sibling-store",
      severity,
      from: { path: "^src/stores/django/" },
      to: {
        path: "^src/stores/[^/]+/",
        pathNot: "^src/stores/(django|calls|signing|sql|mysql|postgres|sqlite)/",
      },
    },
  ],
  options: { parser: "swc", doNotFollow: { path: "node_modules" } },
};
