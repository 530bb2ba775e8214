import {
  CandlestickSeries,
  createChart,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useRef, useState } from "react";
import type { CandleColumns } from "../../api/answers.ts";
import { usePreferences } from "../../app/preferences.ts";
import { type Clock, count, decimal, moment } from "../../design/format.ts";
import { type Column, Table } from "../../panels/Table.tsx";
import styles from "./Explore.module.css";

export const CHART_HEIGHT = 420;

interface Drawn {
  chart: IChartApi;
  bars: ISeriesApi<"Candlestick">;
  volume: ISeriesApi<"Histogram">;
}

/** Candles and volume of a range. Only the drawing makes numbers of the decimal texts. */
export function Candles({ candles, label }: { candles: CandleColumns; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  const { theme, clock } = usePreferences();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme is read through the page
  useEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    drawn.current = draw(host);
    return () => {
      drawn.current?.chart.remove();
      drawn.current = null;
    };
  }, [theme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme makes a new chart to fill
  useEffect(() => {
    if (drawn.current) fill(drawn.current, candles, clock);
  }, [candles, clock, theme]);

  return (
    <figure data-testid="explore-chart" data-bars={candles.opened_at.length}>
      <div
        ref={place}
        role="img"
        aria-label={label}
        style={{ height: CHART_HEIGHT }}
        className={styles.chart}
      />
      <AsTable candles={candles} clock={clock} />
    </figure>
  );
}

function draw(host: HTMLElement): Drawn {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const chart = createChart(host, {
    autoSize: true,
    layout: {
      background: { color: colour("--surface") },
      textColor: colour("--muted"),
      fontFamily: style.getPropertyValue("--font"),
      attributionLogo: true,
    },
    grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
    rightPriceScale: { borderColor: colour("--line"), scaleMargins: { top: 0.06, bottom: 0.24 } },
    timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: false },
    crosshair: { mode: 0 },
  });
  const [buy, sell] = [colour("--buy"), colour("--sell")];
  const bars = chart.addSeries(CandlestickSeries, {
    upColor: buy,
    borderUpColor: buy,
    wickUpColor: buy,
    downColor: colour("--surface"), // hollow: not told by colour alone
    borderDownColor: sell,
    wickDownColor: sell,
  });
  const volume = chart.addSeries(HistogramSeries, {
    priceScaleId: "volume",
    priceFormat: { type: "volume" },
    lastValueVisible: false,
    priceLineVisible: false,
    color: colour("--unknown"),
  });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  return { chart, bars, volume };
}

function fill({ chart, bars, volume }: Drawn, candles: CandleColumns, clock: Clock): void {
  const times = candles.opened_at.map((text) => chartTime(text, clock));
  const digits = Math.min(10, Math.max(0, ...candles.close.slice(-200).map(digitsOf)));
  bars.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
  bars.setData(
    times.map((time, at) => ({
      time,
      open: Number(candles.open[at]),
      high: Number(candles.high[at]),
      low: Number(candles.low[at]),
      close: Number(candles.close[at]),
    })),
  );
  volume.setData(times.map((time, at) => ({ time, value: Number(candles.volume[at]) })));
  chart.timeScale().fitContent();
}

/** The chart knows UTC only: for the local clock its times are moved. */
function chartTime(text: string, clock: Clock): UTCTimestamp {
  const date = new Date(text);
  const moved = clock === "utc" ? 0 : date.getTimezoneOffset() * 60;
  return (date.getTime() / 1000 - moved) as UTCTimestamp;
}

/** Decimals that say something: `67000.1200` has two. */
function digitsOf(text: string): number {
  return (/\.(\d*?)0*$/.exec(text)?.[1] ?? "").length;
}

const SHOWN = 200;

function AsTable({ candles, clock }: { candles: CandleColumns; clock: Clock }) {
  const [open, setOpen] = useState(false);
  const last = candles.opened_at.length - 1;
  const rows = Array.from({ length: Math.min(SHOWN, last + 1) }, (_, back) => last - back);
  const columns: Column<number>[] = [
    { name: "Opened", cell: (at) => moment(candles.opened_at[at], clock) },
    { name: "Open", numeric: true, cell: (at) => decimal(candles.open[at]) },
    { name: "High", numeric: true, cell: (at) => decimal(candles.high[at]) },
    { name: "Low", numeric: true, cell: (at) => decimal(candles.low[at]) },
    { name: "Close", numeric: true, cell: (at) => decimal(candles.close[at]) },
    { name: "Volume", numeric: true, cell: (at) => decimal(candles.volume[at]) },
    { name: "Trades", numeric: true, cell: (at) => count(candles.trades[at]) },
  ];
  return (
    <details className={styles.table} onToggle={(event) => setOpen(event.currentTarget.open)}>
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
