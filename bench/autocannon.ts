// The load generator on a machine without wrk: node autocannon.ts URL CONNECTIONS SECONDS FILE [follow]. Prints what wrk.lua prints.
import { readFileSync } from "node:fs";
import autocannon, { type Request } from "autocannon";

const [url = "", connections, seconds, file = "", follow] = process.argv.slice(2);
const requests = readFileSync(file, "utf8")
  .trimEnd()
  .split("\n")
  .map((line): Request => {
    const [path = "", cookie = ""] = line.split("\t");
    return { path, headers: { cookie } };
  });

/** Each connection sends the cookie of its last answer next. */
const following = (first: Request): Request => ({
  ...first,
  setupRequest: (request, context: { cookie?: string }) => ({
    ...request,
    headers: { cookie: context.cookie ?? (request.headers?.cookie as string) },
  }),
  onResponse: (_status, _body, context: { cookie?: string }, headers) => {
    const [set] = [(headers as Record<string, string | string[]>)["set-cookie"]].flat();
    if (set) context.cookie = set.split(";", 1)[0] as string;
  },
});

const result = await autocannon({
  url,
  connections: Number(connections),
  duration: Number(seconds),
  requests: follow === "follow" ? [following(requests[0] as Request)] : requests,
});
const { p50, p99 } = result.latency;
const failed = result.errors + result.timeouts + result.non2xx;
console.log(JSON.stringify({ requests: result["2xx"], seconds: result.duration, p50, p99, failed }));
