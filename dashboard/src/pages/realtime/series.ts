/** From the answers of /v1/stats to lines of a chart. Pure. */
import type {
  Ingestion,
  IngestionFeed,
  Latency,
  LatencyKind,
  Quantiles,
} from "../../api/statistics.ts";
import type { Line } from "../../panels/Lines.tsx";

type Values = readonly (number | null)[];

type Counter = Exclude<keyof IngestionFeed, "exchange">;

/** One line for each exchange; with `perSecond` a bucket's count is divided by its length. */
export function byExchange(answer: Ingestion, counter: Counter, perSecond: boolean): Line[] {
  const by = perSecond ? answer.bucket_seconds : 1;
  return answer.feeds.map((feed) => ({
    name: feed.exchange,
    values: feed[counter].map((value) => (value === null ? null : value / by)),
  }));
}

/** The greatest, p99, p95 and p50, drawn in this order, as they lie above each other: of one exchange or of all together (buckets merged, never averaged). */
export function quantileLines(quantiles: Quantiles): Line[] {
  return [
    { name: "max", values: onLog(quantiles.max), colour: "--series-4" },
    { name: "p99", values: onLog(quantiles.p99), colour: "--series-2" },
    { name: "p95", values: onLog(quantiles.p95), colour: "--series-3" },
    { name: "p50", values: onLog(quantiles.p50), colour: "--series-1" },
  ];
}

/** A logarithmic axis has no zero: the shortest that is drawn is a hundredth of a millisecond. */
function onLog(values: Values): (number | null)[] {
  return values.map((value) => (value === null ? null : Math.max(0.01, value)));
}

export function quantilesOf(
  answer: Latency,
  kind: LatencyKind,
  exchange: string | null,
): Quantiles | null {
  if (exchange === null && answer.total.kind === kind) return answer.total;
  const feeds = answer.feeds.filter((feed) => feed.kind === kind);
  if (exchange !== null) return feeds.find((feed) => feed.exchange === exchange) ?? null;
  return feeds.length === 1 ? (feeds[0] ?? null) : null;
}

/** The newest value that is known, looking back over no more than `within` buckets. */
export function newest(values: Values, within = 5): number | null {
  for (const value of values.slice(-within).reverse()) if (value !== null) return value;
  return null;
}

/** How many of the feeds were alive in the newest buckets. */
export function alive(answer: Ingestion): { up: number; all: number } {
  const up = answer.feeds.filter((feed) => newest(feed.trades) !== null).length;
  return { up, all: answer.feeds.length };
}

export function sum(values: Values): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}
