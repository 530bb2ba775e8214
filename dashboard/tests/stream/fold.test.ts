import { describe, expect, it } from "vitest";
import type { CandleColumns, CandleSize } from "../../src/api/answers.ts";
import { type Bar, Bars, barsOf, type Traded } from "../../src/stream/bars.ts";
import { Chance, SEEDS } from "./chance.ts";

const START = Date.parse("2026-01-30T23:50:00Z");
const SECONDS = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 86_400 };
const LENGTHS = Object.keys(SECONDS) as CandleSize[];

interface Exact {
  units: bigint;
  text: string;
}

/** Trades in the exchange's order, some in the same microsecond, with gaps of minutes and days. */
function market(chance: Chance, many: number): Traded[] {
  let time = START;
  let id = chance.isSo(0.5) ? 1n : 9_007_199_254_740_990n;
  return Array.from({ length: many }, () => {
    time += chance.isSo(0.05) ? chance.whole(60_000, 90_000_000) : chance.whole(0, 20_000);
    id += BigInt(chance.whole(1, 3));
    return {
      id: String(id),
      price: chance.decimal(6, 8),
      size: chance.decimal(3, 18),
      time: new Date(time).toISOString().replace("Z", `${chance.whole(100, 999)}Z`),
    };
  });
}

const PLACES = 18;

function exact(text: string): Exact {
  const [whole = "0", rest = ""] = text.split(".");
  return { units: BigInt(whole + rest.padEnd(PLACES, "0")), text };
}

/** The fold as it is defined, without a hurry: all trades of a bar sorted, then looked at. */
function reference(trades: readonly Traded[], seconds: number): object[] {
  const by = new Map<number, Traded[]>();
  for (const trade of trades) {
    const opened = Math.floor(Date.parse(trade.time) / 1000 / seconds) * seconds;
    by.set(opened, [...(by.get(opened) ?? []), trade]);
  }
  return [...by].map(([time, own]) => {
    const prices = own.map((trade) => exact(trade.price));
    const sorted = [...prices].sort((a, b) => (a.units < b.units ? -1 : a.units > b.units ? 1 : 0));
    return {
      time,
      open: own[0]?.price,
      high: sorted.at(-1)?.units,
      low: sorted[0]?.units,
      close: own.at(-1)?.price,
      volume: own.reduce((sum, trade) => sum + exact(trade.size).units, 0n),
      trades: own.length,
      lastId: own.at(-1)?.id,
    };
  });
}

function comparable(bars: readonly Bar[]): object[] {
  return bars.map((bar) => ({
    ...bar,
    high: exact(bar.high).units,
    low: exact(bar.low).units,
    volume: exact(bar.volume).units,
  }));
}

/** What the API would answer of these trades. */
function columns(trades: readonly Traded[], size: CandleSize): CandleColumns {
  const bars = new Bars(size, Number.POSITIVE_INFINITY);
  for (const trade of trades) bars.add(trade);
  const { all } = bars;
  const nothing = all.map(() => "0");
  return {
    opened_at: all.map((bar) => new Date(bar.time * 1000).toISOString()),
    open: all.map((bar) => bar.open),
    high: all.map((bar) => bar.high),
    low: all.map((bar) => bar.low),
    close: all.map((bar) => bar.close),
    volume: all.map((bar) => bar.volume),
    trades: all.map((bar) => bar.trades),
    last_id: all.map((bar) => bar.lastId),
    first_id: nothing,
    buy_volume: nothing,
    quote_volume: nothing,
  };
}

describe.each(SEEDS)("the fold of a market made by the seed %i", (seed) => {
  const chance = new Chance(seed);
  const size = chance.one(LENGTHS);
  const trades = market(chance, chance.whole(1, 300));

  it("is what its definition says, to the last digit", () => {
    const bars = new Bars(size);
    const effects = trades.map((trade) => bars.add(trade));
    expect(comparable(bars.all)).toEqual(reference(trades, SECONDS[size]));
    expect(effects.filter((effect) => effect === "opened")).toHaveLength(bars.all.length);
  });

  it("is the same wherever the history ends and however much of it the stream repeats", () => {
    const cut = chance.whole(0, trades.length);
    const again = chance.whole(0, cut);
    const bars = new Bars(size);
    bars.load(columns(trades.slice(0, cut), size));
    const known = trades.slice(again, cut).map((trade) => bars.add(trade));
    for (const trade of trades.slice(cut)) bars.add(trade);
    expect(new Set(known).size === 0 || new Set(known).has("known")).toBe(true);
    expect(known).toEqual(known.map(() => "known"));
    expect(comparable(bars.all)).toEqual(reference(trades, SECONDS[size]));
  });

  it("is the same when the history is asked for again at any moment", () => {
    const bars = new Bars(size);
    for (const [at, trade] of trades.entries()) {
      bars.add(trade);
      if (chance.isSo(0.02)) {
        const behind = chance.whole(0, 5); // the answer is a little older than what we have
        const told = columns(trades.slice(0, Math.max(0, at + 1 - behind)), size);
        bars.load(told);
        for (const late of trades.slice(Math.max(0, at + 1 - behind), at + 1)) bars.add(late);
      }
    }
    expect(comparable(bars.all)).toEqual(reference(trades, SECONDS[size]));
  });

  it("notices a trade that comes behind its bar, and changes nothing by itself", () => {
    const bars = new Bars(size);
    for (const trade of trades) bars.add(trade);
    const before = comparable(bars.all);
    const old = { ...trades[0], id: "0", time: "2026-01-01T00:00:00.000000Z" } as Traded;
    expect(bars.add(old)).toBe("late");
    expect(comparable(bars.all)).toEqual(before);
  });
});

describe("columns of the API as bars", () => {
  it("take nothing for something where a column is too short", () => {
    const told = columns(market(new Chance(5), 3), "1m");
    const [bar] = barsOf({ ...told, close: [], trades: [] });
    expect(bar).toMatchObject({ close: "0", trades: 0 });
    expect(barsOf({ ...told, opened_at: [] })).toEqual([]);
  });
});
