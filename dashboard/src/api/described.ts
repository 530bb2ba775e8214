/** By `python -m dashboard.tools.described` from the API: not to be edited. */
export interface Backfill {
  backfill_id: number;
  market: string;
  gap_id: number | null;
  start: string;
  end: string;
  state: "running" | "done" | "interrupted" | "failed";
  requests: number;
  trades: number;
  new_trades: number;
  absent: number;
  reached: string | null;
  note: string | null;
  started: string;
  touched: string;
  ended: string | null;
}

export interface BackfillBegun {
  as_of: string;
  simulated: boolean;
  backfill: Record<string, unknown>;
}

export interface BackfillOrder {
  market: string;
  start: string;
  end: string;
  dry_run?: boolean;
}

export interface BackfillPlan {
  as_of: string;
  simulated: boolean;
  plan: Record<string, unknown>;
}

export interface Backfills {
  as_of: string;
  simulated: boolean;
  backfills: Backfill[];
  asked: Record<string, unknown>[];
}

export interface Candle {
  opened_at: string;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string;
  buy_volume: string;
  quote_volume: string;
  trades: number;
  first_id: string;
  last_id: string;
}

export interface CandleColumns {
  opened_at: string[];
  open: string[];
  high: string[];
  low: string[];
  close: string[];
  volume: string[];
  buy_volume: string[];
  quote_volume: string[];
  trades: number[];
  first_id: string[];
  last_id: string[];
}

export interface Candles {
  as_of: string;
  simulated: boolean;
  market: Named;
  size: string;
  start: string;
  end: string;
  complete_until: string | null;
  candles: CandleColumns | Candle[];
  open_bar: string | null;
  next_cursor: string | null;
}

export interface Cell {
  market: string;
  day: string;
  verdict: "complete" | "complete with absences" | "incomplete" | "unknown";
  reason: string;
  is_provisional: boolean;
  expected: number | null;
  stored: number | null;
  repaired: number | null;
  absent: number | null;
  missing: number | null;
  observed: number | null;
  exported: boolean;
  reopened: boolean;
}

export interface Certificate {
  as_of: string;
  simulated: boolean;
  certificate: Record<string, unknown>;
  sha256: string | null;
}

export interface Column {
  column: string;
  type: string;
  nullable: boolean;
  meaning: string | null;
}

export interface Config {
  as_of: string;
  simulated: boolean;
  version: string;
  layout: "hypertable" | "partitions";
  stream_url: string;
  dagster_url: string | null;
  grafana_url: string | null;
  writable: boolean;
}

export interface Coverage {
  as_of: string;
  simulated: boolean;
  markets: string[];
  days: string[];
  cells: Cell[];
}

export interface CoverageDay {
  as_of: string;
  simulated: boolean;
  cell: Cell | null;
  minutes: number[];
  served: string[][];
  gaps: Gap[];
}

export interface Dataset {
  market: string;
  day: string;
  rows: number;
  bytes: number;
  sha256: string | null;
  url: string;
  certificate: string;
}

export interface Datasets {
  as_of: string;
  simulated: boolean;
  datasets: Dataset[];
}

export interface Dictionary {
  as_of: string;
  simulated: boolean;
  tables: Table[];
}

export interface Disk {
  free: number;
  total: number;
}

export interface Exchange {
  exchange: string;
  markets: number;
  collecting: boolean;
  last_trade: string | null;
}

export interface Exchanges {
  as_of: string;
  simulated: boolean;
  exchanges: Exchange[];
}

export interface FeedState {
  market: string;
  exchange: string;
  symbol: string;
  state: "fresh" | "stale" | "silent" | "refused" | "never";
  last_trade: string | null;
  age_seconds: number | null;
  silent_after_seconds: number | null;
  trades_per_second: number;
  lag_p50_ms: number | null;
  lag_p99_ms: number | null;
  open_gaps: number;
}

export interface FeedStates {
  as_of: string;
  simulated: boolean;
  feeds: FeedState[];
}

export interface Gap {
  gap_id: number;
  market: string;
  state: "suspected" | "repairing" | "repaired" | "absent" | "unrecoverable";
  cause: string;
  after_id: string;
  before_id: string | null;
  after: string;
  before: string | null;
  found: string;
  closed: string | null;
  attempts: number;
  filled: number;
  absent: number;
  note: string | null;
}

export interface Gaps {
  as_of: string;
  simulated: boolean;
  gaps: Gap[];
  next_cursor: string | null;
}

export interface Incident {
  alert_id: number;
  watch: string;
  severity: "warning" | "critical";
  state: "standing" | "clearing" | "resolved";
  title: string;
  text: string;
  link: string | null;
  since: string;
  resolved: string | null;
  resolution: string | null;
}

export interface Incidents {
  as_of: string;
  simulated: boolean;
  incidents: Incident[];
  next_cursor: string | null;
}

export interface Ingested {
  exchange: string;
  trades: (number | null)[];
  stored: (number | null)[];
  repeats: (number | null)[];
  bytes: (number | null)[];
  reconnects: (number | null)[];
  queue_rows: (number | null)[];
}

export interface Ingestion {
  as_of: string;
  simulated: boolean;
  bucket_seconds: 1 | 60;
  times: string[];
  feeds: Ingested[];
}

export interface Latencies {
  as_of: string;
  simulated: boolean;
  bucket_seconds: 1 | 60;
  times: string[];
  feeds: Latency[];
  total: Latency;
}

export interface Latency {
  exchange: string | null;
  kind: "receive" | "write" | "deliver";
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
  max: (number | null)[];
}

export interface Live {
  status: "live";
}

export interface Market {
  key: string;
  exchange: string;
  symbol: string;
  first_seen: string;
  refused_at: string | null;
  refusal: string | null;
  counts_trades: boolean;
  first_day: string | null;
  last_day: string | null;
  last_trade: Trade | null;
  silent_after_seconds: number | null;
}

export interface Markets {
  as_of: string;
  simulated: boolean;
  markets: Market[];
}

export interface Named {
  key: string;
  exchange: string;
  symbol: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  hint: string;
  instance: string;
  request_id: string;
}

export interface Ready {
  as_of: string;
  simulated: boolean;
  ready: boolean;
  dashboard: boolean;
}

export interface Storage {
  as_of: string;
  simulated: boolean;
  database_bytes: number;
  tables: TableSize[];
  parquet_bytes: number;
  candles_bytes: number;
  journal_bytes: number;
  disk: Disk;
  days_left: number | null;
}

export interface Table {
  table: string;
  kind: "table" | "view" | "file";
  meaning: string | null;
  columns: Column[];
}

export interface TableSize {
  name: string;
  bytes: number;
}

export interface Ticker {
  as_of: string;
  simulated: boolean;
  market: Named;
  last: Trade | null;
  age_seconds: number | null;
  silent_after_seconds: number | null;
  day: TickerDay | null;
}

export interface TickerDay {
  open: string;
  high: string;
  low: string;
  volume: string;
  quote_volume: string;
  trades: number;
  change: string;
}

export interface Trade {
  id: string;
  price: string;
  size: string;
  side: "buy" | "sell";
  time: string;
  received: string;
  source: "live" | "snapshot" | "backfill";
}

export interface TradeColumns {
  id: string[];
  price: string[];
  size: string[];
  side: string[];
  time: string[];
  received: string[];
  source: string[];
}

export interface Trades {
  as_of: string;
  simulated: boolean;
  market: Named;
  start: string | null;
  end: string;
  complete_until: string | null;
  trades: Trade[] | TradeColumns;
  next_cursor: string | null;
}

export interface Queries {
  "/v1/markets/{exchange}/{symbol}/trades": {
    start?: string | null;
    end?: string | null;
    limit?: number;
    cursor?: string | null;
    order?: "asc" | "desc";
    format?: "json" | "csv" | "parquet" | "arrow";
    shape?: "rows" | "columns";
  };
  "/v1/markets/{exchange}/{symbol}/candles": {
    size?: "1m" | "5m" | "15m" | "1h" | "1d";
    start?: string | null;
    end?: string | null;
    limit?: number;
    cursor?: string | null;
    format?: "json" | "csv" | "parquet" | "arrow";
    shape?: "rows" | "columns";
  };
  "/v1/coverage": {
    exchange?: string | null;
    symbol?: string | null;
    start?: string | null;
    end?: string | null;
  };
  "/v1/gaps": {
    state?: "suspected" | "repairing" | "repaired" | "absent" | "unrecoverable" | null;
    open?: boolean | null;
    exchange?: string | null;
    symbol?: string | null;
    limit?: number;
    cursor?: string | null;
  };
  "/v1/incidents": {
    open?: boolean | null;
    limit?: number;
    cursor?: string | null;
  };
  "/v1/datasets": {
    exchange?: string | null;
    symbol?: string | null;
    start?: string | null;
    end?: string | null;
  };
  "/v1/backfills": {
    limit?: number;
  };
  "/v1/stats/ingestion": {
    window?: "15m" | "1h" | "24h" | "7d";
  };
  "/v1/stats/latency": {
    window?: "15m" | "1h" | "24h" | "7d";
    exchange?: string | null;
  };
}

export interface Answers {
  "/v1/config": Config;
  "/v1/exchanges": Exchanges;
  "/v1/markets": Markets;
  "/v1/markets/{exchange}/{symbol}/ticker": Ticker;
  "/v1/markets/{exchange}/{symbol}/trades": Trades;
  "/v1/markets/{exchange}/{symbol}/candles": Candles;
  "/v1/coverage": Coverage;
  "/v1/coverage/{exchange}/{symbol}/{day}": CoverageDay;
  "/v1/gaps": Gaps;
  "/v1/incidents": Incidents;
  "/v1/datasets": Datasets;
  "/v1/datasets/{exchange}/{symbol}/{day}/certificate": Certificate;
  "/v1/dictionary": Dictionary;
  "/v1/backfills": Backfills;
  "/v1/health/live": Live;
  "/v1/health/ready": Ready;
  "/v1/stats/ingestion": Ingestion;
  "/v1/stats/latency": Latencies;
  "/v1/stats/feeds": FeedStates;
  "/v1/stats/storage": Storage;
}
