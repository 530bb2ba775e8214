/** Looking for words in the dictionary, and the places that an address can name. Pure. */
import type { ColumnEntry, TableEntry } from "../../api/answers.ts";

export type { Dictionary, TableEntry } from "../../api/answers.ts";

/** Tables that have all the words, with the columns that have them; a table that is named keeps all its columns. */
export function find(tables: readonly TableEntry[], words: string): TableEntry[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [...tables];
  const found: TableEntry[] = [];
  for (const table of tables) {
    if (hasAll(`${table.table} ${table.meaning ?? ""}`, wanted)) found.push(table);
    else {
      const columns = table.columns.filter((each) => hasAll(textOf(table, each), wanted));
      if (columns.length > 0) found.push({ ...table, columns });
    }
  }
  return found;
}

function textOf(table: TableEntry, entry: ColumnEntry): string {
  return `${table.table} ${entry.column} ${entry.type} ${entry.meaning ?? ""}`;
}

function hasAll(text: string, wanted: readonly string[]): boolean {
  const low = text.toLowerCase();
  return wanted.every((word) => low.includes(word));
}

/** The part of an address behind `#` that leads to a table or to one of its columns. */
export function anchor(table: string, column?: string): string {
  return [table, ...(column === undefined ? [] : [column])].map(encodeURIComponent).join(".");
}

export const KIND_WORDS: Record<TableEntry["kind"], string> = {
  table: "table of PostgreSQL",
  view: "view of PostgreSQL",
  file: "Parquet file",
};

/** As people write it. */
export function shortType(type: string): string {
  return type.replace("timestamp with time zone", "timestamptz").replace(/^"char"$/, "char");
}
