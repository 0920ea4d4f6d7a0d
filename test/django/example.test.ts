/** The example beside Django, started with its one command and visited. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { djangoSite, installDjango } from "../servers/django.ts";
import { freePort, missing } from "../servers/start.ts";
import { Person } from "./two-sites.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const why = missing(djangoSite({ database: "" }));

test.skipIf(why !== undefined)(
  `examples/beside-django counts on both sites${why ? ` (${why})` : ""}`,
  async () => {
    installDjango();
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-beside-django-"));
    const [express, django] = [await freePort(), await freePort()];
    const program = join(root, "examples/beside-django/start.ts");
    const child = spawn(process.execPath, ["--import", join(root, "test/runner/from-source.ts"), program], {
      cwd: folder,
      env: { ...process.env, PYTHON: "/usr/bin/python3", PORT: String(express), DJANGO_PORT: String(django) },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const exit = once(child, "exit");
    onTestFinished(async () => {
      child.kill();
      await exit;
      rmSync(folder, { recursive: true });
    });
    let said = "";
    for await (const text of child.stdout) {
      said += text;
      if (said.includes("Express on ")) break;
    }
    const person = new Person();
    const visit = async (port: number, path = "/") =>
      (await person.send(`http://localhost:${port}${path}`)).body;
    expect(await visit(django)).toBe("Django: AnonymousUser, visit 1\n");
    expect(await visit(express)).toBe("Express: user unknown, visit 2\n");
    await visit(django, "/login/");
    expect(await visit(express)).toBe("Express: user 1, visit 3\n");
    expect(await visit(django)).toBe("Django: ann, visit 4\n");
  },
);
