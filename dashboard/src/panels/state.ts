/** The one list of states that anything on a screen can be in, and how an answer leads to one. Pure. */
import type { Problem } from "../api/client.ts";
import type { Polled } from "../api/poller.ts";

export const PANEL_STATES = [
  "loading",
  "empty-never",
  "empty-range",
  "fresh",
  "stale",
  "partial",
  "disconnected",
  "error",
  "replay",
  "backfilling",
] as const;

export type PanelState = (typeof PANEL_STATES)[number];

/** What a state is called, for chips and screen readers. */
export const STATE_NAMES: Record<PanelState, string> = {
  loading: "Loading",
  "empty-never": "Nothing yet",
  "empty-range": "Nothing in this range",
  fresh: "Fresh",
  stale: "Stale",
  partial: "Partial",
  disconnected: "Disconnected",
  error: "Error",
  replay: "Replay",
  backfilling: "Backfilling",
};

/** In these states what is shown is old, and must look old. */
export function isOld(state: PanelState): boolean {
  return state === "stale" || state === "disconnected" || state === "error";
}

export interface Facts<T> {
  now: number;
  /** How old an answer may be and still count as fresh; three paces, at least 5 s, if not said. */
  staleAfterMs?: number;
  /** Whether there is nothing to show, and if there never was. */
  empty?: (data: T) => "never" | "range" | false;
  /** Whether only part of it is there. */
  partial?: (data: T) => boolean;
}

export interface Verdict {
  state: PanelState;
  at: number | null;
  problem: Problem | null;
}

/** What a panel that shows `polled` must say about it. */
export function stateOf<T>(polled: Polled<T>, facts: Facts<T>): Verdict {
  const { data, at, problem } = polled;
  return { state: nameState(data, polled, facts), at, problem };
}

function nameState<T>(data: T | null, polled: Polled<T>, facts: Facts<T>): PanelState {
  const { problem, at, everyMs } = polled;
  if (problem) return problem.status === null ? "disconnected" : "error";
  if (data === null || at === null) return "loading";
  const patience = facts.staleAfterMs ?? Math.max(5000, 3 * everyMs);
  if (facts.now - at > patience) return "stale";
  const empty = facts.empty?.(data);
  if (empty) return empty === "never" ? "empty-never" : "empty-range";
  return facts.partial?.(data) ? "partial" : "fresh";
}
