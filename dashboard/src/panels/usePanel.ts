import type { Problem } from "../api/client.ts";
import type { Poll } from "../api/usePoll.ts";
import { type Facts, type PanelState, stateOf } from "./state.ts";
import { useNow } from "./useNow.ts";

export interface PanelOfPoll {
  state: PanelState;
  at: number | null;
  problem: Problem | null;
  onRetry: () => void;
}

/** What to hand to a `Panel` that shows `poll`: `<Panel title=… testid=… {...usePanel(poll)}>`. */
export function usePanel<T>(poll: Poll<T>, facts: Omit<Facts<T>, "now"> = {}): PanelOfPoll {
  const now = useNow();
  return { ...stateOf(poll, { ...facts, now }), onRetry: poll.refresh };
}
