import { type RefObject, useEffect, useRef, useState } from "react";
import { usePreferences } from "../../app/preferences.ts";
import { type Clock, count, digitsBehind, filled, timeOfDay } from "../../design/format.ts";
import type { Line } from "../../stream/tape.ts";
import styles from "./Live.module.css";

const ROW = 24;

/** The newest trade on top; only the rows in sight exist. Scrolling down holds what is read in its place. */
export function TradeTape({ lines }: { lines: readonly Line[] }) {
  const [frame, height] = useHeight();
  const [top, setTop] = useState(0);
  const [held, setHeld] = useState<number | null>(null);
  const { clock } = usePreferences();
  const newest = lines.at(-1)?.n ?? -1;
  const oldest = lines[0]?.n ?? 0;
  const first = held === null ? newest : Math.max(held, oldest);
  const rows = Math.max(0, first - oldest + 1);
  const from = Math.max(0, Math.min(Math.floor(top / ROW), rows - 1));
  const shown = Math.min(rows - from, Math.ceil(height / ROW) + 1);
  const digits = digitsOf(lines.slice(-50));
  return (
    <div className={styles.tapeFrame}>
      <div className={styles.tapeHead} aria-hidden="true">
        <span>Time</span>
        <span>Side</span>
        <span>Price</span>
        <span>Size</span>
      </div>
      {held !== null && newest > first ? (
        <p className={styles.tapeNew}>{count(newest - first)} newer above: scroll up</p>
      ) : null}
      <section
        ref={frame}
        className={styles.tape}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        aria-label="Trades, the newest first"
        data-testid="tape"
        data-newest={newest}
        onScroll={(event) => {
          const { scrollTop } = event.currentTarget;
          setTop(scrollTop);
          setHeld(scrollTop < ROW ? null : (now) => now ?? newest);
        }}
      >
        <ol style={{ height: rows * ROW }} className={styles.tapeRows}>
          {Array.from({ length: Math.max(0, shown) }, (_, slot) => {
            const line = lines[first - from - slot - oldest];
            return line ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: a row is a place in sight, its words change
              <Row key={slot} line={line} top={(from + slot) * ROW} clock={clock} digits={digits} />
            ) : null;
          })}
        </ol>
      </section>
    </div>
  );
}

/** The height (px) of an element, as the page lays it out. */
function useHeight(): [RefObject<HTMLElement | null>, number] {
  const element = useRef<HTMLElement>(null);
  const [height, setHeight] = useState(0);
  useEffect(() => {
    if (!element.current) return undefined;
    const watch = new ResizeObserver(([entry]) => setHeight(entry?.contentRect.height ?? 0));
    watch.observe(element.current);
    return () => watch.disconnect();
  }, []);
  return [element, height];
}

interface RowProps {
  line: Line;
  top: number;
  clock: Clock;
  digits: Digits;
}

function Row({ line, top, clock, digits }: RowProps) {
  const style = { transform: `translateY(${top}px)` };
  if (line.kind === "seam") {
    return (
      <li className={styles.seam} style={style} data-testid="tape-seam">
        Not resumed: {line.reason}
      </li>
    );
  }
  const { trade } = line;
  return (
    <li
      className={styles.trade}
      style={style}
      data-side={trade.side}
      data-id={trade.id}
      data-testid="tape-trade"
    >
      <span>{timeOfDay(trade.time, clock, 3)}</span>
      <span>
        {trade.side === "buy" ? "▲ buy" : "▼ sell"}
        {trade.source === "backfill" ? " ⟲" : ""}
      </span>
      <span>{filled(trade.price, digits.price)}</span>
      <span>{filled(trade.size, digits.size)}</span>
    </li>
  );
}

interface Digits {
  price: number;
  size: number;
}

/** Rows are filled up to the most digits behind the point. */
function digitsOf(lines: readonly Line[]): Digits {
  const trades = lines.flatMap((line) => (line.kind === "seam" ? [] : [line.trade]));
  return {
    price: digitsBehind(trades.map((trade) => trade.price)),
    size: digitsBehind(trades.map((trade) => trade.size)),
  };
}
