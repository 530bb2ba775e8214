import { Age } from "../panels/Panel.tsx";
import type { PanelState } from "../panels/state.ts";
import { usePanel } from "../panels/usePanel.ts";
import type { Phase } from "../stream/contract.ts";
import { useShownStream } from "../stream/current.ts";
import styles from "./Bar.module.css";
import { MarketPicker } from "./MarketPicker.tsx";
import { prefer, usePreferences } from "./preferences.ts";
import { useConfig } from "./useMarket.ts";

/** Above each page: whose data this is, whether it still comes, which market, which clock, which theme. */
export function Bar() {
  const { theme, clock } = usePreferences();
  return (
    <header className={styles.bar}>
      <span className={styles.name}>
        <img src="/icon.svg" alt="" width="24" height="24" />
        AlphaPulse
      </span>
      <ModeChip />
      <ConnectionChip />
      <div className={styles.right}>
        <MarketPicker />
        <button
          type="button"
          data-testid="clock-switch"
          onClick={() => prefer({ clock: clock === "utc" ? "local" : "utc" })}
          title="Switch between UTC and local time"
        >
          <span className="visually-hidden">Times are shown in </span>
          {clock === "utc" ? "UTC" : "Local"}
        </button>
        <button
          type="button"
          data-testid="theme-switch"
          aria-label={theme === "dark" ? "Change to the light theme" : "Change to the dark theme"}
          onClick={() => prefer({ theme: theme === "dark" ? "light" : "dark" })}
        >
          <span aria-hidden="true">{theme === "dark" ? "☾" : "☀"}</span>
        </button>
      </div>
    </header>
  );
}

/** Whose data this is. It says LIVE only while something still comes. */
function ModeChip() {
  const config = useConfig().data;
  const { state } = useConnection();
  const mode = config === null ? "unknown" : config.simulated ? "simulated" : "live";
  const isComing = state === "fresh" || state === "partial";
  return (
    <span
      className={styles.mode}
      data-mode={mode === "live" && !isComing ? "offline" : mode}
      data-testid="mode-chip"
    >
      {mode === "unknown" ? "…" : mode === "live" && !isComing ? "NOT LIVE" : mode.toUpperCase()}
    </span>
  );
}

const STREAM_WORDS: Record<Phase, string> = {
  idle: "Stream off",
  connecting: "Connecting to the stream",
  "catching-up": "Catching up",
  live: "Streaming",
  stale: "Stream silent",
  waiting: "Stream lost",
};

const STREAM_STATES: Record<Phase, PanelState> = {
  idle: "loading",
  connecting: "loading",
  "catching-up": "partial",
  live: "fresh",
  stale: "stale",
  waiting: "disconnected",
};

interface Connection {
  state: PanelState;
  words: string;
  at: number | null;
}

/** The API, and where a stream is shown, the stream: the worse of the two. */
function useConnection(): Connection {
  const api = usePanel(useConfig(), { staleAfterMs: 15_000 });
  const stream = useShownStream();
  if (stream === null || (api.state !== "fresh" && api.state !== "loading")) {
    return { state: api.state, words: apiWords(api.state), at: api.at };
  }
  const { phase, heardAt } = stream;
  return { state: STREAM_STATES[phase], words: STREAM_WORDS[phase], at: heardAt };
}

function ConnectionChip() {
  const { state, words, at } = useConnection();
  return (
    <span className={styles.connection} data-state={state} data-testid="connection-chip">
      <span className={styles.dot} aria-hidden="true" />
      <span className={styles.words}>{words}</span>
      {at === null ? null : <Age at={at} />}
    </span>
  );
}

function apiWords(state: PanelState): string {
  if (state === "fresh") return "Connected";
  if (state === "loading") return "Connecting";
  return state === "stale" ? "No news" : "Disconnected";
}
