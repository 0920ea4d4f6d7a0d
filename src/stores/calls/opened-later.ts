import { type Store, type StoreCapabilities, VERBS } from "../../contract/store.ts";
import type { Ticket } from "../../contract/ticket.ts";

/** The part of a store that must be known before it is open. */
export interface StoreOutline<S extends Store> {
  readonly name: string;
  readonly capabilities?: StoreCapabilities;
  readonly ticket?: Ticket;
  /** The methods that it has beyond the six of every store. Each of them answers with a promise. */
  readonly verbs: readonly Exclude<keyof S & string, "name" | "capabilities" | "ticket" | "close">[];
}

/** A store that is opened at the first call. If it could not be opened, the next call tries again. */
export function storeOpenedLater<S extends Store>(
  open: () => Promise<S>,
  { name, capabilities, ticket, verbs }: StoreOutline<S>,
): S & Required<Pick<Store, "close">> {
  let opened: Promise<S> | undefined;
  let isClosed = false;

  function store(): Promise<S> {
    opened ??= open().catch((error) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  const later =
    (verb: keyof S) =>
    async (...args: unknown[]) => {
      if (isClosed) {
        throw new Error("The store of sessions was closed. Close it when the last response has been sent.");
      }
      return await ((await store())[verb] as (...args: unknown[]) => Promise<unknown>)(...args);
    };
  return {
    name,
    ...(capabilities && { capabilities }),
    ...(ticket && { ticket }),
    ...Object.fromEntries([...VERBS, ...verbs].map((verb) => [verb, later(verb)])),
    async close() {
      isClosed = true;
      // A store that could not be opened has nothing to close.
      const store = await opened?.catch(() => undefined);
      await store?.close?.();
    },
  } as unknown as S & Required<Pick<Store, "close">>;
}
