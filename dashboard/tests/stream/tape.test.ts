import { describe, expect, it } from "vitest";
import type { TradeFrame } from "../../src/stream/frames.ts";
import { Rate } from "../../src/stream/rate.ts";
import { Seen } from "../../src/stream/seen.ts";
import { Tape, tapeAsCsv } from "../../src/stream/tape.ts";
import { trade } from "./sockets.ts";

describe("the tape", () => {
  it("keeps a bounded number of the newest and counts all", () => {
    const tape = new Tape(100);
    for (let id = 0; id < 1000; id += 1) tape.trade(trade(id) as TradeFrame);
    expect(tape.total).toBe(1000);
    expect(tape.lines.length).toBeLessThanOrEqual(125);
    expect(tape.lines.at(-1)?.n).toBe(999);
  });

  it("is saved as it was sent, without its seams", () => {
    const tape = new Tape();
    tape.trade(trade(1) as TradeFrame);
    tape.seam("lost", 0);
    tape.trade(trade(2, { price: "0.10" }) as TradeFrame);
    const rows = tapeAsCsv(tape.lines).trimEnd().split("\n");
    expect(rows).toHaveLength(3);
    expect(rows[2]).toContain("BTC/USD,2,0.10,0.1,buy");
  });
});

describe("the names that were seen", () => {
  it("are known for as long as there is room", () => {
    const seen = new Seen(10);
    expect(seen.add("a")).toBe(true);
    expect(seen.add("a")).toBe(false);
    for (let other = 0; other < 10; other += 1) seen.add(String(other));
    expect(seen.add("9")).toBe(false);
    expect(seen.add("a")).toBe(true);
  });
});

describe("the rate", () => {
  it("is of the last full seconds", () => {
    const rate = new Rate(10);
    for (let ms = 0; ms < 12_000; ms += 100) rate.add(ms);
    expect(rate.at(12_500)).toBe(10);
    expect(rate.at(60_000)).toBe(0);
  });
});
