import { describe, expect, it } from "vitest";
import { add, compare, isLater } from "../../src/design/exact.ts";
import {
  age,
  bytes,
  decimal,
  measure,
  share,
  shortDecimal,
  timeOfDay,
  trimmed,
} from "../../src/design/format.ts";

/** The narrow blank between thousands, as an ordinary one. */
function plain(text: string): string {
  return text.replaceAll("\u202f", " ");
}

describe("decimals", () => {
  it("are grouped as text, and no digit is lost", () => {
    expect(plain(decimal("90071992547409931.000000000000000001"))).toBe(
      "90 071 992 547 409 931.000000000000000001",
    );
    expect(plain(decimal("-1234.50"))).toBe("-1 234.50");
    expect(decimal("0.00120000")).toBe("0.00120000");
    expect(decimal(null)).toBe("–");
    expect(decimal("NaN")).toBe("NaN");
  });

  it("are cut, not rounded, and say that they were", () => {
    expect(shortDecimal("0.999", 2)).toBe("0.99…");
    expect(shortDecimal("0.990", 2)).toBe("0.99");
    expect(trimmed("0.00120000")).toBe("0.0012");
    expect(trimmed("100")).toBe("100");
    expect(trimmed("5.000")).toBe("5");
  });

  it("are added and compared exactly", () => {
    expect(add("0.1", "0.2")).toBe("0.3");
    expect(add("99999999999999999999.9", "0.10")).toBe("100000000000000000000.00");
    expect(add("-0.5", "0.25")).toBe("-0.25");
    expect(compare("9007199254740993", "9007199254740992.5")).toBe(1);
    expect(compare("1.10", "1.1")).toBe(0);
    expect(isLater("10", "9")).toBe(true);
    expect(isLater("9007199254740993", "9007199254740992")).toBe(true);
    expect(() => add("1e5", "1")).toThrow(RangeError);
  });
});

describe("measured numbers", () => {
  it("have the digits that matter", () => {
    expect([0, 0.01234, 9.7, 30, 123.4, 12_345.6].map((value) => plain(measure(value)))).toEqual([
      "0",
      "0.0123",
      "9.7",
      "30",
      "123",
      "12 346",
    ]);
    expect(plain(measure(-1234))).toBe("-1 234");
    expect(bytes(41e9)).toBe("41 GB");
  });

  it("never call whole what is not", () => {
    expect(share(0.999999)).toBe("99.999 %");
    expect(share(1)).toBe("100 %");
    expect(share(0.5)).toBe("50.0 %");
    expect(share(null)).toBe("–");
  });
});

describe("times", () => {
  it("keep the digits that a clock of milliseconds would lose", () => {
    expect(timeOfDay("2026-01-31T12:00:00.123456Z", "utc", 6)).toBe("12:00:00.123456");
    expect(timeOfDay("2026-01-31T12:00:00.123456Z", "utc")).toBe("12:00:00");
  });

  it("grow old in words", () => {
    expect([0, 59_000, 61_000, 7_500_000, 200_000_000].map(age)).toEqual([
      "now",
      "59 s",
      "1 min 1 s",
      "2 h 5 min",
      "2 d",
    ]);
  });
});
