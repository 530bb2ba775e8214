/** Which time is looked at, and by which bars. Pure. Ranges are half-open and in UTC. */
import type { CandleSize, Time } from "../../api/answers.ts";

export const SPANS = {
  "1h": { name: "1 hour", ms: 3_600_000 },
  "24h": { name: "24 hours", ms: 86_400_000 },
  "7d": { name: "7 days", ms: 7 * 86_400_000 },
  "30d": { name: "30 days", ms: 30 * 86_400_000 },
  "365d": { name: "A year", ms: 365 * 86_400_000 },
} as const;

export type Span = keyof typeof SPANS;

export function isSpan(text: string | null): text is Span {
  return text !== null && text in SPANS;
}

export interface Range {
  start: Time;
  end: Time;
}

const MINUTE = 60_000;

/** The span up to now: it ends with the running minute, so that its newest trade is in it. */
export function spanBefore(span: Span, now: number): Range {
  const end = (Math.floor(now / MINUTE) + 1) * MINUTE;
  return { start: whole(end - SPANS[span].ms), end: whole(end) };
}

/** What somebody wrote into two fields; null: it is not a range. */
export function rangeOf(start: string | null, end: string | null): Range | null {
  if (!start || !end) return null;
  const [from, to] = [readTime(start), readTime(end)];
  return from !== null && to !== null && from < to ? { start: whole(from), end: whole(to) } : null;
}

/** Milliseconds of `2026-11-21`, `2026-11-21T12:00` or a full RFC 3339 time; UTC where no zone is said. */
function readTime(text: string): number | null {
  const parts = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(
    text,
  );
  if (!parts) return null;
  const hasZone = parts[1] === undefined || parts[4] !== undefined;
  const found = Date.parse(hasZone ? text : `${text}Z`);
  return Number.isNaN(found) ? null : found;
}

/** RFC 3339 to the second. */
export function whole(ms: number): Time {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** As a field shows it: `2026-01-31 12:00`. */
export function forField(time: Time): string {
  return time.slice(0, 16).replace("T", " ");
}

/** What somebody wrote there, a day alone included; null: it is no time. */
export function readField(text: string): Time | null {
  const ms = readTime(text.trim().replace(/\s+/, "T"));
  return ms === null ? null : whole(ms);
}

export const SIZES: readonly CandleSize[] = ["1m", "5m", "15m", "1h", "1d"];

const SIZE_MS: Record<CandleSize, number> = {
  "1m": MINUTE,
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "1h": 60 * MINUTE,
  "1d": 1440 * MINUTE,
};

export const MOST_BARS = 10_000;

export function barsIn(range: Range, size: CandleSize): number {
  return Math.ceil((Date.parse(range.end) - Date.parse(range.start)) / SIZE_MS[size]);
}

/** The finest size that still can be seen: at most about 1500 bars. */
export function suggested(range: Range): CandleSize {
  return SIZES.find((size) => barsIn(range, size) <= 1500) ?? "1d";
}

export function isSize(text: string | null): text is CandleSize {
  return text !== null && SIZES.includes(text as CandleSize);
}
