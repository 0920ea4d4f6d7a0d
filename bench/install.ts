// Installs the bench's own packages, the peers among them, where they are missing or differ from the lock file.
import { installed } from "../test/runtimes/install.ts";

await installed(new URL(".", import.meta.url));
