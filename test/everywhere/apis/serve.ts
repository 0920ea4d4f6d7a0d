/** Serves the API whose file is named, without its ending. */
import { serve } from "srvx";

interface Api {
  readonly fetch?: (request: Request) => Promise<Response>;
  readonly app?: { listen(port: number, hostname: string): unknown };
}

const { fetch, app } = (await import(`./${process.argv[2]}.ts`)) as Api;
const { HOST: hostname = "127.0.0.1", PORT } = process.env;
if (fetch !== undefined) serve({ fetch, hostname, port: Number(PORT) });
app?.listen(Number(PORT), hostname);
