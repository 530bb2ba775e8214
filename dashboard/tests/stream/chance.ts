/** Chance that can be had again: the same seed, the same numbers. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)] as T;
  }

  isSo(share: number): boolean {
    return this.next() < share;
  }

  /** A positive decimal text with up to `whole` digits before the point and `behind` after it. */
  decimal(whole: number, behind: number): string {
    const digits = (many: number) => Array.from({ length: many }, () => this.whole(0, 9)).join("");
    const before = BigInt(digits(this.whole(1, whole))).toString();
    const after = digits(this.whole(0, behind));
    return after ? `${before}.${after}` : before;
  }
}

export const SEEDS = Array.from({ length: 40 }, (_, at) => 1 + at * 7919);
