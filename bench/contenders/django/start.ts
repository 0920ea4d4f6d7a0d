import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Serving } from "../../serving.ts";
import type { Place } from "../contender.ts";

export const djangos = { "Django, SQLite": "sqlite", "Django, Redis": "redis" } as const;
export type DjangoName = keyof typeof djangos;

/** What Django needs beside itself for sessions in Redis: its own backend since 4.0, or django-redis. */
const modules = {
  sqlite: "import django, gunicorn",
  redis: "import django, gunicorn, redis\nif django.VERSION < (4,): import django_redis",
};
const pythons = ["python3", "/usr/bin/python3"];

/** A Python that has what this one needs; Debian's packages are found only by Debian's Python. */
export function pythonFor(name: DjangoName): string | undefined {
  return pythons.find((python) => {
    try {
      execFileSync(python, ["-c", modules[djangos[name]]], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

export function versions(name: DjangoName): string {
  const say =
    "import django, gunicorn; print(f'Django {django.__version__}, gunicorn {gunicorn.__version__}')";
  return execFileSync(pythonFor(name) as string, ["-c", say], { encoding: "utf8" }).trim();
}

/** Two workers with threads, and connections kept alive: one core can use no more. */
const gunicorn =
  "-m gunicorn bench_site:application --bind 127.0.0.1:0 --workers 2 --threads 4 --keep-alive 60".split(" ");

export async function startDjango(name: DjangoName, place: Place): Promise<Serving> {
  const python = pythonFor(name) as string;
  const cwd = import.meta.dirname;
  const env = {
    ...process.env,
    BENCH_ENGINE: djangos[name],
    BENCH_SQLITE: join(place.folder, "django.sqlite3"),
    BENCH_REDIS: place.redis,
    PYTHONDONTWRITEBYTECODE: "1",
  };
  await promisify(execFile)(python, ["bench_site.py"], { cwd, env });
  const child = spawn(python, [...gunicorn, "--worker-tmp-dir", place.folder], {
    cwd,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on("data", (text) => {
      said = `${said}${text}`.slice(-4000);
      const listening = /Listening at: (http:\S+)/.exec(said)?.[1];
      if (listening) resolve(listening);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`${name} did not start. It said:\n${said}`)));
  });
  return {
    url,
    pid: child.pid as number,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 5000);
      await gone;
      clearTimeout(late);
    },
  };
}
