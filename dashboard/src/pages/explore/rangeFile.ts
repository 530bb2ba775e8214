/** The rows of a range as a file: fetched page by page, put together where the format allows it. */
import { marketPath, path, problemOf, Refused } from "../../api/client.ts";
import type { Range } from "./range.ts";
import { fileName } from "./snippets.ts";

export type FileFormat = "csv" | "parquet" | "arrow";

export const PAGE_ROWS = 10_000;
const PATIENCE_MS = 60_000;

export interface Part {
  blob: Blob;
  /** Null: this was the last. */
  next: string | null;
}

/** One page in `format`. Raises Refused. */
export async function fetchPart(
  market: string,
  range: Range,
  format: FileFormat,
  cursor: string | null,
  signal: AbortSignal,
): Promise<Part> {
  const url = path(`${marketPath(market)}/trades`, { ...range, format, limit: PAGE_ROWS, cursor });
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  const answer = await fetch(url, { signal: patience });
  if (!answer.ok) throw new Refused(await problemOf(answer));
  return { blob: await answer.blob(), next: answer.headers.get("x-next-cursor") };
}

/** The pages of a CSV as one: each has a line of names, and only the first keeps it. */
export async function joinCsv(parts: readonly Blob[]): Promise<Blob> {
  const bodies = await Promise.all(
    parts.map(async (part, index) => {
      const text = await part.text();
      return index === 0 ? text : text.slice(text.indexOf("\n") + 1);
    }),
  );
  return new Blob(bodies, { type: "text/csv" });
}

/** `kraken_BTC_USD_2026-11-21_2026-11-22.002.parquet` */
export function rangeFileName(market: string, range: Range, format: FileFormat, part?: number) {
  const days = `${plain(range.start)}_${plain(range.end)}`;
  const number = part === undefined ? "" : `.${String(part).padStart(3, "0")}`;
  return `${fileName(market)}_${days}${number}.${format}`;
}

function plain(time: string): string {
  return time.replace(/[-:]/g, "").replace(/T000000Z$/, "");
}

/** Hands it to whoever sits before the browser. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
