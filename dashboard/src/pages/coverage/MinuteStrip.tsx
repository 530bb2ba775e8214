import {
  type KeyboardEvent,
  type PointerEvent,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import { usePreferences } from "../../app/preferences.ts";
import { count, share } from "../../design/format.ts";
import { type Column, Table } from "../../panels/Table.tsx";
import styles from "./Coverage.module.css";
import { useWidth } from "./HeatMap.tsx";
import {
  bars,
  clockOf,
  type Hour,
  hours,
  MINUTES,
  minuteAt,
  moveMinute,
  type Strip,
} from "./minutes.ts";
import { ready } from "./paint.ts";
import { stateWords } from "./words.ts";

const HEIGHT = 168;
const AXIS = 20;
const SERVED = 10;
const PLOT = HEIGHT - AXIS - SERVED - 4;

/** The 1440 minutes of a day: bars of trades, below them when we listened, over them where gaps lie. */
export function MinuteStrip({ strip }: { strip: Strip }) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { theme } = usePreferences();
  const width = useWidth(frame);
  const [minute, choose] = useState(() => Math.max(0, Math.floor(strip.until) - 1));
  const id = useId();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme is read through the page
  useEffect(() => {
    if (canvas.current && width > 0) paint(canvas.current, strip, width);
  }, [strip, width, theme]);

  const hear = (event: KeyboardEvent) => {
    const to = moveMinute(minute, event.key);
    if (to === null) return;
    choose(to);
    event.preventDefault();
  };
  const under = (event: PointerEvent) => {
    const at = Math.floor((event.nativeEvent.offsetX / Math.max(1, width)) * MINUTES);
    choose(Math.max(0, Math.min(MINUTES - 1, at)));
  };
  return (
    <div>
      <div
        ref={frame}
        className={styles.strip}
        role="application"
        aria-roledescription="minutes of the day"
        aria-label="Trades in each minute of the day"
        aria-describedby={id}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it hears the arrow keys
        tabIndex={0}
        onKeyDown={hear}
        onPointerMove={under}
        data-testid="minute-strip"
      >
        <canvas ref={canvas} />
        <span
          className={styles.pointer}
          style={{ left: ((minute + 0.5) / MINUTES) * width - 1, height: PLOT + SERVED + 4 }}
        />
      </div>
      <p className={styles.said} aria-live="polite" data-testid="minute-words">
        {words(strip, minute)}
      </p>
      <p id={id} className="visually-hidden">
        Left and right arrow keys move by a minute, Page Up and Page Down by an hour.
      </p>
      <ul className="keys" aria-label="What the strip shows">
        <li>
          <i className={styles.key} style={{ background: "var(--series-1)" }} /> trades of a minute,
          at most {count(strip.largest)}
        </li>
        <li>
          <i className={styles.key} style={{ background: "var(--series-3)" }} /> we listened
        </li>
        <li>
          <i className={styles.key} style={{ background: "var(--incomplete)" }} /> gap
        </li>
      </ul>
      <AsTable strip={strip} />
    </div>
  );
}

const SERVED_WORDS = {
  whole: "we listened",
  part: "we listened for a part of it",
  none: "nobody listened",
  "to come": "still to come",
};

function words(strip: Strip, minute: number): string {
  const found = minuteAt(strip, minute);
  const gaps = found.gaps.map((gap) => `gap ${gap.gap_id}: ${stateWords(gap)}`);
  const trades = `${count(found.count)} ${found.count === 1 ? "trade" : "trades"}`;
  return [`${clockOf(minute)} UTC`, trades, SERVED_WORDS[found.served], ...gaps].join(" · ");
}

function paint(canvas: HTMLCanvasElement, strip: Strip, width: number): void {
  const pen = ready(canvas, width, HEIGHT);
  if (!pen) return;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const x = (minute: number) => (minute / MINUTES) * width;
  const drawn = bars(strip.counts, width);
  pen.fillStyle = colour("--raised");
  pen.fillRect(0, 0, width, PLOT);
  pen.fillStyle = colour("--series-1");
  drawn.forEach((each, index) => {
    const height = each === 0 ? 0 : Math.max(1.5, Math.sqrt(each / strip.largest) * (PLOT - 4));
    const from = (index / drawn.length) * width;
    pen.fillRect(from, PLOT - height, Math.max(1, width / drawn.length), height);
  });
  const below = PLOT + 4;
  pen.fillStyle = colour("--line");
  pen.fillRect(0, below, width, SERVED);
  pen.fillStyle = colour("--series-3");
  for (const band of strip.served)
    pen.fillRect(x(band.from), below, Math.max(1, x(band.to - band.from)), SERVED);
  for (const band of strip.gaps) {
    const box = { from: x(band.from), wide: Math.max(3, x(band.to - band.from)) };
    pen.fillStyle = colour("--incomplete");
    pen.globalAlpha = 0.38;
    pen.fillRect(box.from, 0, box.wide, PLOT);
    pen.globalAlpha = 1;
    pen.fillRect(box.from, 0, box.wide, 5);
  }
  axis(pen, width, colour("--muted"), style.getPropertyValue("--font"));
}

function axis(pen: CanvasRenderingContext2D, width: number, colour: string, font: string): void {
  const each = width > 700 ? 2 : width > 420 ? 4 : 6;
  pen.fillStyle = colour;
  pen.font = `11px ${font}`;
  pen.textBaseline = "alphabetic";
  for (let hour = 0; hour <= 24; hour += each) {
    pen.textAlign = hour === 0 ? "left" : hour === 24 ? "right" : "center";
    pen.fillText(clockOf(hour * 60), (hour / 24) * width, HEIGHT - 5);
  }
}

const COLUMNS: Column<Hour>[] = [
  { name: "Hour, UTC", cell: (row) => clockOf(row.hour * 60) },
  { name: "Trades", numeric: true, cell: (row) => count(row.trades) },
  { name: "Minutes without trades", numeric: true, cell: (row) => row.quiet },
  { name: "Listened", numeric: true, cell: (row) => share(row.served) },
  { name: "Gaps", numeric: true, cell: (row) => row.gaps },
];

function AsTable({ strip }: { strip: Strip }) {
  const rows = useMemo(() => hours(strip).filter((row) => row.hour * 60 < strip.until), [strip]);
  return (
    <details className="as-table">
      <summary data-testid="minute-table-open">As a table</summary>
      <Table
        caption="Trades in each hour of the day"
        testid="minute-table"
        rows={rows}
        keyOf={(row) => row.hour}
        columns={COLUMNS}
      />
    </details>
  );
}
