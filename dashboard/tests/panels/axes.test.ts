import { describe, expect, it } from "vitest";
import { decades, lonely, marks } from "../../src/panels/axes.ts";

const at = (time: string) => Date.parse(`${time}Z`) / 1000;
const NOON = Date.parse("2026-11-29T12:00:00Z");

describe("the axes of lines over time", () => {
  it("say the time alone while all of it is today's", () => {
    const splits = [at("2026-11-29T11:00"), at("2026-11-29T11:10")];
    expect(marks(splits, "utc", NOON)).toEqual(["11:00", "11:10"]);
    expect(marks(splits, "utc", NOON + 86_400_000)).toEqual(["11:00\n11-29", "11:10"]);
  });

  it("say the day where it changes, and nothing but days where each mark is one", () => {
    const night = [at("2026-11-28T18:00"), at("2026-11-29T00:00"), at("2026-11-29T06:00")];
    expect(marks(night, "utc", NOON)).toEqual(["18:00\n11-28", "00:00\n11-29", "06:00"]);
    const days = [at("2026-11-28T00:00"), at("2026-11-29T00:00")];
    expect(marks(days, "utc", NOON)).toEqual(["11-28", "11-29"]);
  });

  it("are not crowded where they are logarithmic", () => {
    const splits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20];
    expect(decades(splits, 1, 1000).filter((each) => each !== null)).toEqual([1, 10]);
    expect(decades(splits, 1, 20).filter((each) => each !== null)).toEqual([1, 2, 5, 10, 20]);
  });
});

describe("a value without a neighbour", () => {
  it("is found, since no line would show it", () => {
    expect(lonely([3, null, 5, 6, null, 7])).toEqual([0, 5]);
    expect(lonely([3, 4, null])).toBeNull();
  });
});
