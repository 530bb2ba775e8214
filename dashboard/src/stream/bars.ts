/** Candles of the database and the trades behind them, joined without a seam. Pure. */
import type { CandleColumns, CandleSize } from "../api/answers.ts";
import { add, compare, isLater } from "../design/exact.ts";

export interface Bar {
  /** Where it opens, in seconds since 1970. */
  time: number;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string;
  trades: number;
  lastId: string;
}

export interface Traded {
  id: string;
  price: string;
  size: string;
  time: string;
}

export const SIZES: Record<CandleSize, number> = {
  "1m": 60,
  "5m": 300,
  "15m": 900,
  "1h": 3600,
  "1d": 86_400,
};

/**
 * What a trade did: extended the newest bar, opened one, was in the history already, or is late: it belongs
 * into a bar that the database must be asked for again.
 */
export type Effect = "extended" | "opened" | "known" | "late";

export class Bars {
  #bars: Bar[] = [];
  readonly #seconds: number;
  readonly #kept: number;

  constructor(size: CandleSize, kept = 2000) {
    this.#seconds = SIZES[size];
    this.#kept = kept;
  }

  get all(): readonly Bar[] {
    return this.#bars;
  }

  get newest(): Bar | null {
    return this.#bars.at(-1) ?? null;
  }

  /** The bars of the database take the place of ours from their first one on. */
  load(columns: CandleColumns): void {
    const fetched = barsOf(columns);
    const first = fetched[0]?.time ?? Number.POSITIVE_INFINITY;
    const kept = this.#bars.filter((bar) => bar.time < first);
    this.#bars = [...kept, ...fetched].slice(-this.#kept);
  }

  add(trade: Traded): Effect {
    const seconds = Math.floor(Date.parse(trade.time) / 1000);
    const time = seconds - (seconds % this.#seconds);
    const newest = this.newest;
    if (newest && time < newest.time) return this.#behind(time, trade.id);
    if (!newest || time > newest.time) {
      this.#bars.push(opened(time, trade));
      if (this.#bars.length > this.#kept) this.#bars.shift();
      return "opened";
    }
    if (!isLater(trade.id, newest.lastId)) return "known";
    extend(newest, trade);
    return "extended";
  }

  #behind(time: number, id: string): Effect {
    const bar = this.#bars.findLast((each) => each.time <= time);
    return bar && bar.time === time && !isLater(id, bar.lastId) ? "known" : "late";
  }
}

function opened(time: number, { id, price, size }: Traded): Bar {
  return {
    time,
    open: price,
    high: price,
    low: price,
    close: price,
    volume: size,
    trades: 1,
    lastId: id,
  };
}

function extend(bar: Bar, { id, price, size }: Traded): void {
  if (compare(price, bar.high) > 0) bar.high = price;
  if (compare(price, bar.low) < 0) bar.low = price;
  bar.close = price;
  bar.volume = add(bar.volume, size);
  bar.trades += 1;
  bar.lastId = id;
}

export function barsOf(columns: CandleColumns): Bar[] {
  return columns.opened_at.map((opened_at, at) => ({
    time: Date.parse(opened_at) / 1000,
    open: columns.open[at] ?? "0",
    high: columns.high[at] ?? "0",
    low: columns.low[at] ?? "0",
    close: columns.close[at] ?? "0",
    volume: columns.volume[at] ?? "0",
    trades: columns.trades[at] ?? 0,
    lastId: columns.last_id[at] ?? "0",
  }));
}
