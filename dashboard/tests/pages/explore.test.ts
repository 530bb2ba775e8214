import { describe, expect, it } from "vitest";
import { barsIn, rangeOf, spanBefore, suggested } from "../../src/pages/explore/range.ts";
import { joinCsv, rangeFileName } from "../../src/pages/explore/rangeFile.ts";
import { LANGUAGES, type Subject, snippet } from "../../src/pages/explore/snippets.ts";

const SUBJECT: Subject = {
  what: "trades",
  key: "kraken/BTC_USD",
  exchange: "kraken",
  symbol: "BTC/USD",
  start: "2026-11-21T00:00:00Z",
  end: "2026-11-22T00:00:00Z",
  size: "5m",
  origin: "http://127.0.0.1:5000",
};

describe("snippets", () => {
  it("ask the API by curl for just this market and range", () => {
    expect(snippet("curl", SUBJECT)).toBe(
      [
        "curl --fail --silent --show-error --get 'http://127.0.0.1:5000/v1/markets/kraken/BTC_USD'/trades",
        "--data-urlencode 'start=2026-11-21T00:00:00Z'",
        "--data-urlencode 'end=2026-11-22T00:00:00Z'",
        "--data-urlencode 'limit=10000'",
        "--data-urlencode 'format=csv'",
        "--dump-header - --output 'kraken_BTC_USD_trades.csv'",
      ].join(" \\\n  "),
    );
  });

  it("load by the names that our own package has", () => {
    expect(snippet("Python", SUBJECT)).toContain(
      'alphapulse.load_trades(\n    "kraken/BTC_USD", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"\n)',
    );
    expect(snippet("Polars", { ...SUBJECT, what: "candles" })).toContain(
      'alphapulse.load_candles(\n    "kraken/BTC_USD", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", "5m", as_="polars"\n)',
    );
  });

  it("name the symbol as the exchange does in SQL, and the days that lie in the archive", () => {
    const duck = snippet("DuckDB", SUBJECT);
    expect(duck).toContain("exchange = 'kraken' AND symbol = 'BTC/USD'");
    expect(duck).toContain("date BETWEEN '2026-11-21' AND '2026-11-22'");
    const sql = snippet("SQL", SUBJECT);
    expect(sql).toContain(
      "traded_at >= '2026-11-21T00:00:00Z' AND traded_at < '2026-11-22T00:00:00Z'",
    );
    expect(snippet("SQL", { ...SUBJECT, what: "candles" })).toContain("date_bin('5 minutes'");
  });

  it("cannot be broken out of by the name of a market", () => {
    const odd = { ...SUBJECT, symbol: `A'B"C\\D`, key: `some/A'B` };
    expect(snippet("SQL", odd)).toContain(`symbol = 'A''B"C\\D'`);
    expect(snippet("DuckDB", odd)).toContain(`symbol = 'A''B\\"C\\\\D'`);
    expect(snippet("curl", odd)).toContain(
      `'http://127.0.0.1:5000/v1/markets/some/A'\\''B'/trades`,
    );
  });

  it("have something to say in each language", () => {
    for (const language of LANGUAGES) expect(snippet(language, SUBJECT)).toContain("trades");
  });
});

describe("ranges", () => {
  it("end with the running minute, so that the newest trade is in them", () => {
    const now = Date.parse("2026-11-21T12:34:56.789Z");
    expect(spanBefore("1h", now)).toEqual({
      start: "2026-11-21T11:35:00Z",
      end: "2026-11-21T12:35:00Z",
    });
  });

  it("are read in UTC where no zone is said, and refused where they are none", () => {
    expect(rangeOf("2026-11-21", "2026-11-21T12:30")).toEqual({
      start: "2026-11-21T00:00:00Z",
      end: "2026-11-21T12:30:00Z",
    });
    expect(rangeOf("2026-11-21T01:00:00+02:00", "2026-11-21T00:00Z")?.start).toBe(
      "2026-11-20T23:00:00Z",
    );
    for (const [start, end] of [
      ["2026-11-22", "2026-11-21"],
      ["2026-11-21", "2026-11-21"],
      ["soon", "2026-11-21"],
      ["2026-13-40", "2026-11-21"],
      [null, null],
    ])
      expect(rangeOf(start ?? null, end ?? null)).toBeNull();
  });

  it("are shown by the finest bars that can still be seen", () => {
    const range = { start: "2026-11-21T00:00:00Z", end: "2026-11-22T00:00:00Z" };
    expect(barsIn(range, "5m")).toBe(288);
    expect(suggested(range)).toBe("1m");
    expect(suggested({ start: "2025-11-21T00:00:00Z", end: range.end })).toBe("1d");
  });
});

describe("files of a range", () => {
  it("join pages of a CSV under one line of names, byte for byte", async () => {
    const names = "exchange,symbol,trade_id,price\n";
    const parts = [
      new Blob([`${names}kraken,BTC/USD,1,67000.10\n`]),
      new Blob([`${names}kraken,BTC/USD,2,67000.1200\n`]),
    ];
    const text = await (await joinCsv(parts)).text();
    expect(text).toBe(`${names}kraken,BTC/USD,1,67000.10\nkraken,BTC/USD,2,67000.1200\n`);
  });

  it("are named after market, range and part", () => {
    const range = { start: "2026-11-21T00:00:00Z", end: "2026-11-21T12:30:00Z" };
    expect(rangeFileName("kraken/BTC_USD", range, "csv")).toBe(
      "kraken_BTC_USD_20261121_20261121T123000Z.csv",
    );
    expect(rangeFileName("kraken/BTC_USD", range, "parquet", 2)).toBe(
      "kraken_BTC_USD_20261121_20261121T123000Z.002.parquet",
    );
  });
});
