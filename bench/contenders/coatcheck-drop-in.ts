import type { Store } from "coatcheck";
import type { RequestHandler } from "express";
import * as stores from "./coatcheck-stores.ts";
import { type Open, type Place, SECRET } from "./contender.ts";
import { serve } from "./express.ts";
import { routes } from "./express-session-routes.ts";

/** `as string`, because the types that the bench has for express-session are too few for those of the drop-in. */
const { session }: { session: (options: object) => RequestHandler } = await import(
  "coatcheck/express-session" as string
);

const on =
  (openStore: (place: Place) => Store | Promise<Store>): Open =>
  async (place) => {
    const store = await openStore(place);
    return serve(routes, session({ secret: SECRET, resave: false, saveUninitialized: false, store }));
  };

export const memory = on(stores.memory);
export const redis = on(stores.redis);
export const postgres = on(stores.postgres);
