/** A world for the stream client: sockets that the test holds in its hand. */
import type { Hearers, Socket, World } from "../../src/stream/contract.ts";

export class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  closed = false;
  sent: string[] = [];
  readonly url: URL;

  constructor(url: string) {
    this.url = new URL(url);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  say(...frames: object[]): void {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  open(): void {
    this.onopen?.({} as never);
  }

  drop(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}

export function worldOf(sockets: FakeSocket[], token: () => string | null = () => null): World {
  return {
    open: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket;
    },
    now: Date.now,
    token,
    random: () => 0.5,
  };
}

export interface Heard {
  trades: string[];
  gaps: number[];
  seams: string[];
  begun: number;
  abreast: number;
}

export function hearersOf(heard: Heard): Hearers {
  return {
    trade: (trade) => heard.trades.push(trade.id),
    gap: (gap) => heard.gaps.push(gap.gap_id),
    seam: (reason) => heard.seams.push(reason),
    begun: () => {
      heard.begun += 1;
    },
    abreast: () => {
      heard.abreast += 1;
    },
    changed: () => undefined,
  };
}

export function trade(id: number, more: object = {}): object {
  return {
    type: "trade",
    cursor: `c${id}`,
    exchange: "kraken",
    symbol: "BTC/USD",
    id: String(id),
    price: "67000.10",
    size: "0.1",
    time: "2026-01-31T12:00:00.000000Z",
    received: "2026-01-31T12:00:00.010000Z",
    side: "buy",
    source: "live",
    ...more,
  };
}

export const HELLO = {
  type: "hello",
  simulated: true,
  state: "live",
  cursor: "c0",
  heartbeat_seconds: 1,
};
export const SUBSCRIBED = { type: "subscribed", recovered: true, cursor: "c0" };
export const LIVE = { type: "live", cursor: "c0" };
