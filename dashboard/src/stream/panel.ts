/** What a panel that shows a stream must say about it. Pure. */
import type { Problem } from "../api/client.ts";
import type { PanelState } from "../panels/state.ts";
import type { View } from "./feed.ts";

export interface StreamPanel {
  state: PanelState;
  note: string | null;
  at: number | null;
  retryAt: number | null;
  problem: Problem | null;
}

const VIRTUAL_MS = 300_000; // a clock of the data so far from ours is not today's

/** `silentAfter`: seconds without a trade that are unusual for this market; null: nobody knows. */
export function streamPanel(view: View, silentAfter: number | null, now: number): StreamPanel {
  const { stream } = view;
  const newest = view.bars.at(-1); // where the stream gave no backlog, the history knows of trades
  const at = view.lastAt ?? (newest ? newest.time * 1000 : null);
  const panel = { note: null, at, retryAt: stream.retryAt, problem: null };
  if (stream.phase === "waiting") return { ...panel, state: "disconnected", problem: lost(view) };
  if (stream.phase === "stale") return { ...panel, state: "stale", note: "nothing is heard" };
  if (stream.phase !== "live") {
    const state = view.lines.length > 0 ? "partial" : "loading";
    return { ...panel, state, note: "catching up" };
  }
  if (stream.upstream === "reconnecting") {
    return { ...panel, state: "stale", note: "AlphaPulse has lost its database and dials again" };
  }
  if (view.paused) return { ...panel, state: "stale", note: "paused by you" };
  if (at === null) return { ...panel, state: "empty-never" };
  const clock = virtualClock(view);
  if (clock !== null) return { ...panel, state: "replay", note: `clock of the data ${clock}` };
  if (silentAfter !== null && now - at > silentAfter * 1000) {
    return { ...panel, state: "stale", note: "unusually quiet" };
  }
  return { ...panel, state: "fresh" };
}

function lost({ stream }: View): Problem {
  const title = stream.trouble ?? "the connection was lost";
  return { title: title.charAt(0).toUpperCase() + title.slice(1), status: null, detail: "" };
}

function virtualClock({ last, stream }: View): string | null {
  if (!last || !stream.simulated) return null;
  const away = Math.abs(Date.parse(last.received) - Date.parse(last.time));
  return away > VIRTUAL_MS ? last.time.slice(0, 19).replace("T", " ") : null;
}
