import { type CSSProperties, type ReactNode, useEffect, useRef } from "react";
import type { Problem } from "../api/client.ts";
import { age } from "../design/format.ts";
import { announce } from "./announce.ts";
import { Notice } from "./Notice.tsx";
import styles from "./Panel.module.css";
import { isOld, type PanelState, STATE_NAMES } from "./state.ts";
import { useNow } from "./useNow.ts";

export interface PanelProps {
  title: string;
  state: PanelState;
  /** When what is shown was got or last traded (ms). Its age ticks in the head. */
  at?: number | null;
  problem?: Problem | null;
  /** What stands where there is nothing: how to start (empty-never), how to widen (empty-range). */
  empty?: ReactNode;
  /** A word beside the state: `3 of 4 feeds`, `virtual clock 12:00:00`, `41 %`. */
  note?: ReactNode;
  /** The head keeps to one line where it can: the note gives way first. */
  brief?: boolean;
  /** When the next attempt comes (ms): counts down while disconnected. */
  retryAt?: number | null;
  /** "Reconnect now", "Try again". */
  onRetry?: (() => void) | undefined;
  /** Progress from 0 to 1 while backfilling. */
  progress?: number | null;
  actions?: ReactNode;
  /** The height of the content: the skeleton has it too, so nothing jumps. */
  height?: number;
  testid: string;
  children?: ReactNode;
}

/** The frame of everything that shows data. It never shows a last value as if it were live. */
export function Panel(props: PanelProps) {
  const { title, state, testid, height = 120 } = props;
  useSpoken(title, state);
  const old = isOld(state);
  const style = { "--height": `${height}px` } as CSSProperties;
  const hasContent = state !== "loading" && !state.startsWith("empty");
  const shown = hasContent && props.children !== undefined && (!old || props.at != null);
  return (
    <section
      className={styles.panel}
      data-testid={testid}
      data-state={state}
      aria-label={title}
      aria-busy={state === "loading"}
      style={style}
    >
      <header className={styles.head}>
        <h2>{title}</h2>
        <State state={state} at={props.at ?? null} note={props.note} brief={props.brief ?? false} />
        {props.actions ? <div className={styles.actions}>{props.actions}</div> : null}
      </header>
      <Notice {...props} />
      {state === "loading" ? (
        <div className={styles.skeleton} data-testid={`${testid}-skeleton`} />
      ) : null}
      {shown ? (
        <div className={styles.content} data-old={old}>
          {props.children}
        </div>
      ) : null}
    </section>
  );
}

interface StateProps {
  state: PanelState;
  at: number | null;
  note: ReactNode;
  brief: boolean;
}

function State({ state, at, note, brief }: StateProps) {
  return (
    <p className={styles.state} data-brief={brief}>
      {state === "fresh" ? null : <span className={styles.chip}>{STATE_NAMES[state]}</span>}
      {note ? (
        <span className={styles.note} title={brief ? String(note) : undefined}>
          {note}
        </span>
      ) : null}
      {at !== null && state !== "loading" ? <Age at={at} /> : null}
    </p>
  );
}

/** A ticking age: `12 s ago`. */
export function Age({ at }: { at: number }) {
  const now = useNow();
  return (
    <span className={styles.age} data-testid="age" title={new Date(at).toISOString()}>
      {now - at < 1500 ? "now" : `${age(now - at)} ago`}
    </span>
  );
}

function useSpoken(title: string, state: PanelState): void {
  const before = useRef(state);
  useEffect(() => {
    if (before.current !== state && before.current !== "loading") {
      announce(title, `${title}: ${STATE_NAMES[state]}`);
    }
    before.current = state;
  }, [title, state]);
}
