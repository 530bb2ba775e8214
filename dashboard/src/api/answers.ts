/**
 * The API's answers by the names that pages use. What they hold stands in described.ts, made from the API's own
 * description; nothing here may say it again. Prices, sizes and ids are text and stay it.
 */
import type { Answers, CandleColumns, Cell, Gap, Queries, Trade } from "./described.ts";

export type {
  Backfill as BackfillRow,
  CandleColumns,
  Cell as CoverageCell,
  Column as ColumnEntry,
  Gap as GapRow,
  Incident,
  Market as MarketRow,
  Table as TableEntry,
  Trade as TradeRow,
} from "./described.ts";

/** RFC 3339, UTC, six digits. */
export type Time = string;
/** YYYY-MM-DD, a UTC day. */
export type Day = string;

/** An answer of which the question settles more than its description can say; still a case of it. */
export type Settled<T, More extends Partial<T>> = Omit<T, keyof More> & More;

export type Config = Answers["/v1/config"];
export type Exchanges = Answers["/v1/exchanges"];
export type Markets = Answers["/v1/markets"];
export type Coverage = Answers["/v1/coverage"];
export type Gaps = Answers["/v1/gaps"];
export type Incidents = Answers["/v1/incidents"];
export type Backfills = Answers["/v1/backfills"];
export type Datasets = Answers["/v1/datasets"];
export type Dictionary = Answers["/v1/dictionary"];

type OfMarket = "/v1/markets/{exchange}/{symbol}";
/** In rows, as they come unless columns are asked for. */
export type Trades = Settled<Answers[`${OfMarket}/trades`], { trades: Trade[] }>;
/** In columns, as they come unless rows are asked for. */
export type Candles = Settled<Answers[`${OfMarket}/candles`], { candles: CandleColumns }>;
export type CandleSize = NonNullable<Queries[`${OfMarket}/candles`]["size"]>;
export type CoverageDay = Settled<
  Answers["/v1/coverage/{exchange}/{symbol}/{day}"],
  { served: [Time, Time][] }
>;

export type Side = Trade["side"];
export type Source = Trade["source"];
export type Verdict = Cell["verdict"];
export type GapState = Gap["state"];
