/** The answers of /v1/stats. A null means that nothing was written then: the collector was not alive. */
import type { Answer, Time } from "./answers.ts";

export type StatsWindow = "15m" | "1h" | "24h" | "7d";

export interface IngestionFeed {
  exchange: string;
  trades: (number | null)[];
  stored: (number | null)[];
  repeats: (number | null)[];
  bytes: (number | null)[];
  reconnects: (number | null)[];
  queue_rows: (number | null)[];
}

export interface Ingestion extends Answer {
  bucket_seconds: number;
  times: Time[];
  feeds: IngestionFeed[];
}

export interface Quantiles {
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
  max: (number | null)[];
}

export type LatencyKind = "receive" | "write" | "deliver";

export interface LatencyFeed extends Quantiles {
  exchange: string | null;
  kind: LatencyKind;
}

export interface Latency extends Answer {
  bucket_seconds: number;
  times: Time[];
  feeds: LatencyFeed[];
  /** Of all exchanges, their histograms merged. */
  total: Quantiles & { kind: LatencyKind };
}

export type FeedState = "fresh" | "stale" | "silent" | "refused" | "never";

export interface FeedRow {
  market: string;
  exchange: string;
  symbol: string;
  state: FeedState;
  last_trade: Time | null;
  age_seconds: number | null;
  silent_after_seconds: number | null;
  trades_per_second: number | null;
  lag_p50_ms: number | null;
  lag_p99_ms: number | null;
  open_gaps: number;
}

export interface Feeds extends Answer {
  feeds: FeedRow[];
}

export interface Storage extends Answer {
  database_bytes: number;
  tables: { name: string; bytes: number }[];
  parquet_bytes: number;
  candles_bytes: number;
  journal_bytes: number;
  disk: { free: number; total: number };
  days_left: number | null;
}
