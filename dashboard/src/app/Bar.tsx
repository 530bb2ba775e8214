import { Age } from "../panels/Panel.tsx";
import { usePanel } from "../panels/usePanel.ts";
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

function ModeChip() {
  const config = useConfig().data;
  const mode = config === null ? "unknown" : config.simulated ? "simulated" : "live";
  return (
    <span className={styles.mode} data-mode={mode} data-testid="mode-chip">
      {mode === "unknown" ? "…" : mode.toUpperCase()}
    </span>
  );
}

function ConnectionChip() {
  const config = useConfig();
  const { state, at } = usePanel(config, { staleAfterMs: 15_000 });
  const words = { fresh: "Connected", loading: "Connecting", stale: "Stale" } as Record<
    string,
    string
  >;
  return (
    <span className={styles.connection} data-state={state} data-testid="connection-chip">
      <span className={styles.dot} aria-hidden="true" />
      {words[state] ?? "Disconnected"}
      {at === null ? null : <Age at={at} />}
    </span>
  );
}
