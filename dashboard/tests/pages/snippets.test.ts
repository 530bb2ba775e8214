import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { LANGUAGES, type Subject, snippet } from "../../src/pages/explore/snippets.ts";

/** A name that breaks out of whatever does not quote it. */
const SUBJECT: Subject = {
  what: "trades",
  key: "some/A%27B_%22C%5C%24%28D%29",
  exchange: "some",
  symbol: `A'B/"C\\$(D)`,
  start: "2026-11-21T00:00:00Z",
  end: "2026-11-22T06:30:00Z",
  size: "15m",
  origin: "http://127.0.0.1:5000",
};
const CANDLES: Subject = { ...SUBJECT, what: "candles" };

describe("each snippet, word by word, for a market with a slash and both quotes in its name", () => {
  it("curl, trades", () => {
    expect(snippet("curl", SUBJECT)).toBe(`\
curl --fail --silent --show-error --get 'http://127.0.0.1:5000/v1/markets/some/A%2527B_%2522C%255C%2524%2528D%2529'/trades \\
  --data-urlencode 'start=2026-11-21T00:00:00Z' \\
  --data-urlencode 'end=2026-11-22T06:30:00Z' \\
  --data-urlencode 'limit=10000' \\
  --data-urlencode 'format=csv' \\
  --dump-header - --output 'some_A_27B__22C_5C_24_28D_29_trades.csv'`);
  });

  it("Python, candles", () => {
    expect(snippet("Python", CANDLES)).toBe(`\
import alphapulse

candles = alphapulse.load_candles(
    "some/A%27B_%22C%5C%24%28D%29", "2026-11-21T00:00:00Z", "2026-11-22T06:30:00Z", "15m"
)
print(candles.tail())`);
  });

  it("Polars, trades", () => {
    expect(snippet("Polars", SUBJECT)).toBe(`\
import alphapulse
import polars as pl

trades = alphapulse.load_trades(
    "some/A%27B_%22C%5C%24%28D%29", "2026-11-21T00:00:00Z", "2026-11-22T06:30:00Z", as_="polars"
)
print(trades.group_by("side").agg(
    pl.len().alias("trades"),
    pl.col("size").sum().alias("volume"),
))`);
  });

  it("Polars, candles", () => {
    expect(snippet("Polars", CANDLES)).toContain(
      'print(candles.select(pl.col("volume").sum(), pl.col("trades").sum()))',
    );
  });

  it("DuckDB, candles", () => {
    expect(snippet("DuckDB", CANDLES)).toBe(`\
import os
import duckdb

home = os.environ.get("ALPHAPULSE_HOME", ".alphapulse")
duck = duckdb.connect(f"{home}/market_data.duckdb", read_only=True)
duck.sql("SET TimeZone = 'UTC'")
print(duck.sql("""
    SELECT opened_at, open, high, low, close, volume, trades
    FROM candles
    WHERE size = '15m' AND exchange = 'some' AND symbol = 'A''B/\\"C\\\\$(D)'
      AND date BETWEEN '2026-11-21' AND '2026-11-22'
      AND opened_at >= '2026-11-21T00:00:00Z' AND opened_at < '2026-11-22T06:30:00Z'
    ORDER BY opened_at
"""))`);
  });

  it("SQL, trades", () => {
    expect(snippet("SQL", SUBJECT)).toBe(`\
SELECT traded_at, trade_id, price, size, side
FROM market_trades
WHERE exchange = 'some' AND symbol = 'A''B/"C\\$(D)'
  AND traded_at >= '2026-11-21T00:00:00Z' AND traded_at < '2026-11-22T06:30:00Z'
ORDER BY traded_at, trade_id;`);
  });

  it("SQL, candles", () => {
    expect(snippet("SQL", CANDLES)).toBe(`\
SELECT date_bin('15 minutes', traded_at, '2000-01-01Z') AS opened_at,
  (array_agg(price ORDER BY traded_at, trade_id))[1] AS open,
  max(price) AS high, min(price) AS low,
  (array_agg(price ORDER BY traded_at DESC, trade_id DESC))[1] AS close,
  sum(size) AS volume, count(*) AS trades
FROM market_trades
WHERE exchange = 'some' AND symbol = 'A''B/"C\\$(D)'
  AND traded_at >= '2026-11-21T00:00:00Z' AND traded_at < '2026-11-22T06:30:00Z'
GROUP BY opened_at ORDER BY opened_at;`);
  });
});

describe("a snippet for the shell", () => {
  /** What curl itself would be given, by a real shell. */
  function given(subject: Subject): string[] {
    const program = `curl() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n`;
    const ran = spawnSync("/bin/sh", ["-c", program + snippet("curl", subject)]);
    expect(ran.stderr.toString()).toBe("");
    return ran.stdout.toString().split("\0").slice(0, -1);
  }

  it("hands each word to curl whole, and runs nothing that stands in a name", () => {
    expect(given(CANDLES)).toEqual([
      "--fail",
      "--silent",
      "--show-error",
      "--get",
      "http://127.0.0.1:5000/v1/markets/some/A%2527B_%2522C%255C%2524%2528D%2529/candles",
      "--data-urlencode",
      "size=15m",
      "--data-urlencode",
      "start=2026-11-21T00:00:00Z",
      "--data-urlencode",
      "end=2026-11-22T06:30:00Z",
      "--data-urlencode",
      "limit=10000",
      "--data-urlencode",
      "format=csv",
      "--dump-header",
      "-",
      "--output",
      "some_A_27B__22C_5C_24_28D_29_candles.csv",
    ]);
  });

  it("does so for keys as no exchange of today has them", () => {
    for (const key of ["some/a'b", "some/$(reboot)", "some/`id`", "some/x;y&z|w", "some/-o x"]) {
      const [url = "", file = ""] = [4, -1].map((place) => given({ ...SUBJECT, key }).at(place));
      expect(decodeURIComponent(new URL(url).pathname)).toBe(`/v1/markets/${key}/trades`);
      expect(file).toMatch(/^some_[A-Za-z0-9._-]*_trades\.csv$/);
    }
  });
});

describe("every snippet", () => {
  it.each(LANGUAGES)("in %s names the whole range and nothing of another market", (language) => {
    for (const subject of [SUBJECT, CANDLES]) {
      const text = snippet(language, subject);
      expect(text).toContain(subject.start);
      expect(text).toContain(subject.end);
      expect(text).not.toMatch(/undefined|null|\[object/);
    }
  });
});
