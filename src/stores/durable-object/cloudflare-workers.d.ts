/** The part of Cloudflare's module that `SessionShard` uses. Applications have the whole of it from Cloudflare's own types. */
declare module "cloudflare:workers" {
  interface SqlStorage {
    exec(sql: string, ...values: unknown[]): { toArray(): unknown[] };
  }

  interface Storage {
    readonly sql: SqlStorage;
    transactionSync<T>(work: () => T): T;
    getAlarm(): Promise<number | null>;
    setAlarm(time: number): Promise<void>;
  }

  export abstract class DurableObject {
    protected ctx: { readonly storage: Storage };
    alarm?(): void | Promise<void>;
  }
}
