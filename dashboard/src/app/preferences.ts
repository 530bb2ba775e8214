/** What this person likes, kept in this browser: theme, clock, the market looked at last. */
import { useSyncExternalStore } from "react";
import type { Clock } from "../design/format.ts";

export type Theme = "dark" | "light";

export interface Preferences {
  theme: Theme;
  clock: Clock;
  market: string | null;
}

const PLACE = "alphapulse.preferences";
const listeners = new Set<() => void>();
let current = read();
wear(current);

function read(): Preferences {
  const light = window.matchMedia?.("(prefers-color-scheme: light)").matches ?? false;
  const fallback: Preferences = { theme: light ? "light" : "dark", clock: "utc", market: null };
  try {
    return { ...fallback, ...JSON.parse(window.localStorage.getItem(PLACE) ?? "{}") };
  } catch {
    return fallback; // no storage, or somebody else's words in it
  }
}

function wear(preferences: Preferences): void {
  document.documentElement.dataset.theme = preferences.theme;
}

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  wear(current);
  try {
    window.localStorage.setItem(PLACE, JSON.stringify(current));
  } catch {
    // kept for this visit only
  }
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
