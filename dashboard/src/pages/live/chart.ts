/** The candle chart itself, without React: made once, fed once per frame. */
import {
  CandlestickSeries,
  ColorType,
  CrosshairMode,
  createChart,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import {
  type Clock,
  dayOf,
  decimal,
  digitsBehind,
  moment,
  timeOfDay,
} from "../../design/format.ts";
import type { Bar } from "../../stream/bars.ts";
import type { Band } from "../../stream/feed.ts";
import { GapBands } from "./bands.ts";

const DAY = 86_400;
const PAUSE_MS = 240;
const WIDEST = 36; // pixels of a bar: few of them do not become blocks

interface Shown {
  bars: readonly Bar[];
  bands: readonly Band[];
  edition: number;
}

export class CandleChart {
  readonly #chart: IChartApi;
  readonly #candles: ISeriesApi<"Candlestick">;
  readonly #volume: ISeriesApi<"Histogram">;
  readonly #bands: GapBands;
  readonly #colours: { up: string; down: string };
  #edition = -1;
  #drawnUntil = 0;
  #digits = -1;
  #shown: Shown = { bars: [], bands: [], edition: -1 };
  #planned: ReturnType<typeof setTimeout> | null = null;

  constructor(host: HTMLElement, clock: Clock, hover: (time: number | null) => void) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    this.#colours = { up: colour("--buy"), down: colour("--sell") };
    const { up, down } = this.#colours;
    this.#chart = createChart(host, {
      autoSize: true,
      layout: {
        background: { type: ColorType.Solid, color: "transparent" },
        textColor: colour("--muted"),
        fontFamily: style.getPropertyValue("--font"),
        attributionLogo: false, // its notice stands below the chart and on the page Operations
        fontSize: 11,
      },
      grid: { vertLines: { color: colour("--grid") }, horzLines: { color: colour("--grid") } },
      crosshair: { mode: CrosshairMode.Normal },
      rightPriceScale: { borderColor: colour("--line"), scaleMargins: { top: 0.06, bottom: 0.26 } },
      timeScale: {
        borderColor: colour("--line"),
        timeVisible: true,
        secondsVisible: false,
        rightOffset: 4,
        tickMarkFormatter: (time: Time) => markOf(Number(time), clock),
      },
      localization: {
        timeFormatter: (time: Time) => moment(Number(time) * 1000, clock),
        priceFormatter: (price: number) => decimal(price.toFixed(Math.max(0, this.#digits))),
      },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, {
      upColor: "transparent", // hollow and filled: told apart without colours too
      downColor: down,
      borderUpColor: up,
      borderDownColor: down,
      wickUpColor: up,
      wickDownColor: down,
      priceLineColor: colour("--accent"),
    });
    this.#volume = this.#chart.addSeries(HistogramSeries, {
      priceFormat: { type: "volume" },
      priceScaleId: "volume",
      priceLineVisible: false,
      lastValueVisible: false,
    });
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
    this.#bands = new GapBands({ open: colour("--warn"), closed: colour("--unknown") });
    this.#candles.attachPrimitive(this.#bands);
    this.#chart.subscribeCrosshairMove(({ time }) =>
      hover(time === undefined ? null : Number(time)),
    );
  }

  /** Drawn at once if the history is new, else at most fifteen times a second. */
  show(bars: readonly Bar[], bands: readonly Band[], edition: number): void {
    this.#shown = { bars, bands, edition };
    if (edition !== this.#edition) this.#draw();
    else this.#planned ??= setTimeout(() => this.#draw(), PAUSE_MS);
  }

  /** The whole of what is shown, in one view. */
  fit(): void {
    this.#chart.timeScale().applyOptions({ maxBarSpacing: WIDEST, minBarSpacing: 0.2 });
    this.#chart.timeScale().fitContent();
  }

  #draw(): void {
    if (this.#planned !== null) clearTimeout(this.#planned);
    this.#planned = null;
    const { bars, bands, edition } = this.#shown;
    this.#precise(bars.slice(-60));
    if (edition !== this.#edition) this.#drawAll(bars, edition);
    else this.#drawNew(bars);
    this.#bands.show(bands, bars);
  }

  remove(): void {
    if (this.#planned !== null) clearTimeout(this.#planned);
    this.#chart.remove();
  }

  #drawAll(bars: readonly Bar[], edition: number): void {
    this.#candles.setData(bars.map(candleOf));
    this.#volume.setData(bars.map((bar) => this.#volumeOf(bar)));
    if (this.#drawnUntil === 0 && bars.length > 0) {
      this.#chart.timeScale().setVisibleLogicalRange({
        from: bars.length - Math.max(40, Math.min(120, bars.length)),
        to: bars.length + 4,
      });
    }
    this.#edition = edition;
    this.#drawnUntil = bars.at(-1)?.time ?? 0;
  }

  #drawNew(bars: readonly Bar[]): void {
    let at = bars.length;
    while (at > 0 && (bars[at - 1]?.time ?? 0) >= this.#drawnUntil) at -= 1;
    for (const bar of bars.slice(at)) {
      this.#candles.update(candleOf(bar));
      this.#volume.update(this.#volumeOf(bar));
      this.#drawnUntil = bar.time;
    }
  }

  /** The axis has as many digits as the exchange's prices. */
  #precise(bars: readonly Bar[]): void {
    const digits = Math.min(8, digitsBehind(bars.map((bar) => bar.close)));
    if (bars.length === 0 || digits <= this.#digits) return;
    this.#digits = digits;
    const priceFormat = { type: "price" as const, precision: digits, minMove: 10 ** -digits };
    this.#candles.applyOptions({ priceFormat });
  }

  #volumeOf(bar: Bar) {
    const rises = Number(bar.close) >= Number(bar.open);
    const colour = rises ? this.#colours.up : this.#colours.down;
    return { time: bar.time as UTCTimestamp, value: Number(bar.volume), color: `${colour}80` };
  }
}

function candleOf({ time, open, high, low, close }: Bar) {
  return {
    time: time as UTCTimestamp,
    open: Number(open),
    high: Number(high),
    low: Number(low),
    close: Number(close),
  };
}

function markOf(time: number, clock: Clock): string {
  const text = timeOfDay(time * 1000, clock).slice(0, 5);
  return text === "00:00" || time % DAY === 0 ? dayOf(time * 1000, clock).slice(5) : text;
}
