/** What verdicts, gaps and plans are called among people. Pure. */
import type { CoverageCell, GapRow, GapState } from "../../api/answers.ts";
import { age, count, share } from "../../design/format.ts";

const CAUSES: Record<string, string> = {
  disconnect: "Our connection was lost or fell silent",
  restart: "Our collector was started again",
  "exchange cut": "The exchange closed the connection",
  "sequence hole": "Ids jumped while we listened",
  heartbeat: "The exchange spoke of a trade that did not come",
  history: "History that somebody asked for",
  unknown: "Not known",
};

const STATES: Record<GapState, string> = {
  suspected: "Open, waits for its repair",
  repairing: "Being repaired",
  repaired: "Repaired",
  absent: "Absent: the exchange has no such trades either",
  unrecoverable: "Lost: the exchange gives them no more",
};

export function causeWords(cause: string): string {
  return CAUSES[cause] ?? cause;
}

export function stateWords(gap: GapRow): string {
  const words: string = STATES[gap.state] ?? gap.state;
  if (gap.filled > 0) return `${words}, ${count(gap.filled)} trades filled in`;
  return words;
}

export function isOpen(gap: GapRow): boolean {
  return gap.state === "suspected" || gap.state === "repairing";
}

/** How many ids may be missing between its edges; null where nobody can count them. */
export function widthOf(gap: GapRow): bigint | null {
  if (gap.before_id === null) return null;
  try {
    return BigInt(gap.before_id) - BigInt(gap.after_id) - 1n;
  } catch {
    return null;
  }
}

/** The verdict of a day in a sentence with its numbers. */
export function verdictWords(cell: CoverageCell): string {
  const expected = count(cell.expected);
  switch (cell.verdict) {
    case "complete":
      return `All ${expected} trades of the day are stored.`;
    case "complete with absences":
      return `All trades of the day are stored; ${count(cell.absent)} of its ${expected} ids are absent at the exchange itself.`;
    case "incomplete":
      return cell.missing
        ? `${count(cell.missing)} of ${expected} trades are missing.`
        : "Nothing is known to be missing, but the day is not proved whole yet.";
    case "unknown":
      return `The ids of this market are not consecutive: nobody can count what is missing. We listened for ${share(cell.observed)} of the day.`;
  }
}

/** What POST /v1/backfills says that it would take; all of it may be unknown. */
export type Plan = {
  expected?: number | null;
  stored?: number | null;
  absent?: number | null;
  missing?: number | null;
  stretches?: number;
  requests?: number | null;
  seconds?: number | null;
  eta_seconds?: number | null;
  planning_requests?: number;
  resumes?: boolean;
  doubts?: string[];
};

/** Whether there is anything to start. */
export function isNeeded(plan: Plan): boolean {
  return plan.requests !== 0;
}

export function planWords(plan: Plan): string[] {
  const lines: string[] = [];
  if (plan.expected === 0) return ["Nothing was traded then, as far as the exchange shows."];
  if (plan.resumes) lines.push("It goes on where an earlier backfill ended.");
  lines.push(`${oughtWords(plan.expected)}: ${count(plan.stored)} are stored, ${restWords(plan)}.`);
  if (!isNeeded(plan)) return [...lines, "Nothing is left to ask for."];
  const seconds = plan.eta_seconds ?? plan.seconds ?? null;
  const time = seconds === null ? "how long it takes is unknown" : `about ${eta(seconds)}`;
  lines.push(`${requestWords(plan.requests)} at the exchange's own rate: ${time}.`);
  for (const doubt of plan.doubts ?? []) lines.push(sentences(doubt));
  return lines;
}

function oughtWords(expected: number | null | undefined): string {
  return expected == null
    ? "How many trades there ought to be is unknown"
    : `There ought to be ${count(expected)} trades`;
}

function restWords({ absent, missing }: Plan): string {
  const rest = missing == null ? "the others are to ask for" : `${count(missing)} are to ask for`;
  return absent ? `${count(absent)} are known to be absent at the exchange, ${rest}` : rest;
}

function requestWords(requests: number | null | undefined): string {
  if (requests == null) return "An unknown number of requests";
  return `${count(requests)} ${requests === 1 ? "request" : "requests"}`;
}

function eta(seconds: number): string {
  return seconds < 1 ? "1 s" : age(seconds * 1000);
}

/** Each with a capital and a full stop, whatever way it was written. */
export function sentences(...texts: (string | undefined)[]): string {
  return texts
    .flatMap((text) => (text ? [text.trim()] : []))
    .map((text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : "."))
    .join(" ");
}
