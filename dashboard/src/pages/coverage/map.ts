/** The heat map as numbers: which cell stands where, what it says, and where keys lead. Pure. */
import type { Coverage, CoverageCell, Day, Verdict } from "../../api/answers.ts";
import { count, share } from "../../design/format.ts";

export const DAY_MS = 86_400_000;

/** What a cell looks like: a verdict, split where it is only the proof that lacks, or that nobody judged the day. */
export type Mark = Verdict | "not proved" | "not judged";

export const MARKS: readonly Mark[] = [
  "complete",
  "complete with absences",
  "incomplete",
  "not proved",
  "unknown",
  "not judged",
];

export const MARK_WORDS: Record<Mark, string> = {
  complete: "Complete: every trade is stored",
  "complete with absences": "Complete: the exchange itself lacks a few ids",
  incomplete: "Incomplete: trades are missing",
  "not proved": "Not proved yet: nothing is known to be missing",
  unknown: "Cannot be counted: only the time observed is known",
  "not judged": "Not judged: nothing is known of this day",
};

export interface HeatMap {
  markets: readonly string[];
  /** Every day from the first judged one to the last, also those between that nobody judged. */
  days: readonly Day[];
  /** A row for each market, a column for each day. */
  cells: readonly (readonly (CoverageCell | null)[])[];
}

export interface Place {
  row: number;
  column: number;
}

export function heatMap(coverage: Coverage): HeatMap {
  const judged = coverage.cells.map((cell) => cell.day).sort();
  const days = everyDay(judged[0], judged.at(-1));
  const column = new Map(days.map((day, index) => [day, index]));
  const markets = [...new Set(coverage.cells.map((cell) => cell.market))].sort();
  const row = new Map(markets.map((market, index) => [market, index]));
  const cells = markets.map(() => new Array<CoverageCell | null>(days.length).fill(null));
  for (const cell of coverage.cells) {
    const line = cells[row.get(cell.market) ?? -1];
    const at = column.get(cell.day);
    if (line && at !== undefined) line[at] = cell;
  }
  return { markets, days, cells };
}

/** Both included. */
export function everyDay(first: Day | undefined, last: Day | undefined): Day[] {
  if (!first || !last) return [];
  const days: Day[] = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY_MS) days.push(dayAt(at));
  return days;
}

export function dayAt(ms: number): Day {
  return new Date(ms).toISOString().slice(0, 10);
}

export function markOf(cell: CoverageCell | null): Mark {
  if (!cell) return "not judged";
  return cell.verdict === "incomplete" && cell.missing === 0 ? "not proved" : cell.verdict;
}

/** From 0 to 1: of the trades that there ought to be, those stored or known to be absent; else the time observed. */
export function shareOf(cell: CoverageCell | null): number | null {
  if (!cell) return null;
  const { expected, stored, absent } = cell;
  if (cell.verdict === "unknown" || expected === null || stored === null) return cell.observed;
  if (expected === 0) return cell.verdict === "incomplete" ? null : 1;
  const whole = (stored + (absent ?? 0)) / expected;
  return Math.max(0, Math.min(1, whole));
}

/** A cell in one sentence, for the line below the map and for screen readers. */
export function cellWords(market: string, day: Day, cell: CoverageCell | null): string {
  if (!cell) return `${market}, ${day}: not judged`;
  const part = shareOf(cell);
  const words = [`${market}, ${day}: ${cell.verdict}`];
  if (part !== null) words.push(partWords(cell, part));
  if (cell.missing) words.push(`${count(cell.missing)} missing`);
  if (cell.repaired) words.push(`${count(cell.repaired)} repaired`);
  if (cell.absent) words.push(`${count(cell.absent)} absent at the exchange`);
  if (cell.is_provisional) words.push("not final");
  words.push(cell.exported ? "archived" : "not archived");
  if (cell.reopened) words.push("its file is out of date");
  return words.join(" · ");
}

function partWords(cell: CoverageCell, part: number): string {
  if (!isCounted(cell)) return `${share(part)} observed`;
  if (part === 1 && cell.verdict === "incomplete") return "nothing known to be missing";
  return `${share(part)} stored`;
}

function isCounted(cell: CoverageCell): boolean {
  return cell.verdict !== "unknown" && cell.expected !== null;
}

/** How many market-days there are of each kind, days that nobody judged included. */
export function tally(map: HeatMap): Record<Mark, number> {
  const found = Object.fromEntries(MARKS.map((mark) => [mark, 0])) as Record<Mark, number>;
  for (const line of map.cells) for (const cell of line) found[markOf(cell)] += 1;
  return found;
}

/** Where a key leads from a cell; null: the key means nothing here. */
export function move(at: Place, key: string, map: HeatMap, isControl = false): Place | null {
  const last = { row: map.markets.length - 1, column: map.days.length - 1 };
  const to = (row: number, column: number): Place => ({
    row: within(row, last.row),
    column: within(column, last.column),
  });
  switch (key) {
    case "ArrowLeft":
      return to(at.row, at.column - 1);
    case "ArrowRight":
      return to(at.row, at.column + 1);
    case "ArrowUp":
      return to(at.row - 1, at.column);
    case "ArrowDown":
      return to(at.row + 1, at.column);
    case "PageUp":
      return to(at.row, at.column - 7);
    case "PageDown":
      return to(at.row, at.column + 7);
    case "Home":
      return to(isControl ? 0 : at.row, 0);
    case "End":
      return to(isControl ? last.row : at.row, last.column);
    default:
      return null;
  }
}

function within(value: number, last: number): number {
  return Math.max(0, Math.min(last, value));
}

export interface Measures {
  cell: number;
  height: number;
  /** Of the whole canvas. */
  width: number;
  total: number;
}

export const HEAD = 34;
const SMALLEST = 14;
const WIDEST = 64;
const ROW = 26;

/** As wide as there is room for, but never too small to be hit. */
export function measures(map: HeatMap, room: number): Measures {
  const days = Math.max(1, map.days.length);
  const cell = Math.max(SMALLEST, Math.min(WIDEST, Math.floor(room / days)));
  return { cell, height: ROW, width: cell * days, total: HEAD + ROW * map.markets.length };
}

/** The cell at a point of the canvas; null: none is there. */
export function placeAt(x: number, y: number, map: HeatMap, size: Measures): Place | null {
  const column = Math.floor(x / size.cell);
  const row = Math.floor((y - HEAD) / size.height);
  const isInside = column >= 0 && row >= 0 && column < map.days.length && row < map.markets.length;
  return isInside ? { row, column } : null;
}

/** Which columns bear their day: the first of months, and others where there is room. */
export function dayLabels(days: readonly Day[], cell: number): { column: number; text: string }[] {
  const each = [1, 2, 7, 14, 28, 56].find((step) => step * cell >= 44) ?? 84;
  return days
    .map((day, column) => ({ column, text: day.slice(5) }))
    .filter(({ column }) => (days.length - 1 - column) % each === 0);
}

/** The address of a market's day. */
export function dayPath(market: string, day: Day): string {
  const [exchange = "", ...rest] = market.split("/");
  return `/coverage/${encodeURIComponent(exchange)}/${encodeURIComponent(rest.join("/"))}/${day}`;
}

/** The market and day that an address of the dashboard names; null: it names none. */
export function dayOfPath(path: string): { market: string; day: Day } | null {
  const parts = /^\/coverage\/([^/]+)\/([^/]+)\/(\d{4}-\d{2}-\d{2})\/?$/.exec(path);
  if (!parts) return null;
  const [, exchange = "", symbol = "", day = ""] = parts;
  try {
    return { market: `${decodeURIComponent(exchange)}/${decodeURIComponent(symbol)}`, day };
  } catch {
    return null;
  }
}
