/** Trades per second over the last full seconds, by this browser's clock. */
export class Rate {
  #counts = new Map<number, number>();
  readonly #seconds: number;

  constructor(seconds = 10) {
    this.#seconds = seconds;
  }

  add(now: number): void {
    const second = Math.floor(now / 1000);
    const count = this.#counts.get(second);
    this.#counts.set(second, (count ?? 0) + 1);
    if (count === undefined) this.#forget(second);
  }

  at(now: number): number {
    const end = Math.floor(now / 1000);
    let sum = 0;
    for (const [second, count] of this.#counts) {
      if (second < end && second >= end - this.#seconds) sum += count;
    }
    return sum / this.#seconds;
  }

  #forget(now: number): void {
    for (const second of this.#counts.keys()) {
      if (second < now - this.#seconds - 1) this.#counts.delete(second);
    }
  }
}
