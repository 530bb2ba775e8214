// @vitest-environment happy-dom
import { act, fireEvent } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BackfillRow } from "../../src/pages/coverage/order.ts";
import type { Plan } from "../../src/pages/coverage/words.ts";
import { at } from "../stage/answers.ts";
import {
  byId,
  isThere,
  open,
  press,
  type Stage,
  setStage,
  strikeStage,
  textOf,
} from "../stage/page.tsx";
import { pageOf } from "../stage/pages.ts";

const POST = "POST /v1/backfills";
const TOKEN = "a-token-of-sixteen";
const PLAN: Plan = {
  expected: 952,
  stored: 865,
  absent: 3,
  missing: 84,
  requests: 4,
  seconds: 75.4,
  eta_seconds: 75.4,
  doubts: [],
};

let stage: Stage;
beforeEach(() => {
  stage = setStage();
  stage.api.instead.set(POST, ({ body, headers }) => {
    if (headers.get("authorization") !== `Bearer ${TOKEN}`) return refusal(401, "token");
    const { dry_run } = body as { dry_run: boolean };
    return dry_run
      ? Response.json({ plan: PLAN })
      : Response.json({ backfill: {} }, { status: 202 });
  });
});
afterEach(strikeStage);

function refusal(status: number, word: string, more: object = {}): Response {
  const facts = {
    title: `refused: ${word}`,
    status,
    detail: `because of ${word}`,
    hint: "mend it",
  };
  return Response.json({ ...facts, request_id: "r-9", ...more }, { status });
}

async function show(): Promise<void> {
  const page = pageOf("coverage-day");
  await open(stage, page.address, page.load);
}

async function give(token: string): Promise<void> {
  await press("backfill-plan");
  const field = byId("backfill-token") as HTMLInputElement;
  expect(field.type).toBe("password");
  expect(field.autocomplete).toBe("off");
  fireEvent.change(field, { target: { value: token } });
  await act(async () => void fireEvent.submit(field.form as HTMLFormElement));
  await stage.pass(50);
}

function orders(): unknown[] {
  return stage.api.asked.filter((each) => each.method === "POST").map((each) => each.body);
}

function row(change: Partial<BackfillRow>): BackfillRow {
  return {
    backfill_id: 5,
    market: "kraken/BTC_USD",
    gap_id: null,
    start: "2026-11-21T00:00:00.000000Z",
    end: "2026-11-22T00:00:00.000000Z",
    state: "running",
    requests: 2,
    trades: 2000,
    new_trades: 84,
    absent: 3,
    reached: null,
    note: null,
    started: at(0),
    touched: at(0),
    ended: null,
    ...change,
  };
}

const WISH = { market: "kraken/BTC_USD", start: "2026-11-21", end: "2026-11-22" };

describe("a backfill of a day", () => {
  it("asks for the token, shows the plan, and begins nothing before the second press", async () => {
    await show();
    expect(textOf("backfill-plan")).toBe("Plan a backfill of this day");
    await give(` ${TOKEN} `);
    expect(orders()).toEqual([{ ...WISH, dry_run: true }]);
    expect(textOf("backfill-words")).toContain(
      "There ought to be 952 trades: 865 are stored, 3 are known to be absent at the exchange, 84 are to ask for.",
    );
    expect(textOf("backfill-words")).toContain(
      "4 requests at the exchange's own rate: about 1 min 15 s.",
    );
    await press("backfill-start");
    await stage.pass(50);
    expect(orders()).toEqual([
      { ...WISH, dry_run: true },
      { ...WISH, dry_run: false },
    ]);
    expect(textOf("backfill-begun")).toContain("you may leave this page");
    expect(isThere("backfill-start")).toBe(false);
  });

  it("keeps the token out of the address and of everything the browser stores", async () => {
    await show();
    await give(TOKEN);
    const kept = JSON.stringify([window.localStorage, window.sessionStorage, document.cookie]);
    expect(kept).not.toContain(TOKEN);
    expect(window.location.href).not.toContain(TOKEN);
    expect(stage.api.asked.every((each) => !each.url.href.includes(TOKEN))).toBe(true);
    expect(document.body.innerHTML).not.toContain(TOKEN);
  });

  it("does not ask for it twice, but again where it was wrong", async () => {
    await show();
    await give("wrong");
    expect(textOf("backfill-problem")).toContain(
      "refused: token (401)Because of token. Mend it. Request r-9.",
    );
    expect(byId("backfill-problem").getAttribute("role")).toBe("alert");
    await give(TOKEN);
    expect(isThere("backfill-problem")).toBe(false);
    await press("backfill-plan");
    await stage.pass(50);
    expect(isThere("backfill-token")).toBe(false);
    expect(orders()).toHaveLength(3);
  });

  it("sends nothing where nothing was given", async () => {
    await show();
    await give("   ");
    expect(orders()).toEqual([]);
    expect(isThere("backfill-token")).toBe(true);
  });

  it.each([
    [409, "a backfill is under way"],
    [422, "kraken will not serve it"],
    [429, "4 backfills are under way"],
    [504, "no plan within 60 s"],
  ])("tells a refusal with %i in the API's words, and keeps the token", async (status, word) => {
    await show();
    await give(TOKEN);
    stage.api.instead.set(POST, () => refusal(status, word));
    await press("backfill-start");
    await stage.pass(50);
    expect(textOf("backfill-problem")).toContain(`Because of ${word}. Mend it.`);
    expect(isThere("backfill-words")).toBe(false);
    await press("backfill-plan");
    await stage.pass(50);
    expect(isThere("backfill-token")).toBe(false);
  });

  it("says so where the API is away when it is to begin, and has begun nothing", async () => {
    await show();
    await give(TOKEN);
    stage.api.mood = "is away";
    await press("backfill-start");
    await stage.pass(50);
    expect(textOf("backfill-problem")).toContain("The API does not answer");
    expect(isThere("backfill-begun")).toBe(false);
  });

  it("cannot be pressed twice while the exchange is asked", async () => {
    await show();
    await give(TOKEN);
    stage.api.mood = "waits";
    await press("backfill-plan");
    expect(textOf("backfill-plan")).toBe("Asking the exchange…");
    expect((byId("backfill-plan") as HTMLButtonElement).disabled).toBe(true);
    await press("backfill-plan");
    expect(orders()).toHaveLength(2);
  });

  it("offers nothing to begin where nothing is missing", async () => {
    stage.api.instead.set(POST, () =>
      Response.json({ plan: { ...PLAN, missing: 0, requests: 0, stored: 952 } }),
    );
    await show();
    await give(TOKEN);
    expect(textOf("backfill-words")).toContain("Nothing is left to ask for.");
    expect(isThere("backfill-start")).toBe(false);
  });

  it("follows what it has begun: how far it is, that it is done", async () => {
    await show();
    await give(TOKEN);
    await press("backfill-start");
    stage.api.tell("/v1/backfills", { backfills: [row({})] });
    await stage.pass(2100);
    expect(byId("backfill").dataset.state).toBe("backfilling");
    expect(byId("backfill").querySelector("progress")?.getAttribute("value")).toBe("0.5");
    stage.api.tell("/v1/backfills", { backfills: [row({ state: "done", requests: 4 })] });
    await stage.pass(2100);
    expect(byId("backfill").dataset.state).toBe("fresh");
    expect(byId("backfill").querySelector("progress")).toBeNull();
    expect(textOf("backfill-row")).toContain("Backfill 5 is done: 4 requests, 2 000 trades read");
    expect(textOf("backfill-row")).toContain("3 absent at the exchange");
    expect(isThere("backfill-begun")).toBe(false);
  });

  it("tells why one ended early, from the row and from what the API has heard of it", async () => {
    stage.api.tell("/v1/backfills", {
      backfills: [row({ state: "interrupted", note: "Its process was stopped." })],
      asked: [
        {
          market: "kraken/BTC_USD",
          start: row({}).start,
          end: row({}).end,
          state: "ended",
          words: "kraken answers 520",
          begun: at(-60),
        },
      ],
    });
    await show();
    expect(textOf("backfill-failure")).toContain("ended early. Kraken answers 520.");
    expect(textOf("backfill-row")).toContain("planning it again goes on where it ended");
    expect(textOf("backfill-row")).toContain("Its process was stopped.");
  });

  it("is not offered where this API takes no orders, which has words for a terminal instead", async () => {
    stage.api.tell("/v1/config", { writable: false });
    await show();
    expect(textOf("backfill-closed")).toContain(
      "alphapulse backfill --market kraken/BTC_USD --from 2026-11-21 --to 2026-11-22",
    );
    expect(isThere("backfill-plan")).toBe(false);
  });
});
