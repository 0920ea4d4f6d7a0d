/** Whether this is workerd, Cloudflare's runtime, where no request may wait for what another has begun. */
export const isWorkerd = globalThis.navigator?.userAgent === "Cloudflare-Workers";
