import type { ReactNode } from "react";
import { NOTHING } from "../design/format.ts";
import { Age } from "./Panel.tsx";
import { isOld, type PanelState, STATE_NAMES } from "./state.ts";
import styles from "./Tile.module.css";

export interface TileProps {
  name: string;
  value: ReactNode;
  /** A few words under the value: unit, range, what it is compared with. */
  note?: ReactNode;
  state: PanelState;
  at?: number | null;
  tone?: "plain" | "good" | "warn" | "bad";
  testid: string;
}

/** One number. While it is not fresh it is dimmed and its age stands below it. */
export function Tile({ name, value, note, state, at = null, tone = "plain", testid }: TileProps) {
  const old = isOld(state);
  return (
    <div className={styles.tile} data-testid={testid} data-state={state} data-tone={tone}>
      <dt>{name}</dt>
      <dd className={styles.value} data-old={old}>
        {state === "loading" ? <span className={styles.skeleton} /> : null}
        {state === "loading" ? null : old && at === null ? NOTHING : value}
      </dd>
      <dd className={styles.note}>
        {state === "loading" ? null : old ? (
          <span className={styles.old}>
            {state === "disconnected" ? "Lost" : STATE_NAMES[state]}{" "}
            {at === null ? null : <Age at={at} />}
          </span>
        ) : (
          note
        )}
      </dd>
    </div>
  );
}

export interface TilesProps {
  label: string;
  /** Whether they stand in a panel. */
  within?: boolean;
  children: ReactNode;
}

export function Tiles({ label, within = false, children }: TilesProps) {
  return (
    <dl className={styles.tiles} data-within={within} aria-label={label}>
      {children}
    </dl>
  );
}
