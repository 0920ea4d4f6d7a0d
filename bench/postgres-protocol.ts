// The server's part of PostgreSQL's protocol, as much of it as the driver needs for prepared statements:
// https://www.postgresql.org/docs/current/protocol-message-formats.html
import { Duplex } from "node:stream";

/** What a statement gives. */
export interface Answer {
  /** The types of its columns, by the numbers that PostgreSQL gives to them. */
  readonly types: readonly number[];
  readonly rows: readonly Buffer[];
  /** How many rows it found or changed. */
  readonly count: number;
}

/** The server's end of a connection, which the driver takes for its socket. */
export class MadeUpServer extends Duplex {
  readonly #answer: (text: string, values: (string | null)[]) => Answer;
  readonly #prepared = new Map<string, string>();
  #text = "";
  #values: (string | null)[] = [];
  #given: Answer = { types: [], rows: [], count: 0 };
  #replies: Buffer[] = [];
  #hasStarted = false;

  constructor(answer: (text: string, values: (string | null)[]) => Answer) {
    super();
    this.#answer = answer;
  }

  connect(): void {
    process.nextTick(() => this.emit("connect"));
  }
  setNoDelay(): void {}
  setKeepAlive(): void {}
  ref(): void {}
  unref(): void {}

  override _read(): void {}
  override _write(sent: Buffer, _encoding: string, done: () => void): void {
    let from = 0;
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      from = sent.readInt32BE(0);
      this.#replies.push(message("R", int32(0)), READY);
      this.#reply();
    }
    while (from < sent.length) {
      const length = sent.readInt32BE(from + 1);
      this.#take(String.fromCharCode(sent[from] as number), sent.subarray(from + 5, from + 1 + length));
      from += 1 + length;
    }
    done();
  }

  #take(kind: string, body: Buffer): void {
    if (kind === "P") {
      const [name = "", text = ""] = body.toString().split("\0", 2);
      this.#prepared.set(name, text);
      this.#replies.push(PARSED);
    } else if (kind === "B") {
      const nameEnds = body.indexOf(0, 1);
      this.#text = this.#prepared.get(body.toString("utf8", 1, nameEnds)) as string;
      this.#values = valuesOf(body, nameEnds + 1);
      this.#replies.push(BOUND);
    } else if (kind === "D") {
      // "Describe" comes before "Execute", and is answered first.
      this.#given = this.#answer(this.#text, this.#values);
      this.#replies.push(description(this.#given.types));
    } else if (kind === "E") {
      const { rows, count } = this.#given;
      this.#replies.push(...rows, message("C", Buffer.from(`UPDATE ${count}\0`)));
    } else if (kind === "S") {
      this.#replies.push(READY);
      this.#reply();
    }
  }

  #reply(): void {
    this.push(Buffer.concat(this.#replies));
    this.#replies = [];
  }
}

function int32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(number);
  return bytes;
}

function int16(number: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(number);
  return bytes;
}

const message = (kind: string, ...body: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(kind), int32(4 + body.reduce((sum, { length }) => sum + length, 0)), ...body]);

const PARSED = message("1");
const BOUND = message("2");
const READY = message("Z", Buffer.from("I"));

const description = (types: readonly number[]): Buffer =>
  message(
    "T",
    int16(types.length),
    ...types.flatMap((type) => [Buffer.from("column\0"), int32(0), int16(0), int32(type), Buffer.alloc(8)]),
  );

/** A row: for each column the length and the text. */
export function row(values: readonly unknown[]): Buffer {
  const texts = values.map((value) => (value === null ? null : `${value}`));
  const size = texts.reduce((sum, text) => sum + 4 + (text === null ? 0 : Buffer.byteLength(text)), 7);
  const bytes = Buffer.allocUnsafe(size);
  bytes.write("D");
  bytes.writeInt32BE(size - 1, 1);
  bytes.writeInt16BE(texts.length, 5);
  let at = 7;
  for (const text of texts) {
    const length = text === null ? -1 : bytes.write(text, at + 4);
    bytes.writeInt32BE(length, at);
    at += 4 + Math.max(0, length);
  }
  return bytes;
}

/** The values of a Bind message. At `at` the list of their formats begins, and behind it the values. */
function valuesOf(body: Buffer, at: number): (string | null)[] {
  let from = at + 2 + 2 * body.readInt16BE(at);
  const count = body.readInt16BE(from);
  from += 2;
  return Array.from({ length: count }, () => {
    const length = body.readInt32BE(from);
    const value = length === -1 ? null : body.toString("utf8", from + 4, from + 4 + length);
    from += 4 + Math.max(0, length);
    return value;
  });
}
