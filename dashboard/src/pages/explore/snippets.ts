/** What to copy into a terminal or a notebook: the same market and range, in five languages. Pure. */
import type { CandleSize } from "../../api/answers.ts";
import { marketPath } from "../../api/client.ts";
import type { Range } from "./range.ts";

export const LANGUAGES = ["curl", "Python", "DuckDB", "Polars", "SQL"] as const;
export type Language = (typeof LANGUAGES)[number];

export interface Subject extends Range {
  what: "trades" | "candles";
  /** `kraken/BTC_USD` */
  key: string;
  exchange: string;
  /** The exchange's own spelling: `BTC/USD`. */
  symbol: string;
  size: CandleSize;
  /** Where the API answers: `http://127.0.0.1:5000`. */
  origin: string;
}

export function snippet(language: Language, subject: Subject): string {
  return { curl, Python: python, DuckDB: duckdb, Polars: polars, SQL: sql }[language](subject);
}

/** Where it runs, said beside it. */
export const NOTES: Record<Language, string> = {
  curl: "At most 10 000 rows in one answer: the header X-Next-Cursor has the cursor that goes on.",
  Python:
    "With pandas; files and the live store in one. ALPHAPULSE_HOME names the platform's folder.",
  DuckDB:
    "The archive alone: days that were exported. `alphapulse.open_archive()` has newer trades too.",
  Polars:
    "With Polars; files and the live store in one. ALPHAPULSE_HOME names the platform's folder.",
  SQL: "In PostgreSQL, by psql or any client: the days that it still keeps.",
};

function curl({ what, key, size, origin, start, end }: Subject): string {
  const lines = [
    `curl --fail --silent --show-error --get ${shell(origin + marketPath(key))}/${what}`,
    ...(what === "candles" ? [`--data-urlencode ${shell(`size=${size}`)}`] : []),
    `--data-urlencode ${shell(`start=${start}`)}`,
    `--data-urlencode ${shell(`end=${end}`)}`,
    "--data-urlencode 'limit=10000'",
    "--data-urlencode 'format=csv'",
    `--dump-header - --output ${shell(`${fileName(key)}_${what}.csv`)}`,
  ];
  return lines.join(" \\\n  ");
}

function python(subject: Subject): string {
  return [
    "import alphapulse",
    "",
    `${subject.what} = ${load(subject)}`,
    `print(${subject.what}.tail())`,
  ].join("\n");
}

function polars(subject: Subject): string {
  const { what } = subject;
  const by =
    what === "trades"
      ? [
          'trades.group_by("side").agg(',
          '    pl.len().alias("trades"),',
          '    pl.col("size").sum().alias("volume"),',
          ")",
        ]
      : ['candles.select(pl.col("volume").sum(), pl.col("trades").sum())'];
  return [
    "import alphapulse",
    "import polars as pl",
    "",
    `${what} = ${load(subject, 'as_="polars"')}`,
    `print(${by.join("\n")})`,
  ].join("\n");
}

function load({ what, key, start, end, size }: Subject, ...more: string[]): string {
  const words = [quoted(key), quoted(start), quoted(end)];
  if (what === "candles") words.push(quoted(size));
  return `alphapulse.load_${what}(\n    ${[...words, ...more].join(", ")}\n)`;
}

function duckdb(subject: Subject): string {
  return [
    "import os",
    "import duckdb",
    "",
    'home = os.environ.get("ALPHAPULSE_HOME", ".alphapulse")',
    'duck = duckdb.connect(f"{home}/market_data.duckdb", read_only=True)',
    "duck.sql(\"SET TimeZone = 'UTC'\")",
    'print(duck.sql("""',
    ...archived(subject).map((line) => `    ${line}`),
    '"""))',
  ].join("\n");
}

function archived({ what, exchange, symbol, size, start, end }: Subject): string[] {
  const time = what === "trades" ? "traded_at" : "opened_at";
  const columns =
    what === "trades"
      ? "traded_at, trade_id, price, size, side"
      : "opened_at, open, high, low, close, volume, trades";
  const bars = what === "candles" ? [`size = ${literal(size)} AND `] : [];
  return [
    `SELECT ${columns}`,
    `FROM ${what}`,
    `WHERE ${bars.join("")}exchange = ${literal(exchange)} AND symbol = ${literal(symbol)}`,
    `  AND date BETWEEN '${start.slice(0, 10)}' AND '${end.slice(0, 10)}'`,
    `  AND ${time} >= '${start}' AND ${time} < '${end}'`,
    `ORDER BY ${what === "trades" ? "traded_at, trade_id" : "opened_at"}`,
  ].map((line) => line.replaceAll("\\", "\\\\").replaceAll('"', '\\"'));
}

/** PostgreSQL keeps trades, and bars follow from them exactly. */
function sql({ what, exchange, symbol, size, start, end }: Subject): string {
  const where = [
    "FROM market_trades",
    `WHERE exchange = ${literal(exchange)} AND symbol = ${literal(symbol)}`,
    `  AND traded_at >= '${start}' AND traded_at < '${end}'`,
  ];
  if (what === "trades")
    return [
      "SELECT traded_at, trade_id, price, size, side",
      ...where,
      "ORDER BY traded_at, trade_id;",
    ].join("\n");
  return [
    `SELECT date_bin('${INTERVALS[size]}', traded_at, '2000-01-01Z') AS opened_at,`,
    "  (array_agg(price ORDER BY traded_at, trade_id))[1] AS open,",
    "  max(price) AS high, min(price) AS low,",
    "  (array_agg(price ORDER BY traded_at DESC, trade_id DESC))[1] AS close,",
    "  sum(size) AS volume, count(*) AS trades",
    ...where,
    "GROUP BY opened_at ORDER BY opened_at;",
  ].join("\n");
}

const INTERVALS: Record<CandleSize, string> = {
  "1m": "1 minute",
  "5m": "5 minutes",
  "15m": "15 minutes",
  "1h": "1 hour",
  "1d": "1 day",
};

/** For a POSIX shell. */
export function shell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** For Python. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** For SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function fileName(key: string): string {
  return key.replace(/[^A-Za-z0-9._-]+/g, "_");
}
