import { describe, expect, it } from "vitest";
import type { CoverageCell, Verdict } from "../../src/api/answers.ts";
import type { Ingestion, Latency } from "../../src/api/statistics.ts";
import { placesOf } from "../../src/pages/live/bands.ts";
import { isProved, wholeShare } from "../../src/pages/overview/coverage.ts";
import { alive, byExchange, newest, quantilesOf } from "../../src/pages/realtime/series.ts";
import type { Bar } from "../../src/stream/bars.ts";

function ingestion(stored: (number | null)[]): Ingestion {
  const feed = { trades: stored, stored, repeats: [], bytes: [], reconnects: [], queue_rows: [] };
  return {
    as_of: "",
    simulated: true,
    bucket_seconds: 60,
    times: [],
    feeds: [
      { exchange: "kraken", ...feed },
      { exchange: "binance", ...feed, trades: Array(9).fill(null) },
    ],
  };
}

describe("what the statistics are drawn as", () => {
  it("is by the second, and broken where the collector was not alive", () => {
    const [kraken] = byExchange(ingestion([60, null, 120]), "stored", true);
    expect(kraken).toEqual({ name: "kraken", values: [1, null, 2] });
  });

  it("knows which collectors have written lately", () => {
    expect(alive(ingestion([1, 2, 3]))).toEqual({ up: 1, all: 2 });
    expect(newest([7, null, null], 2)).toBeNull();
    expect(newest([7, null, null], 3)).toBe(7);
  });

  it("never makes one exchange's percentiles out of several", () => {
    const q = { p50: [1], p95: [1], p99: [1], max: [1] };
    const answer = {
      feeds: [
        { exchange: "kraken", kind: "write", ...q },
        { exchange: "binance", kind: "write", ...q, p50: [9] },
      ],
      total: { kind: "receive", ...q, p50: [5] },
    } as unknown as Latency;
    expect(quantilesOf(answer, "receive", null)?.p50).toEqual([5]);
    expect(quantilesOf(answer, "write", null)).toBeNull();
    expect(quantilesOf(answer, "write", "binance")?.p50).toEqual([9]);
  });
});

describe("the coverage in short", () => {
  const cell = (verdict: Verdict, expected: number | null, missing: number | null) =>
    ({ verdict, expected, missing }) as CoverageCell;

  it("counts ids, leaves out what cannot be counted, and tells proof from good hope", () => {
    const hopeful = [cell("incomplete", 100, 0), cell("unknown", null, null)];
    expect(wholeShare(hopeful)).toBe(1);
    expect(isProved(hopeful)).toBe(false);
    expect(wholeShare([cell("incomplete", 100, 25), cell("complete", 100, 0)])).toBe(0.875);
    expect(isProved([cell("complete", 1, 0), cell("complete with absences", 1, 0)])).toBe(true);
    expect(wholeShare([])).toBeNull();
  });
});

describe("the band of a gap", () => {
  const bars = [0, 60, 180].map((time) => ({ time }) as Bar);
  const band = (after: number, before: number | null) => ({
    id: 1,
    state: "suspected",
    cause: "restart",
    after: new Date(after * 1000).toISOString(),
    before: before === null ? null : new Date(before * 1000).toISOString(),
  });

  it("spans the bars that it touches, up to the newest while its end is not known", () => {
    expect(placesOf(band(70, 185), bars)).toEqual([1, 2]);
    expect(placesOf(band(10, 20), bars)).toEqual([0, 0]);
    expect(placesOf(band(70, null), bars)).toEqual([1, 2]);
    expect(placesOf(band(-500, -400), bars)).toEqual([-1, -1]);
  });
});
