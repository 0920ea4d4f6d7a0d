/** A reader of the library: keeps cookies, sends forms, and follows no redirect by itself. */
export class Reader {
  readonly cookies = new Map<string, string>();
  readonly #site: string;

  constructor(site: string) {
    this.#site = site;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { headers });
  }

  post(
    path: string,
    form: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.#send(path, { method: "POST", body: new URLSearchParams(form), headers });
  }

  async text(path: string): Promise<string> {
    const response = await this.get(path);
    return response.text();
  }

  /** Visits the home page; resolves to the number of visits that the page shows. */
  async visit(): Promise<number> {
    const page = await this.text("/catalog/");
    const times = /You have visited this page (\d+) times?\./.exec(page);
    if (!times) throw new Error(`The home page does not count the visit:\n${page}`);
    return Number(times[1]);
  }

  login(username: string, password: string, next = "/catalog/"): Promise<Response> {
    return this.post("/accounts/login/", { username, password, next });
  }

  async #send(
    path: string,
    { headers, ...init }: { method?: string; body?: URLSearchParams; headers: Record<string, string> },
  ) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(this.#site + path, {
      ...init,
      headers: { ...(cookie && { cookie }), ...headers },
      redirect: "manual",
    });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  #keep(setCookie: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(setCookie) ?? [];
    if (name === undefined || value === undefined) throw new Error(`Not a Set-Cookie: ${setCookie}`);
    if (/;\s*max-age=0\b/i.test(setCookie)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
