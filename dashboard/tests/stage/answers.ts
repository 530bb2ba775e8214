/** One house's answers, typed by the API's own description: what it does not say cannot stand here. */
import type {
  Answers,
  CandleColumns,
  Cell,
  Gap,
  Incident,
  Market,
  Trade,
} from "../../src/api/described.ts";

/** The clock of every test that draws a page: a minute past noon. */
export const NOW = Date.parse("2026-11-21T12:01:00Z");
export const TIMES = [3, 2, 1, 0].map((minutes) => at(-60 * minutes));

export function at(seconds: number): string {
  return new Date(NOW + seconds * 1000).toISOString().replace("Z", "000Z");
}

const TOLD = { as_of: at(0), simulated: false };

export const TRADE: Trade = {
  id: "1001",
  price: "67000.10",
  size: "0.00120000",
  side: "sell",
  time: at(-2),
  received: at(-1.99),
  source: "live",
};

export function market(key: string, symbol: string, more: Partial<Market> = {}): Market {
  return {
    key,
    exchange: key.slice(0, key.indexOf("/")),
    symbol,
    first_seen: "2026-11-01T00:00:00.000000Z",
    refused_at: null,
    refusal: null,
    counts_trades: true,
    first_day: "2026-11-01",
    last_day: "2026-11-21",
    last_trade: TRADE,
    silent_after_seconds: 60,
    ...more,
  };
}

export function cell(change: Partial<Cell> = {}): Cell {
  return {
    market: "kraken/BTC_USD",
    day: "2026-11-21",
    verdict: "complete",
    reason: "every id is stored",
    is_provisional: false,
    expected: 1000,
    stored: 1000,
    repaired: 0,
    absent: 0,
    missing: 0,
    observed: 1,
    exported: true,
    reopened: false,
    ...change,
  };
}

export function gap(change: Partial<Gap> = {}): Gap {
  return {
    gap_id: 7,
    market: "kraken/BTC_USD",
    state: "suspected",
    cause: "disconnect",
    after_id: "100",
    before_id: "151",
    after: at(-120),
    before: at(-60),
    found: at(-60),
    closed: null,
    attempts: 1,
    filled: 0,
    absent: 0,
    note: null,
    ...change,
  };
}

export function incident(change: Partial<Incident> = {}): Incident {
  return {
    alert_id: 1,
    watch: "gaps",
    severity: "critical",
    state: "standing",
    title: "A gap is open",
    text: "kraken/BTC_USD lacks 50 trades",
    link: null,
    since: at(-600),
    resolved: null,
    resolution: null,
    ...change,
  };
}

const FEED = {
  market: "kraken/BTC_USD",
  exchange: "kraken",
  symbol: "BTC/USD",
  state: "fresh" as const,
  last_trade: TRADE.time,
  age_seconds: 2,
  silent_after_seconds: 60,
  trades_per_second: 3.5,
  lag_p50_ms: 20,
  lag_p99_ms: 80,
  open_gaps: 0,
};
export type Feed = Answers["/v1/stats/feeds"]["feeds"][number];
export function feed(change: Partial<Feed> = {}): Feed {
  return { ...FEED, ...change };
}

const QUANTILES = {
  p50: [5, 5, 5, 5],
  p95: [9, 9, 9, 9],
  p99: [20, 20, 20, 42],
  max: [50, 9, 9, 9],
};
const INGESTED = {
  trades: [60, 60, 60, 120],
  stored: [60, 60, 60, 120],
  repeats: [0, 0, 0, 6],
  bytes: [9000, 9000, 9000, 9000],
  reconnects: [0, 1, 0, 0],
  queue_rows: [0, 0, 0, 3],
};
const NAMED = { key: "kraken/BTC_USD", exchange: "kraken", symbol: "BTC/USD" };

export const NO_CANDLES: CandleColumns = {
  opened_at: [],
  open: [],
  high: [],
  low: [],
  close: [],
  volume: [],
  buy_volume: [],
  quote_volume: [],
  trades: [],
  first_id: [],
  last_id: [],
};

/** By address, as the description names it. */
export function answers(): Answers {
  return {
    "/v1/config": {
      ...TOLD,
      version: "0.1.0",
      layout: "partitions",
      stream_url: "ws://127.0.0.1:8766",
      dagster_url: "http://dagster.test:3001/",
      grafana_url: null,
      writable: true,
    },
    "/v1/exchanges": {
      ...TOLD,
      exchanges: [{ exchange: "kraken", markets: 2, collecting: true, last_trade: TRADE.time }],
    },
    "/v1/markets": {
      ...TOLD,
      markets: [market("kraken/BTC_USD", "BTC/USD"), market("kraken/A%5FB", "A_B")],
    },
    "/v1/markets/{exchange}/{symbol}/ticker": {
      ...TOLD,
      market: NAMED,
      last: TRADE,
      age_seconds: 2,
      silent_after_seconds: 60,
      day: null,
    },
    "/v1/markets/{exchange}/{symbol}/trades": {
      ...TOLD,
      market: NAMED,
      start: null,
      end: at(0),
      complete_until: null,
      trades: [TRADE],
      next_cursor: null,
    },
    "/v1/markets/{exchange}/{symbol}/candles": {
      ...TOLD,
      market: NAMED,
      size: "1m",
      start: at(-86_400),
      end: at(0),
      complete_until: null,
      candles: {
        opened_at: TIMES,
        open: ["10", "11", "12", "13"],
        high: ["11", "12", "13", "14.5"],
        low: ["9", "10", "11", "12"],
        close: ["11", "12", "13", "14.25"],
        volume: ["1", "1", "1", "0.30000000"],
        buy_volume: ["1", "1", "1", "0.3"],
        quote_volume: ["10", "11", "12", "4"],
        trades: [5, 5, 5, 3],
        first_id: ["1", "6", "11", "16"],
        last_id: ["5", "10", "15", "18"],
      },
      open_bar: TIMES[3] ?? null,
      next_cursor: null,
    },
    "/v1/coverage": {
      ...TOLD,
      markets: ["kraken/BTC_USD"],
      days: ["2026-11-20", "2026-11-21"],
      cells: [
        cell({ day: "2026-11-20" }),
        cell({ verdict: "incomplete", stored: 990, missing: 10 }),
      ],
    },
    "/v1/coverage/{exchange}/{symbol}/{day}": {
      ...TOLD,
      cell: cell(),
      minutes: new Array<number>(1440).fill(1),
      served: [["2026-11-21T00:00:00.000000Z", at(0)]],
      gaps: [gap()],
    },
    "/v1/gaps": { ...TOLD, gaps: [], next_cursor: null },
    "/v1/incidents": { ...TOLD, incidents: [], next_cursor: null },
    "/v1/datasets": {
      ...TOLD,
      datasets: [
        {
          market: "kraken/BTC_USD",
          day: "2026-11-20",
          rows: 123_456,
          bytes: 2_500_000,
          sha256: null,
          url: "/v1/datasets/kraken/BTC_USD/2026-11-20",
          certificate: "/v1/datasets/kraken/BTC_USD/2026-11-20/certificate",
        },
      ],
    },
    "/v1/datasets/{exchange}/{symbol}/{day}/certificate": {
      ...TOLD,
      certificate: {},
      sha256: null,
    },
    "/v1/dictionary": {
      ...TOLD,
      tables: [
        {
          table: "gaps",
          kind: "table",
          meaning: "What is missing.",
          columns: [{ column: "filled", type: "bigint", nullable: true, meaning: "Rows." }],
        },
      ],
    },
    "/v1/backfills": { ...TOLD, backfills: [], asked: [] },
    "/v1/health/live": { status: "live" },
    "/v1/health/ready": { ...TOLD, ready: true, dashboard: true },
    "/v1/stats/ingestion": {
      ...TOLD,
      bucket_seconds: 60,
      times: TIMES,
      feeds: [{ exchange: "kraken", ...INGESTED }],
    },
    "/v1/stats/latency": {
      ...TOLD,
      bucket_seconds: 60,
      times: TIMES,
      feeds: [
        { exchange: "kraken", kind: "receive", ...QUANTILES },
        { exchange: "kraken", kind: "write", ...QUANTILES },
      ],
      total: { exchange: null, kind: "receive", ...QUANTILES },
    },
    "/v1/stats/feeds": { ...TOLD, feeds: [feed()] },
    "/v1/stats/storage": {
      ...TOLD,
      database_bytes: 1000,
      tables: [{ name: "trades", bytes: 900 }],
      parquet_bytes: 41e9,
      candles_bytes: 2e9,
      journal_bytes: 5e6,
      disk: { free: 5e11, total: 1e12 },
      days_left: 30.4,
    },
  };
}
