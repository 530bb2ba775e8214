import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StreamClient } from "../../src/stream/client.ts";
import {
  type FakeSocket,
  HELLO,
  type Heard,
  hearersOf,
  LIVE,
  SUBSCRIBED,
  trade,
  worldOf,
} from "./sockets.ts";

describe("the stream client", () => {
  let sockets: FakeSocket[];
  let heard: Heard;
  let client: StreamClient;
  let token: string | null;

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    token = null;
    heard = { trades: [], gaps: [], seams: [], begun: 0, abreast: 0 };
    client = new StreamClient(
      "ws://127.0.0.1:8766",
      "kraken/BTC_USD",
      50,
      hearersOf(heard),
      worldOf(sockets, () => token),
    );
    client.start();
  });

  afterEach(() => {
    client.stop();
    vi.useRealTimers();
  });

  function socket(): FakeSocket {
    const last = sockets.at(-1);
    if (!last) throw new Error("nobody has dialled");
    return last;
  }

  function goLive(): void {
    socket().say(HELLO, SUBSCRIBED, LIVE);
  }

  it("asks for its market with a backlog, and no cursor, at first", () => {
    expect(socket().url.searchParams.get("market")).toBe("kraken/BTC_USD");
    expect(socket().url.searchParams.get("last")).toBe("50");
    expect(socket().url.searchParams.has("cursor")).toBe(false);
  });

  it("is live only behind the backlog", () => {
    socket().say(HELLO, SUBSCRIBED, trade(1, { replayed: true, cursor: "c0" }));
    expect(client.state.phase).toBe("catching-up");
    expect(heard.abreast).toBe(0);
    socket().say(LIVE);
    expect(client.state).toMatchObject({
      phase: "live",
      received: 1,
      replayed: 1,
      simulated: true,
    });
    expect(heard.abreast).toBe(1);
  });

  it("resumes behind the last trade that it was given", () => {
    goLive();
    socket().say(trade(1), trade(2));
    socket().drop();
    expect(client.state.phase).toBe("waiting");
    vi.advanceTimersByTime(500);
    expect(socket().url.searchParams.get("cursor")).toBe("c2");
    socket().say(HELLO, SUBSCRIBED, trade(3, { replayed: true }), LIVE, trade(4));
    expect(heard.trades).toEqual(["1", "2", "3", "4"]);
    expect(client.state).toMatchObject({ resumed: 1, seams: 0, received: 4, repeated: 0 });
  });

  it("takes a heartbeat's cursor too, but not one of a backlog that it has not seen the end of", () => {
    socket().say(HELLO, SUBSCRIBED, { type: "heartbeat", state: "live", cursor: "c9" });
    expect(client.cursor).toBeNull();
    socket().say(LIVE, { type: "heartbeat", state: "live", cursor: "c9" });
    expect(client.cursor).toBe("c9");
  });

  it("says so when something may be missing, and never shows a trade twice", () => {
    goLive();
    socket().say(trade(1), trade(2));
    socket().drop();
    vi.advanceTimersByTime(500);
    const lost = { type: "subscribed", recovered: false, reason: "too many were missed" };
    socket().say(HELLO, lost, trade(2, { replayed: true }), trade(90, { replayed: true }), LIVE);
    expect(heard.seams).toEqual(["too many were missed"]);
    expect(heard.trades).toEqual(["1", "2", "90"]);
    expect(client.state).toMatchObject({ seams: 1, resumed: 0, repeated: 1 });
  });

  it("says so when the connection is lost before there was a cursor", () => {
    socket().say(HELLO, SUBSCRIBED, trade(1, { replayed: true }));
    socket().drop();
    vi.advanceTimersByTime(500);
    goLive();
    expect(client.state.seams).toBe(1);
  });

  it("waits longer after each failure, and begins anew once it is subscribed", () => {
    const waits: number[] = [];
    for (let failure = 0; failure < 7; failure += 1) {
      socket().drop();
      waits.push((client.state.retryAt ?? 0) - Date.now());
      vi.advanceTimersByTime(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    goLive();
    socket().drop();
    expect((client.state.retryAt ?? 0) - Date.now()).toBe(500);
  });

  it("dials at once when told to", () => {
    socket().drop(1001);
    expect(client.state.trouble).toBe("the streamer stopped");
    client.reconnectNow();
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(60_000);
    expect(sockets.filter((each) => !each.closed)).toHaveLength(1);
  });

  it("is stale without heartbeats, live again with one, and dials again if none comes", () => {
    goLive();
    vi.advanceTimersByTime(4500);
    expect(client.state.phase).toBe("stale");
    socket().say({ type: "heartbeat", state: "live", cursor: "c0" });
    expect(client.state.phase).toBe("live");
    vi.advanceTimersByTime(13_000);
    expect(sockets[0]?.closed).toBe(true);
    expect(sockets.length).toBeGreaterThan(1);
  });

  it("tells that the streamer has lost PostgreSQL although it speaks", () => {
    goLive();
    socket().say({ type: "status", state: "reconnecting" });
    expect(client.state).toMatchObject({ phase: "live", upstream: "reconnecting" });
    socket().say({ type: "status", state: "live", caught_up: 3 });
    expect(client.state.upstream).toBe("live");
  });

  it("ignores types that it does not know, and hangs up on what is no JSON", () => {
    goLive();
    socket().say({ type: "weather" });
    expect(client.state.phase).toBe("live");
    socket().onmessage?.({ data: "{" });
    expect(client.state.phase).toBe("waiting");
  });

  it("says its token first, and waits for a person where it is refused", () => {
    token = "wrong";
    client.reconnectNow();
    socket().open();
    expect(socket().sent).toEqual(['{"type":"token","token":"wrong"}']);
    socket().drop(1008, "unauthorized");
    expect(client.state).toMatchObject({ phase: "waiting", needsToken: true, retryAt: null });
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(2);
    token = "right";
    client.reconnectNow();
    goLive();
    expect(client.state).toMatchObject({ phase: "live", needsToken: false });
  });

  it("says no token where there is none", () => {
    socket().open();
    expect(socket().sent).toEqual([]);
  });

  it("hands gaps on and tells when their list begins", () => {
    socket().say(HELLO, SUBSCRIBED, { type: "gap", gap_id: 41, state: "suspected" }, LIVE);
    expect(heard).toMatchObject({ gaps: [41], begun: 1, abreast: 1 });
  });
});
