/** A real server that a suite talks to. `own` ones can be unplugged; one given by a URL in the environment is left alone. */
export interface Server {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** The process that has started an own one. */
  readonly pid?: number;
  readonly own: boolean;
  /** Ends the server as a crash would. Its data folder stays for `restart`. */
  kill(): Promise<void>;
  /** Starts it again on the same port with what it had on disk, after killing it if need be. */
  restart(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** How to get one kind of server: where to find it, what Debian calls it, how to start it and when it is ready. */
export interface ServerKind {
  readonly name: string;
  /** The environment variable whose URL is used instead of a server of our own. */
  readonly variable: string;
  readonly program: string;
  readonly debianPackage: string;
  /** Folders outside PATH where the program may be. */
  readonly folders?: readonly string[];
  /** The account to run as when we are root and the program refuses root. */
  readonly account?: string;
  readonly crashSignal?: "SIGKILL" | "SIGQUIT";
  /** Makes a new data folder, where the server needs one made; returns the command for it. */
  prepare?(folder: string, program: string): readonly string[];
  args(folder: string, port: number): readonly string[];
  url(port: number): string;
  ready(port: number): Promise<boolean>;
}
