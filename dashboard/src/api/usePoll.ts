import { useCallback, useMemo, useSyncExternalStore } from "react";
import { type Polled, Poller } from "./poller.ts";

/** One poller for each address and pace: all that show it share its requests and its age. */
const pollers = new Map<string, Poller<unknown>>();
const KEPT = 200;

function pollerOf<T>(url: string, everyMs: number): Poller<T> {
  const key = `${everyMs} ${url}`;
  let poller = pollers.get(key);
  if (!poller) {
    if (pollers.size >= KEPT) pollers.delete(pollers.keys().next().value ?? "");
    poller = new Poller(url, everyMs);
    pollers.set(key, poller);
  }
  return poller as Poller<T>;
}

const NOTHING: Polled<never> = { data: null, at: null, problem: null, everyMs: Infinity };

export interface Poll<T> extends Polled<T> {
  refresh: () => void;
}

/**
 * The answer at `url`, asked again every `everyMs` while the tab is visible (Infinity: once).
 * `url` null asks nothing. On trouble the last answer stays, with `problem` and its own `at`.
 */
export function usePoll<T>(url: string | null, everyMs: number): Poll<T> {
  const poller = useMemo(() => (url === null ? null : pollerOf<T>(url, everyMs)), [url, everyMs]);
  const subscribe = useCallback(
    (wake: () => void) => poller?.subscribe(wake) ?? (() => undefined),
    [poller],
  );
  const state = useSyncExternalStore(subscribe, () => poller?.state ?? NOTHING);
  const refresh = useCallback(() => void poller?.refresh(), [poller]);
  return useMemo(() => ({ ...state, refresh }), [state, refresh]);
}
