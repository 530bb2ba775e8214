// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MarketFeed } from "../../src/stream/feed.ts";
import { FakeSocket, HELLO, LIVE, SUBSCRIBED, trade } from "./sockets.ts";

const MINUTE = "2026-01-31T12:00:00.000000Z";

describe("the feed of a market", () => {
  let sockets: FakeSocket[];
  let asked: string[];
  let lastId: string;
  let slowness: number;
  let isAway: boolean;
  let feed: MarketFeed;

  function candles() {
    return {
      opened_at: [MINUTE],
      open: ["67000.10"],
      high: ["67000.10"],
      low: ["67000.10"],
      close: ["67000.10"],
      volume: [`0.${lastId}`],
      buy_volume: ["0"],
      quote_volume: ["0"],
      trades: [Number(lastId)],
      first_id: ["1"],
      last_id: [lastId],
    };
  }

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    asked = [];
    lastId = "3";
    slowness = 0;
    isAway = false;
    vi.stubGlobal("WebSocket", function dial(url: string) {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket;
    });
    vi.stubGlobal("fetch", async (url: string) => {
      asked.push(url);
      await new Promise((resolve) => setTimeout(resolve, slowness));
      if (isAway) throw new TypeError("Failed to fetch");
      const body = url.includes("/candles") ? { candles: candles() } : { gaps: [] };
      return Response.json(body);
    });
    feed = new MarketFeed("ws://127.0.0.1:8766", "kraken/BTC_USD", "1m");
    feed.start();
  });

  afterEach(() => {
    feed.stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  function timesAsked(): number {
    return asked.filter((url) => url.includes("/candles")).length;
  }

  it("counts each trade once, whether history, backlog or stream brought it", async () => {
    const backlog = [2, 3].map((id) => trade(id, { replayed: true, cursor: "c0" }));
    sockets[0]?.say(HELLO, SUBSCRIBED, ...backlog, LIVE, trade(4));
    await pass(200);
    sockets[0]?.say(trade(5));
    await pass(200);
    expect(feed.view().bars).toMatchObject([{ trades: 5, volume: "0.5", lastId: "5" }]);
    expect(feed.view().lines).toHaveLength(4);
  });

  it("asks for the history once it is abreast, not before", async () => {
    sockets[0]?.say(HELLO, SUBSCRIBED, trade(1, { replayed: true }));
    await pass(500);
    expect(timesAsked()).toBe(0);
    sockets[0]?.say(LIVE);
    await pass(100);
    expect(timesAsked()).toBe(1);
  });

  it("asks again after a backfilled trade, however many there are", async () => {
    sockets[0]?.say(HELLO, SUBSCRIBED, LIVE);
    await pass(100);
    for (let id = 1; id < 40; id += 1) sockets[0]?.say(trade(id, { source: "backfill" }));
    lastId = "9";
    await pass(1500);
    expect(timesAsked()).toBe(2);
    expect(feed.view().bars.at(-1)?.trades).toBeGreaterThanOrEqual(9);
  });

  it("asks once more if something came while it was asking", async () => {
    slowness = 3000;
    sockets[0]?.say(HELLO, SUBSCRIBED, LIVE);
    await pass(500);
    sockets[0]?.say(trade(1, { source: "backfill" }));
    await pass(2000);
    expect(timesAsked()).toBe(1);
    await pass(20_000);
    expect(timesAsked()).toBe(2);
  });

  it("goes on without a history, says why, and has it as soon as the API is back", async () => {
    isAway = true;
    sockets[0]?.say(HELLO, SUBSCRIBED, LIVE, trade(4));
    await pass(500);
    expect(feed.view().history.problem?.title).toBe("The API does not answer");
    expect(feed.view().lines).toHaveLength(1);
    isAway = false;
    await pass(6000);
    expect(feed.view().history.problem).toBeNull();
    expect(feed.view().bars).toMatchObject([{ trades: 4, lastId: "4" }]);
  });

  it("holds everything while paused, counts what waits, and shows it afterwards", async () => {
    sockets[0]?.say(HELLO, SUBSCRIBED, LIVE, trade(4));
    await pass(200);
    feed.pause(true);
    sockets[0]?.say(trade(5), trade(6));
    await pass(200);
    expect(feed.view()).toMatchObject({ paused: true, buffered: 2, last: { id: "4" } });
    expect(feed.view().lines).toHaveLength(1);
    expect(feed.view().bars.at(-1)?.lastId).toBe("4");
    feed.pause(false);
    expect(feed.view()).toMatchObject({ paused: false, buffered: 0, last: { id: "6" } });
    expect(feed.view().bars.at(-1)).toMatchObject({ lastId: "6", trades: 6 });
  });

  it("draws gaps as they are told, and forgets open ones that are told no more", async () => {
    const gap = {
      exchange: "kraken",
      symbol: "BTC/USD",
      after: MINUTE,
      before: null,
      cause: "restart",
    };
    sockets[0]?.say(
      HELLO,
      SUBSCRIBED,
      { type: "gap", gap_id: 1, state: "suspected", ...gap },
      LIVE,
    );
    await pass(100);
    expect(feed.view().bands).toMatchObject([{ id: 1, state: "suspected" }]);
    sockets[0]?.drop();
    await pass(700);
    sockets[1]?.say(HELLO, SUBSCRIBED, LIVE);
    await pass(100);
    expect(feed.view().bands).toEqual([]);
  });

  it("marks the place where the stream could not be resumed", async () => {
    sockets[0]?.say(HELLO, SUBSCRIBED, LIVE, trade(4));
    sockets[0]?.drop();
    await pass(700);
    sockets[1]?.say(HELLO, { type: "subscribed", recovered: false, reason: "retention" }, LIVE);
    await pass(100);
    expect(feed.view().lines.map((line) => line.kind)).toEqual(["trade", "seam"]);
    expect(timesAsked()).toBe(2);
  });
});
