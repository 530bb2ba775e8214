import { useEffect, useMemo, useRef, useState } from "react";
import type { CandleColumns } from "../../api/answers.ts";
import { usePreferences } from "../../app/preferences.ts";
import { type Clock, count, moment, trimmed } from "../../design/format.ts";
import { type Column, Table } from "../../panels/Table.tsx";
import { barsOf } from "../../stream/bars.ts";
import { Readout } from "../live/Candles.tsx";
import { CandleChart } from "../live/chart.ts";
import styles from "./Explore.module.css";

export const CHART_HEIGHT = 420;

/** Candles and volume of a range, in one view. Only the drawing makes numbers of the decimal texts. */
export function Candles({ candles, label }: { candles: CandleColumns; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<CandleChart | null>(null);
  const edition = useRef(0);
  const [hovered, hover] = useState<number | null>(null);
  const { theme, clock } = usePreferences();
  const bars = useMemo(() => barsOf(candles), [candles]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme's colours are read from the page
  useEffect(() => {
    if (!place.current) return undefined;
    const made = new CandleChart(place.current, clock, hover);
    chart.current = made;
    return () => {
      chart.current = null;
      made.remove();
    };
  }, [theme, clock]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme or clock makes a new chart to fill
  useEffect(() => {
    edition.current += 1;
    chart.current?.show(bars, [], edition.current);
    chart.current?.fit();
  }, [bars, theme, clock]);

  const bar = bars.find((each) => each.time === hovered) ?? bars.at(-1);
  return (
    <figure data-testid="explore-chart" data-bars={bars.length}>
      <Readout bar={bar} />
      <div
        ref={place}
        role="img"
        aria-label={label}
        style={{ height: CHART_HEIGHT }}
        className={styles.chart}
      />
      <p className="keys">
        <span>
          <b data-side="buy">□</b> rises <b data-side="sell">■</b> falls
        </span>
        <a href="https://www.tradingview.com/" rel="noreferrer" target="_blank">
          Charts by TradingView
        </a>
      </p>
      <AsTable candles={candles} clock={clock} />
    </figure>
  );
}

const SHOWN = 200;

function AsTable({ candles, clock }: { candles: CandleColumns; clock: Clock }) {
  const [open, setOpen] = useState(false);
  const last = candles.opened_at.length - 1;
  const rows = Array.from({ length: Math.min(SHOWN, last + 1) }, (_, back) => last - back);
  const columns: Column<number>[] = [
    { name: "Opened", cell: (at) => moment(candles.opened_at[at], clock) },
    { name: "Open", numeric: true, cell: (at) => trimmed(candles.open[at]) },
    { name: "High", numeric: true, cell: (at) => trimmed(candles.high[at]) },
    { name: "Low", numeric: true, cell: (at) => trimmed(candles.low[at]) },
    { name: "Close", numeric: true, cell: (at) => trimmed(candles.close[at]) },
    { name: "Volume", numeric: true, cell: (at) => trimmed(candles.volume[at]) },
    { name: "Trades", numeric: true, cell: (at) => count(candles.trades[at]) },
  ];
  return (
    <details className="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary data-testid="explore-chart-table-open">As a table</summary>
      {open ? (
        <>
          <Table
            caption="Bars, the newest first"
            testid="explore-bars"
            height={320}
            rows={rows}
            keyOf={(at) => candles.opened_at[at] ?? at}
            columns={columns}
          />
          {last + 1 > SHOWN ? <p className="muted">The newest {SHOWN} bars.</p> : null}
        </>
      ) : null}
    </details>
  );
}
