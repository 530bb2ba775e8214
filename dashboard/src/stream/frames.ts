/** What the streamer says (docs/stream-protocol.md). Unknown types and fields are ignored. */
import type { GapState, Side, Source } from "../api/answers.ts";

export interface TradeFrame {
  type: "trade";
  cursor: string;
  exchange: string;
  symbol: string;
  id: string;
  price: string;
  size: string;
  time: string;
  received: string;
  side: Side;
  source: Source;
  replayed?: boolean;
  simulated?: boolean;
}

export interface GapFrame {
  type: "gap" | "repaired";
  gap_id: number;
  exchange: string;
  symbol: string;
  state: GapState | "dismissed";
  after_id: string;
  before_id: string | null;
  after: string;
  before: string | null;
  cause: string;
  filled: number;
  absent: number;
}

export type Upstream = "live" | "reconnecting";

export type Frame =
  | TradeFrame
  | GapFrame
  | {
      type: "hello";
      simulated: boolean;
      state: Upstream;
      cursor?: string;
      heartbeat_seconds?: number;
    }
  | { type: "subscribed"; recovered: boolean; reason?: string; cursor?: string }
  | { type: "live"; cursor?: string }
  | { type: "heartbeat"; time: string; state: Upstream; cursor?: string }
  | { type: "status"; state: Upstream; message?: string; caught_up?: number }
  | { type: "error"; code: string; message: string; market?: string; similar?: string[] };

const KNOWN = new Set<string>([
  "trade",
  "gap",
  "repaired",
  "hello",
  "subscribed",
  "live",
  "heartbeat",
  "status",
  "error",
] satisfies Frame["type"][]);

/** Null: a type that we do not know. Raises SyntaxError on what is no JSON. */
export function readFrame(text: string): Frame | null {
  const frame = JSON.parse(text) as { type?: unknown };
  return typeof frame.type === "string" && KNOWN.has(frame.type) ? (frame as Frame) : null;
}

/** The stream's address for one market: resumed behind `cursor`, else with the `last` trades before it. */
export function addressOf(
  base: string,
  market: string,
  last: number,
  cursor: string | null,
): string {
  const url = new URL(base);
  url.searchParams.set("market", market);
  url.searchParams.set("last", String(last));
  if (cursor !== null) url.searchParams.set("cursor", cursor);
  return url.toString();
}
