import { CONNECT_TIMEOUT_MS, loadDriver } from "./driver.ts";
import { onlyOptions, partsOf, wrongUrl } from "./parts.ts";

export function openMemcached(url: string) {
  const { rest, options } = onlyOptions(url, ["prefix"]);
  const { user, hosts, path } = partsOf(rest, 11_211);
  if (hosts.length > 1 || user !== undefined || path !== "") throw wrongUrl("has more than a host");
  const [{ host, port }] = hosts;
  if (host.includes(":"))
    throw wrongUrl("has an IPv6 address, which memcache-client cannot read: give it a name");

  return async () => {
    const [{ memcachedStore }, { MemcacheClient }] = await Promise.all([
      import("../memcached.ts"),
      loadDriver<typeof import("memcache-client")>("memcache-client"),
    ]);
    const client = new MemcacheClient({
      server: `${host}:${port}`,
      connectTimeout: CONNECT_TIMEOUT_MS,
      cmdTimeout: CONNECT_TIMEOUT_MS,
    });
    return {
      ...memcachedStore({ client, ...options }),
      async serverTime() {
        const { STAT } = await client.cmd<{ STAT: [string, string][] }>("stats");
        return Number(new Map(STAT).get("time")) * 1000;
      },
      close: async () => client.shutdown(),
    };
  };
}
