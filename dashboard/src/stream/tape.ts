import type { TradeFrame } from "./frames.ts";

/** A line of the tape: a trade, or the place where something may be missing here. */
export type Line =
  | { kind: "trade"; n: number; trade: TradeFrame }
  | { kind: "seam"; n: number; reason: string; at: number };

/** The newest lines, oldest first. Bounded: beyond `kept` the oldest are let go, in lumps. */
export class Tape {
  #lines: Line[] = [];
  #next = 0;
  readonly #kept: number;

  constructor(kept = 20_000) {
    this.#kept = kept;
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** How many lines there ever were. */
  get total(): number {
    return this.#next;
  }

  trade(trade: TradeFrame): void {
    this.#push({ kind: "trade", n: this.#next, trade });
  }

  seam(reason: string, at: number): void {
    this.#push({ kind: "seam", n: this.#next, reason, at });
  }

  #push(line: Line): void {
    this.#lines.push(line);
    this.#next += 1;
    if (this.#lines.length > this.#kept * 1.25) this.#lines = this.#lines.slice(-this.#kept);
  }
}

/** The trades as CSV, as they were sent. */
export function tapeAsCsv(lines: readonly Line[]): string {
  const names = [
    "exchange",
    "symbol",
    "id",
    "price",
    "size",
    "side",
    "time",
    "received",
    "source",
  ] as const;
  const rows = lines.flatMap((line) =>
    line.kind === "trade" ? [names.map((name) => line.trade[name]).join(",")] : [],
  );
  return `${[names.join(","), ...rows].join("\n")}\n`;
}
