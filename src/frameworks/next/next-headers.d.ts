/** The parts of Next.js that this package uses. Next.js is no dependency of it, so they are declared here. */
declare module "next/headers.js" {
  /** The cookies of a request, and of its response while they can still be sent. */
  export function cookies(): Promise<import("./jar.ts").Jar>;
  export function headers(): Promise<Headers>;
}
