const controller = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => controller.abort(new Error(`The bench was stopped by ${name}.`)));
}

/** Aborted when the bench is told to stop. Each step checks it before it begins and throws, so that all is cleaned up. */
export const interrupted = controller.signal;
