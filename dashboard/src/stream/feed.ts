/** One market as the Live page shows it: history of the API and stream joined, tape, gaps, pause. */
import type { CandleSize, Candles, GapRow, Gaps } from "../api/answers.ts";
import { get, marketPath, type Problem, path, Refused } from "../api/client.ts";
import { type Bar, Bars } from "./bars.ts";
import { StreamClient } from "./client.ts";
import type { StreamState } from "./contract.ts";
import { FrameClock } from "./frameClock.ts";
import type { GapFrame, TradeFrame } from "./frames.ts";
import { Rate } from "./rate.ts";
import { type Line, Tape } from "./tape.ts";

export interface Band {
  id: number;
  state: string;
  cause: string;
  after: string;
  before: string | null;
}

export interface View {
  stream: StreamState;
  bars: readonly Bar[];
  lines: readonly Line[];
  bands: readonly Band[];
  last: TradeFrame | null;
  /** When it came (ms, by this browser's clock; of a backlog: when AlphaPulse got it). */
  lastAt: number | null;
  /** Trades per second over the last ten. */
  rate: number;
  paused: boolean;
  /** Lines that came since the pause. */
  buffered: number;
  history: { loading: boolean; problem: Problem | null };
  /** Grows when the bars were taken from the database again: the chart is drawn anew. */
  edition: number;
}

const HISTORY = 500; // bars
const BACKLOG = 200; // trades of the tape's beginning
const CACHED_MS = 10_000; // an answer of the API may be so much older than its arrival
const RECONCILE_MS = 60_000;
const RETRY_MS = 5000;
const OPEN = new Set(["suspected", "repairing"]);

interface Came {
  at: number;
  trade: TradeFrame;
}

export class MarketFeed {
  readonly #client: StreamClient;
  readonly #clock: FrameClock;
  readonly #market: string;
  readonly #size: CandleSize;
  readonly #bars: Bars;
  readonly #tape = new Tape();
  readonly #rate = new Rate();
  readonly #bands = new Map<number, Band>();
  #untold = new Set<number>();
  #recent: Came[] = [];
  #last: TradeFrame | null = null;
  #lastAt: number | null = null;
  #frozen: Pick<View, "bars" | "lines" | "bands" | "last" | "lastAt"> | null = null;
  #pausedAt = 0;
  #history: View["history"] = { loading: true, problem: null };
  #edition = 0;
  #listeners = new Set<() => void>();
  #view: View;
  #timers: ReturnType<typeof setInterval>[] = [];
  #soon: ReturnType<typeof setTimeout> | null = null;
  #fetching = false;
  #again = false;
  #stopped = false;

  constructor(base: string, market: string, size: CandleSize) {
    this.#market = market;
    this.#size = size;
    this.#bars = new Bars(size);
    this.#clock = new FrameClock(() => this.#publish());
    this.#client = new StreamClient(base, market, BACKLOG, {
      trade: (trade) => this.#trade(trade),
      gap: (gap) => this.#gap(gap),
      begun: () => this.#begun(),
      abreast: () => this.#abreast(),
      seam: (reason) => this.#tape.seam(reason, Date.now()),
      changed: this.#clock.plan,
    });
    this.#view = this.#look();
  }

  start(): void {
    this.#stopped = false;
    this.#client.start();
    void this.#askGaps();
    this.#timers = [
      setInterval(() => this.#refetchSoon(), RECONCILE_MS),
      setInterval(this.#clock.plan, 1000), // rates fall and ages rise while nothing comes
    ];
  }

  stop(): void {
    this.#stopped = true;
    this.#client.stop();
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#soon !== null) clearTimeout(this.#soon);
    this.#soon = null;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  view = (): View => this.#view;

  reconnectNow = (): void => this.#client.reconnectNow();

  pause = (paused: boolean): void => {
    this.#pausedAt = this.#tape.total;
    const bars = this.#bars.all.map((bar) => ({ ...bar }));
    this.#frozen = paused
      ? {
          bars,
          lines: [...this.#tape.lines],
          bands: [...this.#bands.values()],
          last: this.#last,
          lastAt: this.#lastAt,
        }
      : null;
    this.#edition += 1;
    this.#publish();
  };

  #trade(trade: TradeFrame): void {
    const now = Date.now();
    this.#tape.trade(trade);
    if (!trade.replayed) this.#rate.add(now);
    if (trade.source === "backfill") this.#refetchSoon();
    else {
      this.#last = trade;
      this.#lastAt = trade.replayed ? Date.parse(trade.received) : now;
    }
    this.#recent.push({ at: now, trade });
    if (this.#history.loading) return; // applied when the history is there
    if (this.#bars.add(trade) === "late") this.#refetchSoon();
  }

  #gap(gap: GapFrame): void {
    this.#untold.delete(gap.gap_id);
    if (gap.state === "dismissed") this.#bands.delete(gap.gap_id);
    else this.#bands.set(gap.gap_id, bandOf(gap.gap_id, gap));
    if (gap.type === "repaired") this.#refetchSoon();
  }

  #begun(): void {
    const open = [...this.#bands.values()].filter((band) => OPEN.has(band.state));
    this.#untold = new Set(open.map((band) => band.id));
  }

  /** Gaps that were open and are told no more were closed meanwhile; and now the history is asked for. */
  #abreast(): void {
    if (this.#untold.size > 0) void this.#askGaps();
    for (const id of this.#untold) this.#bands.delete(id);
    this.#untold.clear();
    void this.#fetch();
  }

  #refetchSoon(wait = 1000): void {
    if (this.#stopped) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      void this.#fetch();
    }, wait);
  }

  async #fetch(): Promise<void> {
    if (this.#stopped) return;
    if (this.#fetching) {
      this.#again = true; // what it will say may be older than what made us ask
      return;
    }
    this.#fetching = true;
    const since = Date.now() - CACHED_MS;
    this.#recent = this.#recent.filter((came) => came.at >= since);
    try {
      const url = path(`${marketPath(this.#market)}/candles`, { size: this.#size, limit: HISTORY });
      const { data } = await get<Candles>(url);
      this.#bars.load(data.candles);
      for (const { trade } of this.#recent) this.#bars.add(trade);
      this.#history = { loading: false, problem: null };
      this.#edition += 1;
    } catch (error) {
      if (error instanceof Refused) this.#history = { loading: false, problem: error.problem };
      this.#refetchSoon(RETRY_MS);
    } finally {
      this.#fetching = false;
      if (this.#again) this.#refetchSoon();
      this.#again = false;
      this.#clock.plan();
    }
  }

  async #askGaps(): Promise<void> {
    const [exchange = "", symbol = ""] = this.#market.split("/");
    try {
      const { data } = await get<Gaps>(path("/v1/gaps", { exchange, symbol, limit: 200 }));
      for (const gap of data.gaps) {
        if (!this.#bands.has(gap.gap_id)) this.#remember(gap);
      }
      this.#clock.plan();
    } catch {
      // the stream tells the open ones; those of the past come with the next attempt
    }
  }

  #remember(gap: GapRow): void {
    this.#bands.set(gap.gap_id, bandOf(gap.gap_id, gap));
  }

  #publish(): void {
    this.#view = this.#look();
    for (const listener of this.#listeners) listener();
  }

  #look(): View {
    const shown = this.#frozen ?? {
      bars: this.#bars.all,
      lines: this.#tape.lines,
      bands: [...this.#bands.values()],
      last: this.#last,
      lastAt: this.#lastAt,
    };
    return {
      ...shown,
      stream: this.#client.state,
      rate: this.#rate.at(Date.now()),
      paused: this.#frozen !== null,
      buffered: this.#frozen ? this.#tape.total - this.#pausedAt : 0,
      history: this.#history,
      edition: this.#edition,
    };
  }
}

function bandOf(id: number, gap: Pick<Band, "state" | "cause" | "after" | "before">): Band {
  const { state, cause, after, before } = gap;
  return { id, state, cause, after, before };
}
