/** Calls back on a frame of the screen, with a pause in between; once a second for those who want less motion. */
const PAUSE_MS = 90; // eleven times a second: more nobody reads, and each costs frames (python -m bench screen)
const CALM_MS = 1000;

export class FrameClock {
  #planned = false;
  #last = Number.NEGATIVE_INFINITY;
  readonly #draw: () => void;
  readonly #calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  plan = (): void => {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(this.#run);
  };

  #run = (now: number): void => {
    const wait = this.#last + (this.#calm.matches ? CALM_MS : PAUSE_MS) - now;
    if (wait > 50) setTimeout(() => requestAnimationFrame(this.#run), wait - 17);
    else if (wait > 0) requestAnimationFrame(this.#run);
    else {
      this.#planned = false;
      this.#last = now;
      this.#draw();
    }
  };
}
