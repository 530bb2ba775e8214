import { describe, expect, it } from "vitest";
import type { GapRow } from "../../src/api/answers.ts";
import { bars, hours, minuteAt, moveMinute, strip } from "../../src/pages/coverage/minutes.ts";

function gap(change: Partial<GapRow> = {}): GapRow {
  return {
    gap_id: 7,
    market: "kraken/BTC_USD",
    state: "repaired",
    cause: "disconnect",
    after_id: "100",
    before_id: "151",
    after: "2026-11-21T01:10:30.000000Z",
    before: "2026-11-21T01:20:00.000000Z",
    found: "2026-11-21T01:20:01.000000Z",
    closed: null,
    attempts: 1,
    filled: 50,
    absent: 0,
    note: null,
    ...change,
  };
}

const minutes = Array.from({ length: 1440 }, (_, minute) => (minute < 60 ? 2 : 0));

const found = strip("2026-11-21", {
  as_of: "2026-11-21T02:00:00.000000Z",
  minutes,
  served: [
    ["2026-11-20T22:00:00.000000Z", "2026-11-21T01:10:30.000000Z"],
    ["2026-11-21T01:20:00.000000Z", "2026-11-21T02:00:00.000000Z"],
  ],
  gaps: [
    gap(),
    gap({ gap_id: 8, state: "suspected", after: "2026-11-21T01:59:00.000000Z", before: null }),
  ],
});

describe("the minutes of a day", () => {
  it("keeps to the day what began before it", () => {
    expect(found.served[0]).toEqual({ from: 0, to: 70.5 });
  });

  it("ends what has no end at the newest moment that is known", () => {
    expect(found.gaps[1]).toMatchObject({ from: 119, to: 120 });
  });

  it("tells of each minute what was traded, whether we listened, and which gaps lie in it", () => {
    expect(minuteAt(found, 5)).toMatchObject({ count: 2, served: "whole", gaps: [] });
    expect(minuteAt(found, 70)).toMatchObject({ count: 0, served: "part" });
    expect(minuteAt(found, 75).served).toBe("none");
    expect(minuteAt(found, 75).gaps.map((each) => each.gap_id)).toEqual([7]);
    expect(minuteAt(found, 600).served).toBe("to come");
  });

  it("sums up to 24 hours without losing a trade", () => {
    const rows = hours(found);
    expect(rows).toHaveLength(24);
    expect(rows[0]).toEqual({ hour: 0, trades: 120, quiet: 0, served: 1, gaps: 0 });
    expect(rows[1]).toMatchObject({ trades: 0, quiet: 60, gaps: 2 });
    expect(rows[1]?.served).toBeCloseTo(50.5 / 60);
    expect(rows.reduce((sum, row) => sum + row.trades, 0)).toBe(120);
  });

  it("draws the largest of the minutes that share a pixel, so that no burst disappears", () => {
    const counts = new Array<number>(1440).fill(0);
    counts[719] = 9;
    for (const width of [1440, 390, 97]) expect(Math.max(...bars(counts, width))).toBe(9);
    expect(bars(counts, 390)).toHaveLength(390);
    expect(bars(counts, 5000)).toHaveLength(1440);
  });

  it("moves by minutes and hours, and not out of the day", () => {
    expect(moveMinute(5, "ArrowRight")).toBe(6);
    expect(moveMinute(5, "PageUp")).toBe(0);
    expect(moveMinute(1439, "PageDown")).toBe(1439);
    expect(moveMinute(5, "End")).toBe(1439);
    expect(moveMinute(5, "a")).toBeNull();
  });
});
