/** The shape of a table of sessions: whether it can hold them, and how to say that it cannot. */

export interface Column {
  /** As the database names it, so that equal types have equal names. */
  readonly type: string;
  readonly takesNull: boolean;
  /** A row can be inserted without a value for it. */
  readonly hasDefault?: boolean;
}

export type Columns = Readonly<Record<string, Column>>;

/** The version of the table's layout that this release creates. It is written in the table, with the words before it. */
export const SCHEMA = 1;
export const SCHEMA_MARK = `coatcheck sessions, schema ${SCHEMA}`;

/** The version that a mark names; 0 for a table without one, which was made by hand or before there were versions. */
export function schemaOf(mark: unknown): number {
  return Number(/coatcheck sessions, schema (\d+)/.exec(String(mark))?.[1] ?? 0);
}

export interface Difference {
  /** Columns that take null and are not there: an older release did not have them, and they can be added at any time. */
  readonly missing: string[];
  /** Reasons why the table cannot hold sessions, in words. */
  readonly faults: string[];
}

/** Compares the columns of a table with those that a store needs. */
export function compareColumns(needed: Columns, found: Columns): Difference {
  const missing: string[] = [];
  const faults: string[] = [];
  for (const [name, { type, takesNull }] of Object.entries(needed)) {
    const column = found[name];
    if (column === undefined && takesNull) missing.push(name);
    else if (column === undefined) faults.push(`there is no ${name}`);
    else if (column.type !== type) faults.push(`${name} is ${column.type} and not ${type}`);
    else if (takesNull && !column.takesNull) faults.push(`${name} takes no null`);
  }
  for (const [name, { takesNull, hasDefault }] of Object.entries(found)) {
    if (!(name in needed) && !takesNull && !hasDefault) faults.push(`${name} must be filled in`);
  }
  return { missing, faults };
}

export function cannotHoldSessions(table: string, store: string, faults: readonly string[]): string {
  const why = faults.length === 0 ? "" : ` (${faults.join("; ")})`;
  return (
    `The table ${table} cannot hold sessions: it has not the columns that ${store} gives it${why}. If it is something else, ` +
    "choose another name by the option table; if it is a table of sessions, mend it, or drop it and create it anew."
  );
}

const CREATE = "await store.createTable(), or npx coatcheck create-table";

export const noTable = (table: string, create = CREATE) =>
  `There is no table ${table}. Create it once: ${create}.`;

export const isOlder = (table: string, missing: readonly string[], create = CREATE) =>
  `The table ${table} is of an older release: it has no ${missing.join(", ")}. Bring it up to date: ${create}.`;
