// @vitest-environment happy-dom
import { within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cell, feed, NO_CANDLES } from "../stage/answers.ts";
import { BUSY } from "../stage/api.ts";
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
import { PAGES, type PageOf, pageOf } from "../stage/pages.ts";

let stage: Stage;
beforeEach(() => {
  stage = setStage();
});
afterEach(strikeStage);

function show(page: PageOf): Promise<void> {
  return open(stage, page.address, page.load);
}

function stateOf(id: string): string | undefined {
  return byId(id).dataset.state;
}

function states(page: PageOf): Record<string, string | undefined> {
  return Object.fromEntries(
    [...Object.keys(page.panels), ...page.tiles].map((id) => [id, stateOf(id)]),
  );
}

function all(page: PageOf, state: string): Record<string, string> {
  return Object.fromEntries([...Object.keys(page.panels), ...page.tiles].map((id) => [id, state]));
}

function ageOf(id: string): string | null {
  return within(byId(id)).queryAllByTestId("age")[0]?.textContent ?? null;
}

/** What must not be taken for now: the content of a panel, the number of a tile. */
function oldness(page: PageOf): Record<string, string | undefined> {
  const marked = (id: string) => byId(id).querySelector<HTMLElement>("[data-old]")?.dataset.old;
  return Object.fromEntries(
    [...Object.keys(page.panels), ...page.tiles].map((id) => [id, marked(id)]),
  );
}

const PACED = PAGES.filter((page) => Object.values(page.panels).every(Number.isFinite));

describe.each(PAGES)("the page $name", (page) => {
  it("says that it loads, and shows neither a value nor an age", async () => {
    stage.api.mood = "waits";
    await show(page);
    expect(states(page)).toEqual(all(page, "loading"));
    for (const id of Object.keys(page.panels)) {
      expect(byId(id).getAttribute("aria-busy")).toBe("true");
      expect(isThere(`${id}-skeleton`)).toBe(true);
      expect(ageOf(id)).toBeNull();
      expect(byId(id).querySelector("[data-old]")).toBeNull();
    }
    for (const id of page.tiles) expect(byId(id).querySelector("dd")?.textContent).toBe("");
  });

  it("is fresh with its answers, without a word of it, and its age ticks", async () => {
    await show(page);
    expect(states(page)).toEqual(all(page, "fresh"));
    for (const id of Object.keys(page.panels)) {
      expect(ageOf(id)).toBe("now");
      expect(within(byId(id)).queryByText("Fresh")).toBeNull();
    }
    expect(new Set(Object.values(oldness(page)))).toEqual(new Set(["false"]));
    await stage.pass(2500);
    const slow = Object.entries(page.panels).filter(([, pace]) => pace > 2000);
    for (const [id] of slow) expect(ageOf(id)).toBe("2 s ago");
  });

  it("says so where nobody answers from the start, and makes up nothing", async () => {
    stage.api.mood = "is away";
    await show(page);
    expect(states(page)).toEqual(all(page, "disconnected"));
    for (const id of Object.keys(page.panels)) {
      expect(textOf(id)).toContain("The API does not answer. Is AlphaPulse running?");
      expect(byId(id).querySelector("[data-old]")).toBeNull();
      expect(ageOf(id)).toBeNull();
    }
    for (const id of page.tiles) expect(byId(id).querySelector("dd")?.textContent).toBe("–");
  });

  it("says in the API's own words that it was refused, and gives the id to ask about", async () => {
    const copied = vi.fn().mockResolvedValue(undefined);
    vi.stubGlobal("navigator", { clipboard: { writeText: copied } });
    stage.api.mood = "refuses";
    await show(page);
    expect(states(page)).toEqual(all(page, "error"));
    for (const id of Object.keys(page.panels)) {
      expect(textOf(`${id}-problem`)).toContain(
        "Busy (503)The database does not answer. Come again.",
      );
      within(byId(id)).getByText("Copy request id").click();
    }
    expect(copied.mock.calls).toEqual(Object.keys(page.panels).map(() => [BUSY.request_id]));
  });
});

describe.each(PACED)("what the page $name has shown", (page) => {
  const slowest = Math.max(...Object.values(page.panels), page.tiles.length > 0 ? 60_000 : 0);

  it("is stale once nothing newer comes: marked as old, and its age goes on", async () => {
    await show(page);
    stage.api.mood = "waits";
    await stage.jump(3 * slowest);
    expect(states(page)).toEqual(all(page, "stale"));
    expect(new Set(Object.values(oldness(page)))).toEqual(new Set(["true"]));
    const [first = ""] = Object.keys(page.panels);
    expect(within(byId(first)).getByText("Stale")).toBeTruthy();
    const before = Object.keys(page.panels).map(ageOf);
    await stage.pass(2000);
    const after = Object.keys(page.panels).map(ageOf);
    expect(before).not.toContain("now");
    for (const [at, age] of after.entries()) expect(age).not.toBe(before[at]);
  });

  it("is old while the API is away, and fresh again at one press", async () => {
    await show(page);
    stage.api.mood = "is away";
    await stage.jump(slowest);
    await stage.look();
    expect(states(page)).toEqual(all(page, "disconnected"));
    expect(new Set(Object.values(oldness(page)))).toEqual(new Set(["true"]));
    stage.api.mood = "answers";
    for (const id of Object.keys(page.panels)) {
      expect(textOf(id)).toContain("what you see is old");
      expect(ageOf(id)).toMatch(/min|s ago/);
    }
    for (const id of Object.keys(page.panels))
      if (isThere(`${id}-retry`)) await press(`${id}-retry`);
    await stage.pass(0);
    for (const id of Object.keys(page.panels)) expect(stateOf(id)).toBe("fresh");
  });
});

describe("nothing yet is told from nothing in the range", () => {
  async function empty(name: string): Promise<void> {
    await show(pageOf(name));
  }

  it("by the overview, which says how to begin", async () => {
    stage.api.tell("/v1/stats/feeds", { feeds: [] });
    stage.api.tell("/v1/stats/ingestion", { feeds: [] });
    stage.api.tell("/v1/stats/latency", { feeds: [] });
    await empty("overview");
    for (const id of ["feeds", "overview-rate", "overview-lag"]) {
      expect(stateOf(id)).toBe("empty-never");
      expect(textOf(id)).toContain("make up");
      expect(byId(id).querySelector("[data-old]")).toBeNull();
    }
  });

  it("by the page Realtime", async () => {
    stage.api.tell("/v1/stats/ingestion", { feeds: [] });
    await empty("realtime");
    expect(stateOf("realtime-rate")).toBe("empty-never");
    expect(textOf("realtime-rate")).toContain("No collector has written statistics in this time.");
    expect(stateOf("realtime-latency")).toBe("fresh");
  });

  it("by the coverage: none was ever judged, or none of this range", async () => {
    stage.api.tell("/v1/coverage", { cells: [], days: [], markets: [] });
    await empty("coverage");
    expect(stateOf("coverage")).toBe("empty-range");
    expect(textOf("coverage")).toContain("Choose a longer range");
    for (const row of stage.api.told["/v1/markets"].markets) row.first_day = null;
    await stage.look();
    expect(stateOf("coverage")).toBe("empty-never");
    expect(textOf("coverage")).toContain("No day was judged yet.");
  });

  it("by the page Explore, which leads to the newest trade there is", async () => {
    stage.api.tell("/v1/markets/{exchange}/{symbol}/candles", { candles: NO_CANDLES });
    stage.api.tell("/v1/markets/{exchange}/{symbol}/trades", { trades: [] });
    stage.api.tell("/v1/datasets", { datasets: [] });
    await empty("explore");
    for (const id of ["explore-candles", "explore-trades", "explore-days"])
      expect(stateOf(id)).toBe("empty-range");
    expect(textOf("explore-candles")).toContain("kraken/BTC_USD has no trades in this range.");
    await press("explore-newest");
    expect(new URLSearchParams(window.location.search).get("end")).toBe("2026-11-21T12:01:00Z");
  });

  it("by the page Explore where no market was ever stored", async () => {
    stage.api.tell("/v1/markets", { markets: [] });
    await open(stage, "/explore", pageOf("explore").load);
    expect(stateOf("explore-candles")).toBe("empty-never");
    expect(textOf("explore-candles")).toContain("No market was stored yet");
    expect(stage.api.asked.map((each) => each.url.pathname)).not.toContain("/v1/datasets");
  });

  it("by the dictionary: no table at all, or none with these words", async () => {
    await open(stage, "/dictionary?q=unheard", pageOf("dictionary").load);
    expect(stateOf("dictionary")).toBe("empty-range");
    expect(textOf("dictionary")).toContain("Nothing has the words “unheard”.");
    strikeStage();
    stage = setStage();
    stage.api.tell("/v1/dictionary", { tables: [] });
    await open(stage, "/dictionary", pageOf("dictionary").load);
    expect(stateOf("dictionary")).toBe("empty-never");
  });

  it("by our own charts of the page Operations", async () => {
    stage.api.tell("/v1/stats/latency", { feeds: [] });
    await empty("operations");
    expect(stateOf("ops-own-write")).toBe("empty-range");
    expect(textOf("ops-own-write")).toContain("choose a longer time");
    expect(stateOf("ops-own-received")).toBe("fresh");
  });
});

describe("a part is never shown as all", () => {
  it("of the feeds", async () => {
    const silent = feed({ market: "kraken/ETH_USD", symbol: "ETH/USD", state: "silent" });
    stage.api.tell("/v1/stats/feeds", { feeds: [feed(), silent] });
    await show(pageOf("overview"));
    expect(stateOf("feeds")).toBe("partial");
    expect(within(byId("feeds")).getByText("Partial")).toBeTruthy();
    expect(textOf("feeds")).toContain("1 of 2 fresh");
    expect(textOf("feed-kraken/ETH_USD")).toContain("silent");
    expect(textOf("tile-feeds")).toContain("1/2");
  });

  it("of the collectors: one that has stopped to write is missing from the rate", async () => {
    const { feeds } = stage.api.told["/v1/stats/ingestion"];
    const dead = { trades: [9, null, null, null], stored: [9, null, null, null] };
    const [own] = feeds;
    if (!own) throw new Error("no feed is told");
    stage.api.tell("/v1/stats/ingestion", {
      feeds: [own, { ...own, ...dead, exchange: "binance" }],
    });
    await show(pageOf("realtime"));
    expect(stateOf("realtime-rate")).toBe("fresh");
    const long = new Array<null>(6).fill(null);
    const gone = { trades: [9, ...long], stored: [9, ...long] };
    stage.api.tell("/v1/stats/ingestion", {
      feeds: [own, { ...own, ...gone, exchange: "binance" }],
    });
    await stage.pass(5000);
    expect(stateOf("realtime-rate")).toBe("partial");
    expect(textOf("realtime-rate")).toContain("1 of 2 collectors write");
  });
});

describe("a backfill that runs", () => {
  it("is shown as such, with how far it is as far as anybody knows", async () => {
    stage.api.tell("/v1/backfills", {
      backfills: [
        {
          backfill_id: 3,
          market: "kraken/BTC_USD",
          gap_id: null,
          start: "2026-11-21T00:00:00.000000Z",
          end: "2026-11-22T00:00:00.000000Z",
          state: "running",
          requests: 1,
          trades: 1000,
          new_trades: 12,
          absent: 0,
          reached: null,
          note: null,
          started: "2026-11-21T12:00:00.000000Z",
          touched: "2026-11-21T12:00:55.000000Z",
          ended: null,
        },
      ],
    });
    await show(pageOf("coverage-day"));
    expect(stateOf("backfill")).toBe("backfilling");
    expect(within(byId("backfill")).getByText("Backfilling")).toBeTruthy();
    expect(byId("backfill").querySelector("progress")?.hasAttribute("value")).toBe(false);
    expect(textOf("backfill-row")).toContain(
      "Backfill 3 is running: 1 request, 1 000 trades read, 12 of them new; last change 5 s ago.",
    );
    await stage.pass(3000);
    expect(textOf("backfill-row")).toContain("last change 8 s ago");
    stage.api.mood = "is away";
    await stage.jump(20_000);
    await stage.look();
    expect(stateOf("backfill")).toBe("disconnected");
  });
});

describe("a day that nobody judged", () => {
  it("is said to be unknown, not to be whole or empty", async () => {
    stage.api.tell("/v1/coverage/{exchange}/{symbol}/{day}", { cell: null, gaps: [] });
    await show(pageOf("coverage-day"));
    expect(textOf("verdict-words")).toContain("Nobody has judged this day");
    expect(isThere("day-file")).toBe(false);
    expect(textOf("day-gaps")).toContain("No gap touches this day.");
  });

  it("offers its file only where it was archived, and says when that is out of date", async () => {
    stage.api.tell("/v1/coverage/{exchange}/{symbol}/{day}", { cell: cell({ reopened: true }) });
    await show(pageOf("coverage-day"));
    expect(textOf("day-archived")).toBe("out of date");
    expect(byId("day-file").getAttribute("href")).toBe("/v1/datasets/kraken/BTC_USD/2026-11-21");
  });
});
