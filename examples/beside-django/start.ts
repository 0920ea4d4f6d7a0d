// Starts both sites on one database: Django, which makes its tables, and then the Express server.
import { spawn } from "node:child_process";

const djangoPort = process.env.DJANGO_PORT ?? "8001";
const environment = { DJANGO_SECRET_KEY: "change-me", ...process.env };
const site = new URL("django_site.py", import.meta.url).pathname;

const django = spawn(process.env.PYTHON ?? "python3", ["-u", site, `localhost:${djangoPort}`], {
  env: environment,
  stdio: ["ignore", "pipe", "inherit"],
});
process.on("exit", () => django.kill());
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit());
django.on("error", () => {
  console.error(
    "This example needs Python with Django: apt-get install python3-django, or pip install django.",
  );
  process.exit(1);
});
django.on("exit", (code) => process.exit(code ?? 1));

for await (const line of django.stdout) {
  if (!String(line).includes("Starting development server")) continue;
  console.log(`Django on http://localhost:${djangoPort} (sign in at /login/)`);
  process.env.DJANGO_SECRET_KEY = environment.DJANGO_SECRET_KEY;
  await import("./server.ts");
}
