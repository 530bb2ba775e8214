/** The API's answers, as rooms/api gives them (docs/api.md). Prices, sizes and ids are text and stay it. */

/** RFC 3339, UTC, six digits. */
export type Time = string;
/** An exact decimal number. */
export type Decimal = string;
/** YYYY-MM-DD, a UTC day. */
export type Day = string;

export interface Answer {
  as_of: Time;
  simulated: boolean;
}

export interface Config extends Answer {
  version: string;
  layout: "hypertable" | "partitions";
  stream_url: string;
  dagster_url: string | null;
  grafana_url: string | null;
  writable: boolean;
}

export interface Exchanges extends Answer {
  exchanges: { exchange: string; markets: number; collecting: boolean; last_trade: Time | null }[];
}

export type Side = "buy" | "sell";
export type Source = "live" | "snapshot" | "backfill";

export interface LastTrade {
  id: string;
  price: Decimal;
  size: Decimal;
  side: Side;
  time: Time;
}

export interface MarketRow {
  key: string;
  exchange: string;
  symbol: string;
  first_seen: Time;
  refused_at: Time | null;
  refusal: string | null;
  counts_trades: boolean;
  first_day: Day | null;
  last_day: Day | null;
  last_trade: LastTrade | null;
  silent_after_seconds: number | null;
}

export interface Markets extends Answer {
  markets: MarketRow[];
}

export interface MarketName {
  key: string;
  exchange: string;
  symbol: string;
}

export interface TradeRow extends LastTrade {
  received: Time;
  source: Source;
}

export interface Trades extends Answer {
  market: MarketName;
  start: Time;
  end: Time;
  complete_until: Time | null;
  trades: TradeRow[];
  next_cursor: string | null;
}

export type CandleSize = "1m" | "5m" | "15m" | "1h" | "1d";

export interface CandleColumns {
  opened_at: Time[];
  open: Decimal[];
  high: Decimal[];
  low: Decimal[];
  close: Decimal[];
  volume: Decimal[];
  buy_volume: Decimal[];
  quote_volume: Decimal[];
  trades: number[];
  first_id: string[];
  last_id: string[];
}

export interface Candles extends Answer {
  market: MarketName;
  start: Time;
  end: Time;
  complete_until: Time | null;
  candles: CandleColumns;
  open_bar: Time | null;
  next_cursor: string | null;
}

export interface Ticker extends Answer {
  market: MarketName;
  last: LastTrade | null;
  age_seconds: number | null;
  silent_after_seconds: number | null;
  day: {
    open: Decimal;
    high: Decimal;
    low: Decimal;
    volume: Decimal;
    quote_volume: Decimal;
    trades: number;
    change: Decimal;
  } | null;
}

export type Verdict = "complete" | "complete with absences" | "incomplete" | "unknown";

export interface CoverageCell {
  market: string;
  day: Day;
  verdict: Verdict;
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

export interface Coverage extends Answer {
  markets: string[];
  days: Day[];
  cells: CoverageCell[];
}

export type GapState =
  | "suspected"
  | "repairing"
  | "repaired"
  | "absent"
  | "unrecoverable"
  | "dismissed";

export interface GapRow {
  gap_id: number;
  market: string;
  state: GapState;
  cause: string;
  after_id: string;
  before_id: string | null;
  after: Time;
  before: Time | null;
  found: Time;
  closed: Time | null;
  attempts: number;
  filled: number;
  absent: number;
  note: string | null;
}

export interface CoverageDay extends Answer, CoverageCell {
  minutes: number[];
  served: [Time, Time][];
  gaps: GapRow[];
}

export interface Gaps extends Answer {
  gaps: GapRow[];
  next_cursor: string | null;
}

export interface Incident {
  alert_id: number;
  watch: string;
  severity: string;
  state: string;
  title: string;
  text: string;
  link: string | null;
  since: Time;
  resolved: Time | null;
  resolution: string | null;
}

export interface Incidents extends Answer {
  incidents: Incident[];
  next_cursor: string | null;
}

export interface Datasets extends Answer {
  datasets: {
    market: string;
    day: Day;
    rows: number;
    bytes: number;
    sha256: string | null;
    url: string;
    certificate: string;
  }[];
}
