import { describe, expect, it } from "vitest";
import type { Polled } from "../../src/api/poller.ts";
import { stateOf } from "../../src/panels/state.ts";

const NOW = 1_000_000;

function polled(change: Partial<Polled<number[]>>): Polled<number[]> {
  return { data: [1], at: NOW - 1000, problem: null, everyMs: 1000, ...change };
}

function state(change: Partial<Polled<number[]>>, more = {}) {
  return stateOf(polled(change), { now: NOW, ...more }).state;
}

describe("the state of a panel", () => {
  it("is loading until there is an answer or a problem", () => {
    expect(state({ data: null, at: null })).toBe("loading");
  });

  it("is fresh while the answer is young, and stale as soon as it is not", () => {
    expect(state({})).toBe("fresh");
    expect(state({ at: NOW - 5000 })).toBe("fresh");
    expect(state({ at: NOW - 5001 })).toBe("stale");
    expect(state({ at: NOW - 40_000, everyMs: 15_000 })).toBe("fresh");
    expect(state({ at: NOW - 46_000, everyMs: 15_000 })).toBe("stale");
    expect(state({ at: 0, everyMs: Number.POSITIVE_INFINITY })).toBe("fresh");
  });

  it("is disconnected where nobody answers, an error where somebody refuses, old answer or not", () => {
    const away = { title: "away", status: null, detail: "" };
    const refused = { title: "no", status: 422, detail: "" };
    expect(state({ problem: away })).toBe("disconnected");
    expect(state({ problem: away, data: null, at: null })).toBe("disconnected");
    expect(state({ problem: refused })).toBe("error");
  });

  it("tells nothing yet from nothing in the range, and part from all", () => {
    expect(state({ data: [] }, { empty: () => "never" })).toBe("empty-never");
    expect(state({ data: [] }, { empty: () => "range" })).toBe("empty-range");
    expect(state({}, { empty: () => false, partial: () => true })).toBe("partial");
  });

  it("never calls an old answer empty or partial", () => {
    expect(state({ at: NOW - 60_000 }, { empty: () => "never", partial: () => true })).toBe(
      "stale",
    );
  });
});
