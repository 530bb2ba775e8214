/** Asking the API for a backfill: a plan first, then the same again to begin it. */
import type { BackfillRow, Day, Settled, Time, Backfills as Told } from "../../api/answers.ts";
import { type Problem, problemOf, Refused } from "../../api/client.ts";
import type { BackfillOrder, BackfillPlan } from "../../api/described.ts";
import { DAY_MS, dayAt } from "./map.ts";
import type { Plan } from "./words.ts";

export type { BackfillRow } from "../../api/answers.ts";

export type Wish = Required<Omit<BackfillOrder, "dry_run">>;

/** What the API itself has begun: it may end before anything of it stands in the database. */
export type Begun = {
  market: string;
  start: Time;
  end: Time;
  state: "running" | "done" | "ended";
  words: string;
  begun: Time;
};

export type Backfills = Settled<Told, { asked: Begun[] }>;

export function wishOf(market: string, day: Day): Wish {
  return { market, start: day, end: dayAt(Date.parse(day) + DAY_MS) };
}

/** Where an order stands. The token is not part of it: it is kept apart, in memory only. */
export type Order =
  | { step: "none" }
  | { step: "planning" }
  | { step: "planned"; plan: Plan }
  | { step: "starting"; plan: Plan }
  | { step: "started"; plan: Plan }
  | { step: "refused"; problem: Problem };

/** Raises Refused. A plan costs the exchange a few requests: it may take a while. */
export async function plan(wish: Wish, token: string): Promise<Plan> {
  const answer = await post({ ...wish, dry_run: true }, token);
  return (answer as Settled<BackfillPlan, { plan: Plan }>).plan;
}

/** Raises Refused. */
export async function begin(wish: Wish, token: string): Promise<void> {
  await post({ ...wish, dry_run: false }, token);
}

const PATIENCE_MS = 120_000;

async function post(body: BackfillOrder, token: string): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch("/v1/backfills", {
      method: "POST",
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch (error) {
    throw new Refused({
      title: "The API does not answer",
      status: null,
      detail: error instanceof Error ? error.message : String(error),
      hint: "Is AlphaPulse running? `alphapulse status` tells.",
    });
  }
  if (!answer.ok) throw new Refused(await problemOf(answer));
  return answer.json();
}

/** The newest backfill of just this market and time; null: there is none yet. */
export function rowOf(rows: readonly BackfillRow[], wish: Wish): BackfillRow | null {
  const own = rows.filter((row) => row.market === wish.market && isSame(row, wish));
  return own.sort((a, b) => b.backfill_id - a.backfill_id)[0] ?? null;
}

/** Why the newest order of just this market and time ended without being done; null: it did not. */
export function failureOf(asked: readonly Begun[], wish: Wish): string | null {
  const own = asked.filter((each) => each.market === wish.market && isSame(each, wish));
  const [newest] = own.sort((a, b) => Date.parse(b.begun) - Date.parse(a.begun));
  return newest?.state === "ended" ? newest.words || "it ended without a word" : null;
}

function isSame(row: { start: Time; end: Time }, wish: Wish): boolean {
  return (
    Date.parse(row.start) === Date.parse(wish.start) && Date.parse(row.end) === Date.parse(wish.end)
  );
}

/** From 0 to 1; null: nobody can tell. */
export function progressOf(row: BackfillRow | null, planned: Plan | null): number | null {
  if (!row) return null;
  if (row.state === "done") return 1;
  const requests = planned?.requests;
  return requests ? Math.min(0.99, row.requests / requests) : null;
}
