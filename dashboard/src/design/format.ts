/** How numbers and times are written. Decimal texts are grouped and cut as text: never a float in between. */

/** Narrow and never broken across lines. */
const THIN = "\u202f";
export const NOTHING = "–";

/** An exact decimal text, grouped by thousands: `67000.1200` → `67 000.1200`. */
export function decimal(text: string | null | undefined): string {
  if (text === null || text === undefined) return NOTHING;
  const parts = /^([+-]?)(\d+)(\.\d+)?$/.exec(text);
  if (!parts) return text;
  const [, sign = "", whole = "", rest = ""] = parts;
  return sign + grouped(whole) + rest;
}

/** The same with at most `digits` after the point: cut, not rounded, and marked `…` if something was cut. */
export function shortDecimal(text: string | null | undefined, digits: number): string {
  const full = decimal(text);
  const point = full.indexOf(".");
  if (point < 0 || full.length - point - 1 <= digits) return full;
  const cut = full.slice(0, digits === 0 ? point : point + 1 + digits);
  return /^0*$/.test(full.slice(point + 1 + digits)) ? cut : `${cut}…`;
}

/** Without the zeros behind the last digit that says something: `0.00120000` → `0.0012`. */
export function trimmed(text: string | null | undefined): string {
  const full = decimal(text);
  return full.includes(".") ? full.replace(/\.?0+$/, "") : full;
}

/** How many digits behind the point say something, at most: exchanges fill up with zeros. */
export function digitsBehind(texts: readonly string[]): number {
  return texts.reduce((most, text) => {
    const said = text.includes(".") ? text.replace(/0+$/, "") : text;
    const point = said.indexOf(".");
    return point < 0 ? most : Math.max(most, said.length - point - 1);
  }, 0);
}

/** Exact, with `digits` behind the point, or more where more of them say something. */
export function filled(text: string | null | undefined, digits: number): string {
  const short = trimmed(text);
  if (digits === 0 || short === NOTHING) return short;
  const point = short.indexOf(".");
  const has = point < 0 ? 0 : short.length - point - 1;
  return (point < 0 ? `${short}.` : short) + "0".repeat(Math.max(0, digits - has));
}

const ROUNDS_UP = 999.5; // three digits of it read 1 000: the next unit is due

function isKnown(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** A count: `1 234 567`. */
export function count(value: number | null | undefined): string {
  if (!isKnown(value)) return NOTHING;
  const whole = Math.round(value);
  return (whole < 0 ? "-" : "") + grouped(String(Math.abs(whole)));
}

/** A measured number with the digits that matter. */
export function measure(value: number | null | undefined, digits = 3): string {
  if (!isKnown(value)) return NOTHING;
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -6) return value.toExponential(digits - 1); // too small for six digits, but not nought
  const fixed = value.toFixed(Math.max(0, Math.min(6, digits - 1 - magnitude)));
  const [whole = "", rest = ""] = fixed.split(".");
  const digitsBehind = rest.replace(/0+$/, "");
  return groupedWhole(whole) + (digitsBehind ? `.${digitsBehind}` : "");
}

/** So many in a second, with as many digits as its neighbours: `4.3`, `51.0`, `1 204`. */
export function pace(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  return value < 100 ? value.toFixed(1) : groupedWhole(String(Math.round(value)));
}

/** Milliseconds, as people say them. */
export function milliseconds(value: number | null | undefined): string {
  if (!isKnown(value)) return NOTHING;
  return value < ROUNDS_UP ? `${measure(value)} ms` : `${measure(value / 1000)} s`;
}

export function bytes(value: number | null | undefined): string {
  if (!isKnown(value)) return NOTHING;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let step = 0;
  let rest = value;
  while (rest >= ROUNDS_UP && step < units.length - 1) {
    rest /= 1000;
    step += 1;
  }
  return `${measure(rest)} ${units[step]}`;
}

/** A share from 0 to 1 as per cent; what is not whole never reads as 100 %. */
export function share(value: number | null | undefined): string {
  if (!isKnown(value)) return NOTHING;
  const text = (Math.floor(value * 100_000) / 1000).toFixed(value >= 0.999 && value < 1 ? 3 : 1);
  return `${value === 1 ? "100" : text} %`;
}

/** How old something is: `now`, `12 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

export type Clock = "utc" | "local";

/** Time of day with as many of the six digits as asked for. */
export function timeOfDay(time: string | number, clock: Clock, digits = 0): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return NOTHING;
  const parts =
    clock === "utc"
      ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
      : [date.getHours(), date.getMinutes(), date.getSeconds()];
  const text = parts.map(two).join(":");
  if (digits === 0) return text;
  const written = typeof time === "string" ? /\.(\d+)/.exec(time)?.[1] : undefined;
  const fraction = (written ?? String(date.getUTCMilliseconds()).padStart(3, "0")).padEnd(6, "0");
  return `${text}.${fraction.slice(0, digits)}`;
}

export function dayOf(time: string | number, clock: Clock): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return clock === "utc"
    ? date.toISOString().slice(0, 10)
    : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `2026-01-31 12:00:00`, in the clock that was chosen. */
export function moment(time: string | number | null | undefined, clock: Clock): string {
  if (time === null || time === undefined) return NOTHING;
  return `${dayOf(time, clock)} ${timeOfDay(time, clock)}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function groupedWhole(whole: string): string {
  return whole.startsWith("-") ? `-${grouped(whole.slice(1))}` : grouped(whole);
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, THIN);
}
