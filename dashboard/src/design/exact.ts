/** Arithmetic on decimal texts, exact: for sums and comparisons that are shown as numbers. */
interface Scaled {
  units: bigint;
  digits: number;
}

const SHAPE = /^[+-]?\d+(\.\d+)?$/;

function scaled(text: string): Scaled {
  if (!SHAPE.test(text)) throw new RangeError(`${text} is no decimal number`);
  const point = text.indexOf(".");
  if (point < 0) return { units: BigInt(text), digits: 0 };
  return {
    units: BigInt(text.slice(0, point) + text.slice(point + 1)),
    digits: text.length - point - 1,
  };
}

function lift({ units, digits }: Scaled, to: number): bigint {
  return units * 10n ** BigInt(to - digits);
}

export function compare(a: string, b: string): number {
  if (a === b) return 0;
  if (isAlike(a, b)) return a < b ? -1 : 1;
  const [x, y] = [scaled(a), scaled(b)];
  const digits = Math.max(x.digits, y.digits);
  const difference = lift(x, digits) - lift(y, digits);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function add(a: string, b: string): string {
  const [x, y] = [scaled(a), scaled(b)];
  const digits = Math.max(x.digits, y.digits);
  return written(lift(x, digits) + lift(y, digits), digits);
}

function written(units: bigint, digits: number): string {
  const sign = units < 0n ? "-" : "";
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, "0");
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** Both positive, as long and with the point in the same place: they compare as texts. */
function isAlike(a: string, b: string): boolean {
  const point = a.indexOf(".");
  return (
    a.length === b.length && point > 0 && b.charAt(point) === "." && a[0] !== "-" && b[0] !== "-"
  );
}

/** Whether the id `a` comes after `b`: ids are whole numbers that may pass 2^53, else texts. */
export function isLater(a: string, b: string): boolean {
  if (/^\d+$/.test(a) && /^\d+$/.test(b)) {
    return a.length === b.length ? a > b : BigInt(a) > BigInt(b);
  }
  return a > b;
}
