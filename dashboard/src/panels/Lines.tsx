import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { usePreferences } from "../app/preferences.ts";
import { type Clock, measure, moment } from "../design/format.ts";
import { decades, fromZero, lonely, marks, tick, WHOLE } from "./axes.ts";
import styles from "./Lines.module.css";

export interface Line {
  name: string;
  /** One value for each time; null where nothing is known: the line is broken there. */
  values: readonly (number | null)[];
  /** A CSS variable of tokens.css; the series colours in turn, if not said. */
  colour?: string;
  dashed?: boolean;
}

export interface LinesProps {
  /** What the chart shows, in a sentence; read out. */
  label: string;
  /** RFC 3339. */
  times: readonly string[];
  lines: readonly Line[];
  /** px */
  height: number;
  unit: string;
  /** Logarithmic, for latencies. */
  log?: boolean;
  /** Things that are counted: no mark stands between two whole numbers. */
  whole?: boolean;
  testid: string;
}

/** px below the drawing: what its lines are called, and the fold with the table. */
export const LINES_WORDS = 56;

const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 2], [12, 4]];
const DENSE = 200; // points from which on dashes are only noise

/** Lines over time, drawn on a canvas; the same numbers stand in a table for those who do not see it. */
export function Lines(props: LinesProps) {
  const { label, times, lines, height, unit, testid } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const { theme, clock } = usePreferences();
  const names = lines.map((line) => `${line.name}:${line.colour ?? ""}`).join("|");
  const data = useMemo(() => columns(times, lines), [times, lines]);
  const newest = useRef({ data, lines });
  newest.current = { data, lines };
  const [hovered, setHovered] = useState<number | null>(null);
  const { log = false, whole = false } = props;
  const dense = times.length > DENSE;

  // biome-ignore lint/correctness/useExhaustiveDependencies: names and theme are read through the page
  useEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    const options = optionsOf(host, newest.current.lines, {
      height,
      log,
      whole,
      clock,
      dense,
      hover: setHovered,
    });
    const drawn = new uPlot(options, newest.current.data, host);
    chart.current = drawn;
    const watch = new ResizeObserver(() => drawn.setSize({ width: host.clientWidth, height }));
    watch.observe(host);
    return () => {
      watch.disconnect();
      drawn.destroy();
      chart.current = null;
    };
  }, [names, height, log, whole, clock, theme, dense]);

  useEffect(() => chart.current?.setData(data), [data]);

  return (
    <figure className={styles.figure} data-testid={testid}>
      <div ref={place} role="img" aria-label={label} style={{ height }} className={styles.place} />
      <Legend lines={lines} unit={unit} dense={dense} time={times[hovered ?? -1]} at={hovered} />
      <AsTable {...props} />
    </figure>
  );
}

interface LegendProps {
  lines: readonly Line[];
  unit: string;
  dense: boolean;
  /** The moment under the pointer; none: the newest. */
  time: string | undefined;
  at: number | null;
}

function Legend({ lines, unit, dense, time, at }: LegendProps) {
  const { clock } = usePreferences();
  const now = at === null || time === undefined;
  return (
    <ul className={styles.legend}>
      {lines.map((line, index) => (
        <li key={line.name}>
          <svg width="22" height="8" aria-hidden="true">
            <line
              x1="0"
              x2="22"
              y1="4"
              y2="4"
              stroke={`var(${colourOf(line, index)})`}
              strokeWidth="2.5"
              strokeDasharray={dense ? undefined : DASHES[index % DASHES.length]?.join(" ")}
            />
          </svg>
          {line.name} <span className="number">{measure(line.values.at(now ? -1 : at))}</span>{" "}
          {unit}
        </li>
      ))}
      {now ? null : <li className="number">{moment(time, clock)}</li>}
    </ul>
  );
}

/** The newest points as a table, made only when it is opened. */
function AsTable({ label, times, lines, unit }: LinesProps) {
  const [open, setOpen] = useState(false);
  const { clock } = usePreferences();
  const from = Math.max(0, times.length - 60);
  return (
    <details className="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <section className={styles.scroll} tabIndex={0} aria-label={label}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {lines.map((line) => (
                  <th key={line.name} scope="col">
                    {line.name}, {unit}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.slice(from).map((time, index) => (
                <tr key={time}>
                  <th scope="row">{moment(time, clock)}</th>
                  {lines.map((line) => (
                    <td key={line.name}>{measure(line.values[from + index])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ) : null}
    </details>
  );
}

function columns(times: readonly string[], lines: readonly Line[]): uPlot.AlignedData {
  const seconds = times.map((time) => Date.parse(time) / 1000);
  return [seconds, ...lines.map((line) => [...line.values])];
}

function colourOf(line: Line, index: number): string {
  return line.colour ?? `--series-${(index % 6) + 1}`;
}

interface Look {
  height: number;
  log: boolean;
  whole: boolean;
  clock: Clock;
  dense: boolean;
  hover: (at: number | null) => void;
}

const few = ({ scales: { y } }: uPlot, splits: number[]) => decades(splits, y?.min, y?.max);
const alone = (chart: uPlot, line: number) => lonely(chart.data[line] ?? []);

function optionsOf(host: HTMLElement, lines: readonly Line[], look: Look): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.getPropertyValue("--font")}`,
  };
  const options: uPlot.Options = {
    width: Math.max(120, host.clientWidth),
    height: look.height,
    legend: { show: false },
    padding: [8, 20, 0, 0],
    cursor: { y: false, points: { size: 7 } },
    hooks: { setCursor: [(chart) => look.hover(chart.cursor.idx ?? null)] },
    scales: {
      x: { time: true },
      y: look.log ? { distr: 3, log: 10 } : { range: (_chart, _low, high) => fromZero(high) },
    },
    axes: [
      {
        ...axis,
        space: 64,
        gap: 8,
        size: (_chart, words) => (words?.some((each) => each.includes("\n")) ? 42 : 28),
        values: (_chart, splits) => marks(splits, look.clock, Date.now()),
      },
      {
        ...axis,
        size: 46,
        values: (_chart, splits) => splits.map(tick),
        ...(look.whole ? { incrs: WHOLE } : {}),
        ...(look.log ? { filter: few, grid: { ...axis.grid, filter: few } } : {}),
      },
    ],
    series: [
      {},
      ...lines.map((line, index) => ({
        label: line.name,
        stroke: colour(colourOf(line, index)),
        width: look.dense ? 1.25 : 1.75,
        dash: look.dense ? [] : (DASHES[index % DASHES.length] ?? []),
        spanGaps: false,
        points: { show: false, size: 5, fill: colour(colourOf(line, index)), filter: alone },
      })),
    ],
  };
  if (look.clock === "utc")
    options.tzDate = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
  return options;
}
