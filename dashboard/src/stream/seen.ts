/** The newest names of trades: what comes twice is known. Bounded: the oldest are forgotten. */
export class Seen {
  #fresh = new Set<string>();
  #old = new Set<string>();
  readonly #half: number;

  constructor(kept = 100_000) {
    this.#half = kept / 2;
  }

  /** Whether it is new; from now on it is not. */
  add(name: string): boolean {
    if (this.#fresh.has(name) || this.#old.has(name)) return false;
    this.#fresh.add(name);
    if (this.#fresh.size >= this.#half) {
      this.#old = this.#fresh;
      this.#fresh = new Set();
    }
    return true;
  }
}
