// @vitest-environment happy-dom
import { fireEvent, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { at, NO_CANDLES, TRADE } from "../stage/answers.ts";
import {
  byId,
  isThere,
  open,
  press,
  type Stage,
  setStage,
  strikeStage,
  textOf,
} from "../stage/page.tsx";
import { FakeSocket, HELLO, LIVE, SUBSCRIBED, trade } from "../stream/sockets.ts";

let stage: Stage;
let sockets: FakeSocket[];

beforeEach(() => {
  stage = setStage();
  sockets = [];
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.stubGlobal("WebSocket", function dial(url: string) {
    const socket = new FakeSocket(url);
    sockets.push(socket);
    return socket;
  });
});
afterEach(strikeStage);

function show(address = "/live?market=kraken/BTC_USD"): Promise<void> {
  return open(stage, address, () => import("../../src/pages/Live.tsx"));
}

function socket(): FakeSocket {
  const last = sockets.at(-1);
  if (!last) throw new Error("nobody has dialled");
  return last;
}

/** What a streamer sends that has nothing to catch up with; then these trades. */
async function goLive(...frames: object[]): Promise<void> {
  socket().say({ ...HELLO, simulated: false }, SUBSCRIBED, LIVE, ...frames);
  await stage.pass(200);
}

async function beat(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    socket().say({ type: "heartbeat", state: "live", cursor: "c0" });
    await stage.pass(1000);
  }
}

function fresh(id: number, more: object = {}): object {
  return trade(id, { time: at(0), received: at(0), ...more });
}

function panels(): (string | undefined)[] {
  return ["live-chart", "live-tape"].map((id) => byId(id).dataset.state);
}

function isPriceOld(): boolean {
  return byId("last-price").dataset.old === "true";
}

describe("the live page, before anything is live", () => {
  it("loads while nobody has said where the stream is", async () => {
    stage.api.mood = "waits";
    await show();
    expect(byId("live-chart").dataset.state).toBe("loading");
    expect(sockets).toHaveLength(0);
  });

  it("says so where the API is away, and that there is nothing to see", async () => {
    stage.api.mood = "is away";
    await show();
    expect(byId("live-chart").dataset.state).toBe("disconnected");
    expect(textOf("live-chart")).toContain("The API does not answer");
    expect(isThere("last-price")).toBe(false);
  });

  it("tells a market that does not exist from a house without markets", async () => {
    await show("/live?market=kraken/NONE");
    expect(textOf("live-chart")).toContain("There is no market kraken/NONE.");
    expect(sockets).toHaveLength(0);
    strikeStage();
    stage = setStage();
    stage.api.tell("/v1/markets", { markets: [] });
    await show("/live");
    expect(byId("live-chart").dataset.state).toBe("empty-never");
    expect(textOf("live-chart")).toContain("No market has traded yet.");
  });

  it("shows a backlog as a part, not as live", async () => {
    await show();
    expect(panels()).toEqual(["loading", "loading"]);
    const backlog = fresh(1, { replayed: true, cursor: "c0" });
    socket().say({ ...HELLO, simulated: false }, SUBSCRIBED, backlog);
    await stage.pass(200);
    expect(panels()).toEqual(["partial", "partial"]);
    expect(textOf("live-tape")).toContain("catching up");
  });

  it("waits for the first trade of a market that never traded", async () => {
    stage.api.tell("/v1/markets/{exchange}/{symbol}/candles", { candles: NO_CANDLES });
    await show();
    await goLive();
    expect(panels()).toEqual(["empty-never", "empty-never"]);
    expect(textOf("live-chart")).toContain("the first one appears here by itself");
    socket().say(fresh(1));
    await stage.pass(200);
    expect(panels()).toEqual(["fresh", "fresh"]);
  });
});

describe("a market of which the stream has no backlog", () => {
  it("is not said to have never traded while its history is there", async () => {
    await show();
    await goLive();
    expect(panels()).toEqual(["fresh", "fresh"]);
    expect(textOf("last-price")).toBe("–");
    await beat(61);
    expect(panels()).toEqual(["stale", "stale"]);
  });
});

describe("the live page, once it is live", () => {
  it("shows each digit of the last price, on the tape too, and which side took it", async () => {
    const price = "12345678901234567890.123456789012345678";
    await show();
    await goLive(fresh(1, { price, size: "0.000000000000000001", side: "sell" }));
    expect(textOf("last-price")).toBe("12 345 678 901 234 567 890.123456789012345678");
    expect(byId("last-price").dataset.side).toBe("sell");
    expect(isPriceOld()).toBe(false);
    expect(textOf("tape-trade")).toContain("▼ sell");
    expect(textOf("tape-trade")).toContain("0.000000000000000001");
  });

  it("puts the newest trade on top and marks one that a repair brought", async () => {
    await show();
    await goLive(fresh(1), fresh(2), fresh(3, { source: "backfill" }));
    const rows = within(byId("tape")).getAllByTestId("tape-trade");
    expect(rows.map((row) => row.dataset.id)).toEqual(["3", "2", "1"]);
    expect(rows[0]?.textContent).toContain("⟲");
    expect(byId("last-price").dataset.id).toBe("2");
  });

  it("is stale without a heartbeat: the last price looks old, and its age goes on", async () => {
    await show();
    await goLive(fresh(1));
    await stage.pass(5000);
    expect(panels()).toEqual(["stale", "stale"]);
    expect(isPriceOld()).toBe(true);
    expect(textOf("live-chart")).toContain("nothing is heard");
    const age = () => within(byId("live-tape")).getByTestId("age").textContent;
    const before = age();
    await stage.pass(2000);
    expect(age()).not.toBe(before);
    await beat(1);
    expect(panels()).toEqual(["fresh", "fresh"]);
  });

  it("is stale where this market is unusually quiet, although the stream speaks", async () => {
    await show();
    await goLive(fresh(1));
    await beat(59);
    expect(panels()).toEqual(["fresh", "fresh"]);
    await beat(3);
    expect(panels()).toEqual(["stale", "stale"]);
    expect(textOf("live-tape")).toContain("unusually quiet");
    expect(isPriceOld()).toBe(true);
  });

  it("is stale while the streamer itself has lost the database", async () => {
    await show();
    await goLive(fresh(1));
    socket().say({ type: "status", state: "reconnecting" });
    await stage.pass(200);
    expect(panels()).toEqual(["stale", "stale"]);
    expect(textOf("live-tape")).toContain("AlphaPulse has lost its database and dials again");
  });

  it("counts down to the next attempt when the line is cut, and dials at a press", async () => {
    await show();
    await goLive(fresh(1));
    for (const seconds of [0.5, 1, 2, 4]) {
      socket().drop(1006);
      await stage.pass(seconds * 1300);
    }
    socket().drop(1013, "too slow: 4 MB behind");
    await stage.pass(500);
    expect(panels()).toEqual(["disconnected", "disconnected"]);
    expect(isPriceOld()).toBe(true);
    expect(textOf("live-tape")).toContain("Too slow: 4 MB behind; what you see is old.");
    const left = () => Number(/Next attempt in (\d+) s/.exec(textOf("live-tape"))?.[1]);
    const before = left();
    await stage.pass(3000);
    expect(before - left()).toBe(3);
    expect(left()).toBeLessThanOrEqual(8 - 2);
    const dialled = sockets.length;
    await press("live-tape-retry");
    expect(sockets).toHaveLength(dialled + 1);
    expect(socket().url.searchParams.get("cursor")).toBe("c1");
  });

  it("marks on the tape where it could not be resumed, and counts it", async () => {
    await show();
    await goLive(fresh(1));
    socket().drop();
    await stage.pass(1000);
    const lost = { type: "subscribed", recovered: false, reason: "too many were missed" };
    socket().say({ ...HELLO, simulated: false }, lost, LIVE, fresh(9));
    await stage.pass(200);
    expect(textOf("tape-seam")).toContain("Not resumed: too many were missed");
    expect(textOf("fact-seams")).toBe("1");
    expect(textOf("fact-resumed")).toBe("0");
    expect(textOf("fact-received")).toBe("2");
  });

  it("says of a replay by which clock it goes", async () => {
    await show();
    socket().say(HELLO, SUBSCRIBED, LIVE, trade(1, { received: at(0) }));
    await stage.pass(200);
    expect(panels()).toEqual(["replay", "replay"]);
    expect(textOf("live-chart")).toContain("clock of the data 2026-01-31 12:00:00");
  });

  it("is no replay only because it is simulated", async () => {
    await show();
    socket().say(HELLO, SUBSCRIBED, LIVE, fresh(1));
    await stage.pass(200);
    expect(panels()).toEqual(["fresh", "fresh"]);
  });

  it("looks old while a person holds it, says how much waits, and then shows it", async () => {
    await show();
    await goLive(fresh(1));
    await press("pause");
    socket().say(fresh(2), fresh(3));
    await stage.pass(200);
    expect(panels()).toEqual(["stale", "stale"]);
    expect(textOf("live-tape")).toContain("paused by you");
    expect(textOf("pause")).toMatch(/^Resume \(2\b/);
    expect(byId("last-price").dataset.id).toBe("1");
    await press("pause");
    await stage.pass(200);
    expect(byId("last-price").dataset.id).toBe("3");
    expect(panels()).toEqual(["fresh", "fresh"]);
  });

  it("goes on without its history, and says why it is not there", async () => {
    stage.api.instead.set("GET /v1/markets/kraken/BTC_USD/candles", () =>
      Response.json({ title: "Too slow", detail: "10 s", hint: "ask for less" }, { status: 504 }),
    );
    await show();
    await goLive(fresh(1));
    expect(panels()).toEqual(["fresh", "fresh"]);
    expect(textOf("live-chart")).toContain("history: Too slow");
  });
});

describe("the bars of the live page", () => {
  it("are those of the database, continued by the stream and told exactly", async () => {
    await show();
    await goLive();
    expect(byId("readout").dataset.bar).toBe(String(Date.parse(at(0)) / 1000));
    socket().say(fresh(19, { price: "14.6", size: "0.00000001" }));
    await stage.pass(200);
    expect(byId("bar-high").dataset.exact).toBe("14.6");
    expect(byId("bar-volume").dataset.exact).toBe("0.30000001");
    expect(textOf("bar-trades")).toBe("4");
  });

  it("can be read as a table, which is made when it is opened", async () => {
    await show();
    await goLive(fresh(19));
    expect(isThere("bars")).toBe(false);
    const details = byId("bars-as-table");
    Object.assign(details, { open: true });
    fireEvent(details, new Event("toggle"));
    const [newest] = within(byId("bars")).getAllByTestId("bars-row");
    expect(newest?.textContent).toContain("2026-11-21 12:01:00");
  });

  it("are of the length that the address says, and asked for anew when it changes", async () => {
    await show("/live?market=kraken/BTC_USD&size=5m");
    await goLive();
    const candles = "/v1/markets/kraken/BTC_USD/candles";
    expect(stage.api.last(candles)?.url.searchParams.get("size")).toBe("5m");
    await press("size-1h");
    expect(new URLSearchParams(window.location.search).get("size")).toBe("1h");
    await goLive();
    expect(stage.api.last(candles)?.url.searchParams.get("size")).toBe("1h");
    expect(sockets[0]?.closed).toBe(true);
    expect(byId("size-1h").getAttribute("aria-pressed")).toBe("true");
  });

  it("fall back to a minute where the address says nonsense", async () => {
    await show("/live?market=kraken/BTC_USD&size=7w");
    expect(byId("size-1m").getAttribute("aria-pressed")).toBe("true");
  });
});

describe("a stream that asks for a token", () => {
  it("shows a field, sends what was given first of all, and keeps it for this tab only", async () => {
    await show();
    socket().drop(1008, "unauthorized");
    await stage.pass(100);
    expect(panels()[0]).toBe("disconnected");
    expect(textOf("live-chart")).toContain("The stream asks for a token");
    expect(byId("stream-token-give").hasAttribute("disabled")).toBe(true);
    fireEvent.change(byId("stream-token"), { target: { value: " s3cret " } });
    await press("stream-token-give");
    socket().open();
    expect(socket().sent).toEqual(['{"type":"token","token":"s3cret"}']);
    expect(window.sessionStorage.getItem("alphapulse.stream-token")).toBe("s3cret");
    expect(JSON.stringify(window.localStorage)).not.toContain("s3cret");
    expect(socket().url.href).not.toContain("s3cret");
    await goLive(fresh(1));
    expect(isThere("stream-token-form")).toBe(false);
  });
});

describe("the tape as a file", () => {
  it("has what was sent, by the name of the market", async () => {
    const made: Blob[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
      made.push(blob as Blob);
      return "blob:x";
    });
    vi.spyOn(URL, "revokeObjectURL").mockReturnValue(undefined);
    const names: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function save(
      this: HTMLAnchorElement,
    ) {
      names.push(this.download);
    });
    await show();
    await goLive(fresh(1, { price: TRADE.price }));
    await press("tape-save");
    expect(names).toEqual(["kraken_BTC_USD_tape.csv"]);
    expect(await made[0]?.text()).toBe(
      "exchange,symbol,id,price,size,side,time,received,source\n" +
        `kraken,BTC/USD,1,67000.10,0.1,buy,${at(0)},${at(0)},live\n`,
    );
  });
});
