import { describe, expect, it } from "vitest";
import { add, compare, isLater } from "../../src/design/exact.ts";
import {
  age,
  bytes,
  count,
  dayOf,
  decimal,
  measure,
  milliseconds,
  moment,
  share,
  shortDecimal,
  timeOfDay,
  trimmed,
} from "../../src/design/format.ts";
import { Chance, SEEDS } from "../stream/chance.ts";

const MANY = "99999999999999999999.999999999999999999"; // 38 digits, as wide as the store has them
const LEAST = "0.000000000000000001";

function plain(text: string): string {
  return text.replaceAll("\u202f", " ");
}

describe("decimals at their ends", () => {
  it("keep 38 digits and the least of all", () => {
    expect(plain(decimal(MANY))).toBe("99 999 999 999 999 999 999.999999999999999999");
    expect(decimal(LEAST)).toBe(LEAST);
    expect(trimmed(LEAST)).toBe(LEAST);
    expect(shortDecimal(LEAST, 8)).toBe("0.00000000…");
    expect(plain(shortDecimal(MANY, 0))).toBe("99 999 999 999 999 999 999…");
    expect(plain(decimal(`-${MANY}`))).toBe("-99 999 999 999 999 999 999.999999999999999999");
  });

  it.each(["NaN", "Infinity", "-Infinity", "1e-18", "1E5", "", "0x10", "١٢", "1.", ".5", "1,5"])(
    "show %j as it came, instead of a number that it is not",
    (text) => {
      expect(decimal(text)).toBe(text);
      expect(() => compare(text, "1")).toThrow(RangeError);
      expect(() => add("1", text)).toThrow(RangeError);
    },
  );

  it("are grouped at every length and lose nothing", () => {
    for (let digits = 1; digits <= 40; digits += 1) {
      const text = "9".repeat(digits);
      expect(decimal(text).replaceAll("\u202f", "")).toBe(text);
      const groups = decimal(text).split("\u202f");
      expect(groups.slice(1).every((group) => group.length === 3)).toBe(true);
      expect(groups[0]?.length).toBeLessThanOrEqual(3);
    }
  });
});

describe.each(SEEDS.slice(0, 20))("arithmetic on texts, by the seed %i", (seed) => {
  const chance = new Chance(seed);
  const signed = () => (chance.isSo(0.5) ? "-" : "") + chance.decimal(20, 18);
  const units = (text: string) => {
    const [whole = "", rest = ""] = text.replace("-", "").split(".");
    return (text.startsWith("-") ? -1n : 1n) * BigInt(whole + rest.padEnd(18, "0"));
  };

  it("adds and compares as whole numbers of the least unit do", () => {
    for (let turn = 0; turn < 100; turn += 1) {
      const [a, b] = [signed(), chance.isSo(0.1) ? "0" : signed()];
      expect(units(add(a, b))).toBe(units(a) + units(b));
      expect(add(a, b)).toBe(add(b, a));
      const difference = units(a) - units(b);
      expect(compare(a, b)).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
      expect(compare(a, a)).toBe(0);
      expect(compare(b, a)).toBe(0 - compare(a, b));
    }
  });

  it("tells the later of two ids, whatever their length", () => {
    for (let turn = 0; turn < 100; turn += 1) {
      const [a, b] = [chance.decimal(25, 0), chance.decimal(25, 0)];
      expect(isLater(a, b)).toBe(BigInt(a) > BigInt(b));
    }
  });
});

describe("ids that are no numbers", () => {
  it("are ordered as texts, and none is later than itself", () => {
    expect(isLater("b", "a")).toBe(true);
    expect(isLater("a1", "a1")).toBe(false);
    expect(isLater("007", "7")).toBe(false);
  });
});

describe("measured numbers at their ends", () => {
  it("are never told to be zero when they are not", () => {
    for (const value of [1e-7, 4.2e-9, -1e-9, 1e-18, Number.MIN_VALUE]) {
      expect(measure(value)).not.toMatch(/^-?0$/);
      expect(Math.sign(Number(measure(value)))).toBe(Math.sign(value));
    }
    expect(measure(0)).toBe("0");
    expect(measure(-0)).toBe("0");
  });

  it("do not round up into a unit that is one too small", () => {
    expect(bytes(999_999)).toBe("1 MB");
    expect(bytes(999)).toBe("999 B");
    expect(bytes(999_499)).toBe("999 kB");
    expect(milliseconds(999.9)).toBe("1 s");
    expect(milliseconds(999.4)).toBe("999 ms");
    expect(milliseconds(-3)).toBe("-3 ms");
    expect(milliseconds(90_061)).toBe("90.1 s");
  });

  it("say that nothing is known rather than a number that is none", () => {
    for (const nothing of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(count(nothing)).toBe("–");
      expect(measure(nothing)).toBe("–");
      expect(milliseconds(nothing)).toBe("–");
      expect(bytes(nothing)).toBe("–");
      expect(share(nothing)).toBe("–");
    }
  });

  it("group whole numbers, negative ones too, and know no negative zero", () => {
    expect(plain(count(-1_234_567.4))).toBe("-1 234 567");
    expect(count(-0.4)).toBe("0");
    expect(plain(count(Number.MAX_SAFE_INTEGER))).toBe("9 007 199 254 740 991");
  });

  it("keep the order of bytes through all units", () => {
    expect([0, 1, 1000, 1.5e6, 2e9, 3e12, 4e15, 5e18].map(bytes).map(plain)).toEqual([
      "0 B",
      "1 B",
      "1 kB",
      "1.5 MB",
      "2 GB",
      "3 TB",
      "4 PB",
      "5 000 PB",
    ]);
  });
});

describe("a share", () => {
  it("reads 100 % for the whole alone", () => {
    const chance = new Chance(3);
    for (let turn = 0; turn < 2000; turn += 1) {
      const value = 1 - 10 ** -chance.whole(1, 15) * (1 + chance.next());
      if (value < 1) expect(share(value)).not.toMatch(/^100/);
    }
    expect(share(1)).toBe("100 %");
    expect(share(0)).toBe("0.0 %");
  });

  it("is told to the last digit that is shown", () => {
    for (let thousandths = 0; thousandths < 10_000; thousandths += 7) {
      const told = Number(share(thousandths / 10_000).replace(" %", ""));
      expect(Math.abs(told - thousandths / 100)).toBeLessThanOrEqual(0.0501);
    }
  });
});

describe("times at their ends", () => {
  it("are nothing where they are none", () => {
    expect(timeOfDay("soon", "utc")).toBe("–");
    expect(dayOf("", "utc")).toBe("–");
    expect(moment(null, "utc")).toBe("–");
    expect(moment("soon", "utc")).not.toContain("NaN");
  });

  it("keep the microseconds of another zone's text, and fill up those that were not written", () => {
    expect(timeOfDay("2026-01-31T23:59:59.999999+02:00", "utc", 6)).toBe("21:59:59.999999");
    expect(timeOfDay("2026-01-31T12:00:00Z", "utc", 3)).toBe("12:00:00.000");
    expect(timeOfDay(Date.parse("2026-01-31T12:00:00.120Z"), "utc", 6)).toBe("12:00:00.120000");
    expect(timeOfDay("2026-01-31T12:00:00.9Z", "utc", 3)).toBe("12:00:00.900");
  });

  it("change the day at midnight UTC, or at that of this place", () => {
    const text = "2026-12-31T23:30:00.000000Z";
    expect(dayOf(text, "utc")).toBe("2026-12-31");
    const local = new Date(text);
    expect(dayOf(text, "local")).toBe(
      `${local.getFullYear()}-${String(local.getMonth() + 1).padStart(2, "0")}-${String(local.getDate()).padStart(2, "0")}`,
    );
    expect(moment(text, "utc")).toBe("2026-12-31 23:30:00");
  });

  it("grow old without a step backwards", () => {
    expect(age(-5000)).toBe("now");
    expect(age(999)).toBe("now");
    expect(age(59_999)).toBe("59 s");
    expect(age(60_000)).toBe("1 min 0 s");
    expect(age(3_599_999)).toBe("59 min 59 s");
    expect(age(3_600_000)).toBe("1 h 0 min");
    expect(age(172_799_999)).toBe("47 h 59 min");
    expect(age(172_800_000)).toBe("2 d");
  });
});
