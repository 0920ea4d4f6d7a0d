/** The statements of the store run on one of three kinds of databases, which differ in a few parts of SQL. */
import type { Signal } from "../../contract/call.ts";

export type Value = string | number;

/** Runs statements, whose values stand as `?`. */
export interface Connection {
  readonly dialect: Dialect;
  rows(sql: string, values: readonly Value[], signal: Signal): Promise<unknown[][]>;
  /**
   * Resolves to the number of rows that were changed. A statement whose answer was lost is sent once more, unless `mayRepeat` is
   * false: then it rejects.
   */
  change(sql: string, values: readonly Value[], signal: Signal, mayRepeat?: boolean): Promise<number>;
  /** Inserts a row, once. False where its primary key is taken. */
  insert(sql: string, values: readonly Value[], signal: Signal): Promise<boolean>;
  /** Whether an error says that the column has another type than the text in a value: no row can have that value. */
  isOtherType(error: unknown): boolean;
  close(): void;
}

/** The parts of SQL in which the databases differ. */
export interface Dialect {
  /** Whether dates name their offset. Else they are in the time zone of the Django site. */
  readonly datesHaveOffset: boolean;
  quote(name: string): string;
  asText(expression: string): string;
  dateAsText(column: string): string;
  /** Compares a column with a value byte for byte. */
  equals(column: string): string;
  /** The condition, with the value `now`, that chooses at most so many of the rows with the earliest dates. */
  deleteExpired(table: string, limit: number): string;
}
