/** The stream that is shown now, if there is one: the bar above each page tells how it goes. */
import { useSyncExternalStore } from "react";
import type { Phase } from "./contract.ts";

export interface Shown {
  phase: Phase;
  heardAt: number | null;
}

let shown: Shown | null = null;
const listeners = new Set<() => void>();

export function showStream(next: Shown | null): void {
  shown = next;
  for (const listener of listeners) listener();
}

export function useShownStream(): Shown | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
  );
}
