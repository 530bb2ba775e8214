/** The answers of /v1/stats, by the names that pages use; a null in a series: nobody was alive to count. */
import type { Answers, FeedState as Feed, Latency as Measured, Queries } from "./described.ts";

export type { FeedState as FeedRow, Ingested as IngestionFeed } from "./described.ts";

export type Ingestion = Answers["/v1/stats/ingestion"];
export type Latency = Answers["/v1/stats/latency"];
export type Feeds = Answers["/v1/stats/feeds"];
export type Storage = Answers["/v1/stats/storage"];

export type StatsWindow = NonNullable<Queries["/v1/stats/ingestion"]["window"]>;
export type LatencyKind = Measured["kind"];
export type Quantiles = Pick<Measured, "p50" | "p95" | "p99" | "max">;
export type FeedState = Feed["state"];
