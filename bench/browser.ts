import { NAME } from "./visitor.ts";

/** Sends one request with these cookies; resolves to the answer and to the cookies that a browser would have afterwards. */
export async function visit(url: string, cookie = ""): Promise<{ text: string; cookie: string }> {
  const response = await fetch(url, { headers: cookie === "" ? {} : { cookie } });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 200)}`);
  const jar = new Map(cookie.split("; ").filter(Boolean).map(nameAndValue));
  for (const line of response.headers.getSetCookie())
    jar.set(...nameAndValue(line.split(";", 1)[0] as string));
  return { text, cookie: [...jar].map((pair) => pair.join("=")).join("; ") };
}

function nameAndValue(pair: string): [name: string, value: string] {
  const equals = pair.indexOf("=");
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** New sessions with that many bytes of data; resolves to their cookies. */
export async function newSessions(url: string, count: number, bytes: number): Promise<string[]> {
  const filled = Array.from({ length: count }, () => visit(`${url}/fill?bytes=${bytes}`));
  return (await Promise.all(filled)).map(({ cookie }) => cookie);
}

/** Throws unless a session keeps what was put into it, so that a server that does not work is never measured. */
export async function check(url: string): Promise<void> {
  const [cookie = ""] = await newSessions(url, 1, 200);
  const { text: name } = await visit(`${url}/read`, cookie);
  const first = await visit(`${url}/write`, cookie);
  const second = await visit(`${url}/write`, first.cookie);
  const got = [name, first.text, second.text].join();
  if (got !== [NAME, 1, 2].join()) throw new Error(`Sessions of ${url} are not kept: got ${got}`);
}
