/** What the stream client needs, tells and is. */
import type { GapFrame, TradeFrame, Upstream } from "./frames.ts";
import { streamToken } from "./token.ts";

/** connecting → catching-up → live ⇄ stale; on loss waiting → connecting. */
export type Phase = "idle" | "connecting" | "catching-up" | "live" | "stale" | "waiting";

export interface StreamState {
  phase: Phase;
  /** Whether the streamer itself hears PostgreSQL. */
  upstream: Upstream;
  simulated: boolean;
  /** When the last frame of any kind came (ms); null: none yet. */
  heardAt: number | null;
  /** When the next attempt comes (ms), while waiting. */
  retryAt: number | null;
  /** The stream asks for a token, and ours is missing or wrong. */
  needsToken: boolean;
  /** Why the connection ended, in words. */
  trouble: string | null;
  received: number;
  /** Of these: those that came from a backlog or were caught up after an outage. */
  replayed: number;
  /** Came again although we had them; not shown twice. */
  repeated: number;
  /** Connections that were taken up again without anything missing. */
  resumed: number;
  /** Connections after which something may be missing here (the history is asked again). */
  seams: number;
}

export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface World {
  open: (url: string) => Socket;
  now: () => number;
  /** What this person was given to open the stream with; null: nothing. */
  token: () => string | null;
  random: () => number;
}

export interface Hearers {
  trade: (trade: TradeFrame) => void;
  gap: (gap: GapFrame) => void;
  /** The subscription begins anew: gaps that are not told before `abreast` are open no more. */
  begun: () => void;
  /** All that was behind is told; what comes now is new. */
  abreast: () => void;
  /** Something may be missing between what was shown and what comes. */
  seam: (reason: string) => void;
  changed: () => void;
}

export const START: StreamState = {
  phase: "idle",
  upstream: "live",
  simulated: false,
  heardAt: null,
  retryAt: null,
  needsToken: false,
  trouble: null,
  received: 0,
  replayed: 0,
  repeated: 0,
  resumed: 0,
  seams: 0,
};

export const BROWSER: World = {
  open: (url) => new WebSocket(url) as unknown as Socket,
  now: Date.now,
  token: streamToken,
  random: Math.random,
};

/** The end of a connection, in words. */
export function sayClose(code: number, reason: string): string {
  switch (code) {
    case 1001:
      return "the streamer stopped";
    case 1013:
      return reason.includes(" ") ? reason : "we did not take in what was sent";
    case 1008:
      return reason || "the streamer refused us";
    default:
      return reason || "the connection was lost";
  }
}
