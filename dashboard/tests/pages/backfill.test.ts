import { afterEach, describe, expect, it, vi } from "vitest";
import type { CoverageCell } from "../../src/api/answers.ts";
import { Refused } from "../../src/api/client.ts";
import {
  type BackfillRow,
  type Begun,
  begin,
  failureOf,
  plan,
  progressOf,
  rowOf,
  wishOf,
} from "../../src/pages/coverage/order.ts";
import { causeWords, isNeeded, planWords, verdictWords } from "../../src/pages/coverage/words.ts";

/** What the API answered of a simulated day of Kraken; requests and seconds are larger here. */
const PLAN = {
  market: "kraken/BTC_USD",
  from: "2026-11-28",
  to: "2026-11-29",
  first_id: 50851103,
  last_id: 50852054,
  expected: 952,
  stored: 865,
  absent: 0,
  missing: 87,
  stretches: 1,
  requests: 3,
  seconds: 75.4,
  planning_requests: 3,
  resumes: false,
  doubts: [
    "ids that the exchange itself lacks count as expected until a walk has crossed them",
    "its pages overlap where trades share an instant: a few requests more",
  ],
  eta_seconds: 75.4,
};

const WISH = wishOf("kraken/BTC_USD", "2026-11-30");

function row(change: Partial<BackfillRow> = {}): BackfillRow {
  const time = "2026-12-01T10:00:00.000000Z";
  return {
    backfill_id: 1,
    market: "kraken/BTC_USD",
    gap_id: null,
    start: "2026-11-30T00:00:00.000000Z",
    end: "2026-12-01T00:00:00.000000Z",
    state: "running",
    requests: 1,
    trades: 1000,
    new_trades: 1000,
    absent: 0,
    reached: null,
    note: null,
    started: time,
    touched: time,
    ended: null,
    ...change,
  };
}

describe("the plan in words", () => {
  it("says rows, requests and how long it takes", () => {
    const [rows, requests] = planWords(PLAN);
    expect(rows).toContain("865 are stored");
    expect(rows).toContain("87 are to ask for");
    expect(requests).toBe("3 requests at the exchange's own rate: about 1 min 15 s.");
    expect(isNeeded(PLAN)).toBe(true);
  });

  it("does not make up what nobody knows", () => {
    const words = planWords({
      ...PLAN,
      missing: null,
      requests: null,
      seconds: null,
      eta_seconds: null,
      doubts: ["the first id"],
    });
    expect(words.join(" ")).toContain("how long it takes is unknown");
    expect(words.at(-1)).toBe("The first id.");
  });

  it("offers nothing to start where nothing is left", () => {
    const whole = { ...PLAN, missing: 0, requests: 0, stored: 952, doubts: [] };
    expect(isNeeded(whole)).toBe(false);
    expect(planWords(whole).at(-1)).toBe("Nothing is left to ask for.");
    expect(planWords({ expected: 0, requests: 0 })).toEqual([
      "Nothing was traded then, as far as the exchange shows.",
    ]);
  });

  it("takes the day to its end, over the end of a month", () => {
    expect(WISH).toEqual({ market: "kraken/BTC_USD", start: "2026-11-30", end: "2026-12-01" });
  });
});

describe("the order", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("asks for a plan first, with the token as a bearer, and begins only when told to", async () => {
    const asked: { url: string; body: unknown; token: string | null }[] = [];
    vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
      const token = new Headers(init.headers).get("authorization");
      asked.push({ url, body: JSON.parse(String(init.body)), token });
      return new Response(JSON.stringify({ plan: PLAN }), { status: 200 });
    });
    expect(await plan(WISH, "secret")).toEqual(PLAN);
    await begin(WISH, "secret");
    expect(asked).toEqual([
      { url: "/v1/backfills", body: { ...WISH, dry_run: true }, token: "Bearer secret" },
      { url: "/v1/backfills", body: { ...WISH, dry_run: false }, token: "Bearer secret" },
    ]);
  });

  it("hands on a refusal in the API's own words", async () => {
    const problem = {
      title: "no token, or a wrong one",
      status: 401,
      detail: "…",
      hint: "send it",
      request_id: "r1",
    };
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify(problem), { status: 401 }));
    await expect(plan(WISH, "wrong")).rejects.toMatchObject({ problem });
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("Failed to fetch");
    });
    await expect(plan(WISH, "any")).rejects.toBeInstanceOf(Refused);
  });

  it("finds its own row among all backfills, the newest one", () => {
    const rows = [
      row({ backfill_id: 3, state: "done" }),
      row({ backfill_id: 5, state: "running" }),
      row({ backfill_id: 9, market: "kraken/ETH_USD" }),
      row({ backfill_id: 8, start: "2026-11-29T00:00:00.000000Z" }),
    ];
    expect(rowOf(rows, WISH)?.backfill_id).toBe(5);
    expect(rowOf([], WISH)).toBeNull();
  });

  it("says why its newest attempt ended early, in the command's own words", () => {
    const begun = (state: Begun["state"], at: string, words: string): Begun => {
      const { market, start, end } = row();
      return { market, start, end, state, words, begun: `2026-12-01T${at}.000000Z` };
    };
    const refused = begun("ended", "10:00:00", "kraken will not serve it");
    expect(failureOf([refused], WISH)).toBe("kraken will not serve it");
    expect(failureOf([refused, begun("running", "11:00:00", "")], WISH)).toBeNull();
    expect(failureOf([{ ...refused, market: "kraken/ETH_USD" }], WISH)).toBeNull();
  });

  it("is never said to be done before it is", () => {
    expect(progressOf(row({ requests: 1 }), PLAN)).toBeCloseTo(1 / 3);
    expect(progressOf(row({ requests: 40 }), PLAN)).toBe(0.99);
    expect(progressOf(row({ state: "done" }), null)).toBe(1);
    expect(progressOf(row(), null)).toBeNull();
  });
});

describe("words for people", () => {
  it("tells verdicts with their numbers", () => {
    const cell = { verdict: "incomplete", expected: 1234, missing: 34 } as CoverageCell;
    expect(verdictWords(cell)).toBe("34 of 1\u202f234 trades are missing.");
    expect(verdictWords({ ...cell, missing: 0 })).toContain("not proved");
    expect(verdictWords({ ...cell, verdict: "complete" })).toBe(
      "All 1\u202f234 trades of the day are stored.",
    );
    expect(verdictWords({ ...cell, verdict: "unknown", observed: 0.25 })).toContain("25.0 %");
  });

  it("leaves a cause that it does not know as it came", () => {
    expect(causeWords("disconnect")).toBe("Our connection was lost or fell silent");
    expect(causeWords("solar flare")).toBe("solar flare");
  });
});
