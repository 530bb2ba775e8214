import { describe, expect, it } from "vitest";
import { digitsBehind, filled, pace } from "../../src/design/format.ts";
import { forField, readField } from "../../src/pages/explore/range.ts";

describe("a time as it is written into a field", () => {
  it("comes back as the same minute", () => {
    const time = "2026-11-21T12:34:00Z";
    expect(forField(time)).toBe("2026-11-21 12:34");
    expect(readField(forField(time))).toBe(time);
  });

  it("may be a day alone, and is UTC", () => {
    expect(readField(" 2026-11-21 ")).toBe("2026-11-21T00:00:00Z");
  });

  it.each(["", "2026-11-21 12", "21.11.2026", "2026-13-01 00:00"])("is not %o", (text) => {
    expect(readField(text)).toBeNull();
  });
});

describe("numbers below each other", () => {
  it("have one digit behind the point while they are small", () => {
    expect([pace(5), pace(4.27), pace(1234.5), pace(null)]).toEqual([
      "5.0",
      "4.3",
      "1\u202f235",
      "–",
    ]);
  });

  it("are filled up to the longest", () => {
    expect(digitsBehind(["65026.3", "65028.46", "7"])).toBe(2);
    expect(digitsBehind(["65026.30000000"])).toBe(1);
    expect(digitsBehind([])).toBe(0);
    expect(["65026.3", "7", "65028.46000000", "0.125"].map((text) => filled(text, 2))).toEqual([
      "65\u202f026.30",
      "7.00",
      "65\u202f028.46",
      "0.125",
    ]);
  });
});
