/** Polls one address: single flight, conditional requests, only while somebody looks. No React in here. */
import { type Got, get, type Problem, Refused } from "./client.ts";

export interface Polled<T> {
  /** The last good answer, however old: `at` tells, and whoever shows it must say so. */
  data: T | null;
  /** When it was got, by this browser's clock; null: never. */
  at: number | null;
  /** What the newest attempt met; null: it succeeded. */
  problem: Problem | null;
  everyMs: number;
}

export interface Surroundings {
  now: () => number;
  isVisible: () => boolean;
  onVisible: (wake: () => void) => () => void;
  fetch: typeof get;
}

const BROWSER: Surroundings = {
  now: Date.now,
  isVisible: () => document.visibilityState === "visible",
  onVisible: (wake) => {
    document.addEventListener("visibilitychange", wake);
    return () => document.removeEventListener("visibilitychange", wake);
  },
  fetch: get,
};

export class Poller<T> {
  #state: Polled<T>;
  #known: Got<T> | null = null;
  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #flight: Promise<void> | null = null;
  #forget: (() => void) | null = null;
  readonly url: string;
  readonly everyMs: number;
  readonly #around: Surroundings;

  constructor(url: string, everyMs: number, around: Surroundings = BROWSER) {
    this.url = url;
    this.everyMs = everyMs;
    this.#around = around;
    this.#state = { data: null, at: null, problem: null, everyMs };
  }

  get state(): Polled<T> {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  };

  /** Asks now; joins the request that is under way, if there is one. */
  refresh = (): Promise<void> => {
    this.#flight ??= this.#ask().finally(() => {
      this.#flight = null;
      this.#plan();
    });
    return this.#flight;
  };

  #start(): void {
    this.#forget = this.#around.onVisible(() => {
      if (this.#around.isVisible()) void this.refresh();
    });
    const { at } = this.#state;
    if (at === null || this.#around.now() - at >= this.everyMs) void this.refresh();
    else this.#plan();
  }

  #stop(): void {
    this.#forget?.();
    this.#forget = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #plan(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#listeners.size === 0 || !Number.isFinite(this.everyMs)) return;
    this.#timer = setTimeout(() => {
      if (this.#around.isVisible()) void this.refresh();
    }, this.everyMs);
  }

  async #ask(): Promise<void> {
    try {
      this.#known = await this.#around.fetch<T>(this.url, { known: this.#known });
      this.#tell({ data: this.#known.data, at: this.#around.now(), problem: null });
    } catch (error) {
      this.#tell({ problem: asProblem(error) });
    }
  }

  #tell(change: Partial<Polled<T>>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function asProblem(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  return { title: "The request failed", status: null, detail: String(error) };
}
