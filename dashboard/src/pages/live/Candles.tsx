import { useEffect, useRef, useState } from "react";
import { usePreferences } from "../../app/preferences.ts";
import { count, digitsBehind, filled, moment, trimmed } from "../../design/format.ts";
import { type Column, Table } from "../../panels/Table.tsx";
import type { Bar } from "../../stream/bars.ts";
import type { Feed } from "../../stream/useFeed.ts";
import { CandleChart } from "./chart.ts";
import styles from "./Live.module.css";

/** ContinuousStreamChart: the history of the database, continued by the stream without a seam. */
export function Candles({ feed, label }: { feed: Feed; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<CandleChart | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const { theme, clock } = usePreferences();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme's colours are read from the page
  useEffect(() => {
    if (!host.current) return undefined;
    const made = new CandleChart(host.current, clock, setHovered);
    chart.current = made;
    return () => {
      chart.current = null;
      made.remove();
    };
  }, [theme, clock]);

  useEffect(() => chart.current?.show(feed.bars, feed.bands, feed.edition));

  const bar = feed.bars.find((each) => each.time === hovered) ?? feed.bars.at(-1);
  return (
    <>
      <Readout bar={bar} />
      <div
        ref={host}
        className={styles.chart}
        role="img"
        aria-label={label}
        data-testid="candles"
      />
      <p className="keys">
        <span>
          <b data-side="buy">□</b> rises <b data-side="sell">■</b> falls
        </span>
        <span>
          <i className={styles.band} /> something is or was missing
        </span>
        <a href="https://www.tradingview.com/" rel="noreferrer" target="_blank">
          Charts by TradingView
        </a>
      </p>
      <NewestBars bars={feed.bars} />
    </>
  );
}

const COLUMNS: Column<Bar>[] = [
  { name: "Open", cell: (bar) => trimmed(bar.open), numeric: true },
  { name: "High", cell: (bar) => trimmed(bar.high), numeric: true },
  { name: "Low", cell: (bar) => trimmed(bar.low), numeric: true },
  { name: "Close", cell: (bar) => trimmed(bar.close), numeric: true },
  { name: "Volume", cell: (bar) => trimmed(bar.volume), numeric: true },
  { name: "Trades", cell: (bar) => count(bar.trades), numeric: true },
];

/** What the chart shows, for those who do not see it; made only when it is opened. */
function NewestBars({ bars }: { bars: readonly Bar[] }) {
  const [open, setOpen] = useState(false);
  const { clock } = usePreferences();
  const time: Column<Bar> = { name: "Opened", cell: (bar) => moment(bar.time * 1000, clock) };
  return (
    <details
      className="as-table"
      onToggle={(event) => setOpen(event.currentTarget.open)}
      data-testid="bars-as-table"
    >
      <summary>As a table</summary>
      {open ? (
        <Table
          caption="The newest candles"
          testid="bars"
          height={260}
          columns={[time, ...COLUMNS]}
          rows={bars.slice(-30).reverse()}
          keyOf={(bar) => bar.time}
        />
      ) : null}
    </details>
  );
}

/** The numbers of the bar under the pointer, else of the newest, exactly as stored. */
export function Readout({ bar }: { bar: Bar | undefined }) {
  const { clock } = usePreferences();
  if (!bar) return <p className={styles.readout}>No bar yet</p>;
  const digits = digitsBehind([bar.open, bar.high, bar.low, bar.close]);
  return (
    <p className={styles.readout} data-testid="readout" data-bar={bar.time}>
      <span>{moment(bar.time * 1000, clock).slice(0, -3)}</span>
      {(["open", "high", "low", "close"] as const).map((name) => (
        <span key={name}>
          <abbr title={name}>{name.charAt(0).toUpperCase()}</abbr>{" "}
          <b data-testid={`bar-${name}`} data-exact={bar[name]}>
            {filled(bar[name], digits)}
          </b>
        </span>
      ))}
      <span>
        <abbr title="volume">V</abbr>{" "}
        <b data-testid="bar-volume" data-exact={bar.volume}>
          {trimmed(bar.volume)}
        </b>
      </span>
      <span>
        <abbr title="trades">N</abbr> <b data-testid="bar-trades">{count(bar.trades)}</b>
      </span>
    </p>
  );
}
