import { describe, expect, it } from "vitest";
import type { Coverage, CoverageCell } from "../../src/api/answers.ts";
import {
  cellWords,
  dayLabels,
  dayOfPath,
  dayPath,
  HEAD,
  heatMap,
  markOf,
  measures,
  move,
  placeAt,
  shareOf,
  tally,
} from "../../src/pages/coverage/map.ts";

function cell(change: Partial<CoverageCell> = {}): CoverageCell {
  return {
    market: "kraken/BTC_USD",
    day: "2026-11-21",
    verdict: "complete",
    reason: "every id from 1 to 1000 is stored",
    is_provisional: false,
    expected: 1000,
    stored: 1000,
    repaired: 0,
    absent: 0,
    missing: 0,
    observed: 0.99,
    exported: true,
    reopened: false,
    ...change,
  };
}

function coverage(...cells: CoverageCell[]): Coverage {
  const markets = [...new Set(cells.map((each) => each.market))];
  const days = [...new Set(cells.map((each) => each.day))];
  return { as_of: "2026-11-24T00:00:00.000000Z", simulated: false, markets, days, cells };
}

const THREE = coverage(
  cell({ market: "kraken/ETH_USD", day: "2026-11-23" }),
  cell({ day: "2026-11-21" }),
  cell({ day: "2026-11-23", verdict: "incomplete", stored: 990, missing: 10 }),
);

describe("the heat map", () => {
  it("has a row for each market and a column for each day, also for those that nobody judged", () => {
    const map = heatMap(THREE);
    expect(map.markets).toEqual(["kraken/BTC_USD", "kraken/ETH_USD"]);
    expect(map.days).toEqual(["2026-11-21", "2026-11-22", "2026-11-23"]);
    expect(map.cells.map((line) => line.map(markOf))).toEqual([
      ["complete", "not judged", "incomplete"],
      ["not judged", "not judged", "complete"],
    ]);
    expect(tally(map)).toEqual({
      complete: 2,
      "complete with absences": 0,
      incomplete: 1,
      "not proved": 0,
      unknown: 0,
      "not judged": 3,
    });
  });

  it("is empty where nothing was judged", () => {
    expect(heatMap(coverage())).toEqual({ markets: [], days: [], cells: [] });
  });

  it("counts what the exchange itself lacks as being there, and nothing above the whole", () => {
    expect(shareOf(cell({ stored: 990, absent: 10 }))).toBe(1);
    expect(shareOf(cell({ verdict: "incomplete", stored: 990, missing: 10 }))).toBe(0.99);
    expect(shareOf(cell({ stored: 1002 }))).toBe(1);
    expect(shareOf(cell({ verdict: "incomplete", expected: 0, stored: 0 }))).toBeNull();
    expect(shareOf(null)).toBeNull();
  });

  it("tells a day whose proof lacks from one that lacks trades", () => {
    const pending = cell({ verdict: "incomplete", is_provisional: true });
    expect(markOf(pending)).toBe("not proved");
    expect(markOf({ ...pending, stored: 999, missing: 1 })).toBe("incomplete");
    expect(cellWords("kraken/BTC_USD", "2026-11-21", pending)).toContain(
      "nothing known to be missing",
    );
  });

  it("knows of markets without consecutive ids only how long we listened", () => {
    const found = cell({ verdict: "unknown", expected: null, stored: null, observed: 0.5 });
    expect(shareOf(found)).toBe(0.5);
    expect(cellWords("kraken/BTC_USD", "2026-11-21", found)).toContain("50.0 % observed");
  });

  it("says what is missing, and never rounds up to all", () => {
    const found = cell({
      verdict: "incomplete",
      expected: 1_000_000,
      stored: 999_999,
      missing: 1,
      is_provisional: true,
      reopened: true,
    });
    expect(cellWords("kraken/BTC_USD", "2026-11-21", found)).toBe(
      "kraken/BTC_USD, 2026-11-21: incomplete · 99.999 % stored · 1 missing · not final · " +
        "archived · its file is out of date",
    );
    expect(cellWords("kraken/BTC_USD", "2026-11-22", null)).toContain("not judged");
  });
});

describe("keys on the heat map", () => {
  const map = heatMap(THREE);
  const middle = { row: 0, column: 1 };

  it.each([
    ["ArrowLeft", false, { row: 0, column: 0 }],
    ["ArrowRight", false, { row: 0, column: 2 }],
    ["ArrowDown", false, { row: 1, column: 1 }],
    ["ArrowUp", false, { row: 0, column: 1 }],
    ["PageUp", false, { row: 0, column: 0 }],
    ["PageDown", false, { row: 0, column: 2 }],
    ["Home", false, { row: 0, column: 0 }],
    ["End", false, { row: 0, column: 2 }],
    ["End", true, { row: 1, column: 2 }],
  ])("%s (control: %s) stays on the map", (key, isControl, expected) => {
    expect(move(middle, key, map, isControl)).toEqual(expected);
  });

  it("leaves other keys to the page", () => {
    expect(move(middle, "Tab", map)).toBeNull();
  });
});

describe("the map as it is drawn", () => {
  const map = heatMap(THREE);

  it("finds the cell below the pointer, and none beside the cells", () => {
    const size = measures(map, 90);
    expect(size.cell).toBe(30);
    expect(placeAt(31, HEAD + 1, map, size)).toEqual({ row: 0, column: 1 });
    expect(placeAt(89, HEAD + size.height, map, size)).toEqual({ row: 1, column: 2 });
    expect(placeAt(31, HEAD - 1, map, size)).toBeNull();
    expect(placeAt(91, HEAD + 1, map, size)).toBeNull();
    expect(placeAt(1, HEAD + 2 * size.height, map, size)).toBeNull();
  });

  it("names the newest day, and as many before it as there is room for", () => {
    const days = Array.from(
      { length: 15 },
      (_, at) => `2026-11-${String(at + 1).padStart(2, "0")}`,
    );
    expect(dayLabels(days, 14).map((each) => each.text)).toEqual(["11-01", "11-08", "11-15"]);
    expect(dayLabels(days, 60)).toHaveLength(15);
  });

  it("keeps the address of a day both ways, percent signs included", () => {
    for (const market of ["kraken/BTC_USD", "some/A%5FB_C"]) {
      expect(dayOfPath(dayPath(market, "2026-11-21"))).toEqual({ market, day: "2026-11-21" });
    }
    for (const path of [
      "/coverage",
      "/coverage/kraken",
      "/coverage/kraken/X/today",
      "/coverage/%E0/X/2026-11-21",
    ])
      expect(dayOfPath(path)).toBeNull();
  });
});
