import { useSyncExternalStore } from "react";

/** One clock for all ages on the page: it ticks each second, whether or not anything arrives. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;
let now = Date.now();

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === null) {
    now = Date.now();
    timer = setInterval(tick, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}

/** The time of this browser in ms, renewed each second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () =>
    timer === null ? Date.now() - (Date.now() % 1000) : now,
  );
}
