import { describe, expect, it } from "vitest";
import { Bars } from "../../src/stream/bars.ts";

const START = Date.parse("2026-01-31T12:00:00Z");

function at(seconds: number, id: string, price: string, size = "0.1") {
  return { id, price, size, time: new Date(START + seconds * 1000).toISOString() };
}

function history(lastId: string) {
  return {
    opened_at: ["2026-01-31T11:59:00.000000Z", "2026-01-31T12:00:00.000000Z"],
    open: ["10", "11"],
    high: ["12", "11.5"],
    low: ["9", "10.5"],
    close: ["11", "11.2"],
    volume: ["5", "0.30000000"],
    buy_volume: ["1", "0.1"],
    quote_volume: ["50", "3"],
    trades: [7, 3],
    first_id: ["1", "8"],
    last_id: ["7", lastId],
  };
}

describe("bars of history and stream", () => {
  it("do not count a trade twice that the history has already", () => {
    const bars = new Bars("1m");
    bars.load(history("10"));
    expect(bars.add(at(20, "10", "11.2"))).toBe("known");
    expect(bars.add(at(21, "11", "11.75"))).toBe("extended");
    expect(bars.newest).toMatchObject({
      high: "11.75",
      close: "11.75",
      volume: "0.40000000",
      trades: 4,
    });
  });

  it("give the same whether the history came before or after the trades", () => {
    const trades = [at(20, "10", "11.2"), at(21, "11", "11.75"), at(61, "12", "12")];
    const early = new Bars("1m");
    early.load(history("10"));
    for (const trade of trades) early.add(trade);
    const late = new Bars("1m");
    for (const trade of trades) late.add(trade);
    late.load(history("10"));
    for (const trade of trades) late.add(trade);
    expect(late.all).toEqual(early.all);
  });

  it("open a new one with the first trade of its time", () => {
    const bars = new Bars("1m");
    bars.load(history("10"));
    expect(bars.add(at(60, "11", "12.5"))).toBe("opened");
    expect(bars.newest).toMatchObject({
      time: START / 1000 + 60,
      open: "12.5",
      low: "12.5",
      trades: 1,
    });
  });

  it("say that a trade is late when its bar is not the newest any more", () => {
    const bars = new Bars("1m");
    bars.load(history("10"));
    bars.add(at(60, "12", "12.5"));
    expect(bars.add(at(59, "11", "11"))).toBe("late");
    expect(bars.add(at(20, "9", "11"))).toBe("known");
  });

  it("compare ids that pass 2^53 exactly", () => {
    const bars = new Bars("1m");
    bars.load(history("9007199254740993"));
    expect(bars.add(at(20, "9007199254740992", "11"))).toBe("known");
    expect(bars.add(at(20, "9007199254740994", "11"))).toBe("extended");
  });

  it("keep no more than they were told", () => {
    const bars = new Bars("1m", 3);
    for (let minute = 0; minute < 9; minute += 1) bars.add(at(minute * 60, String(minute), "1"));
    expect(bars.all.map((bar) => bar.lastId)).toEqual(["6", "7", "8"]);
  });
});
