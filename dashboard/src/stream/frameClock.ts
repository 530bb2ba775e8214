/** Calls back at most once per frame of the screen; once a second for those who want less motion. */
export class FrameClock {
  #planned = false;
  readonly #draw: () => void;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  plan = (): void => {
    if (this.#planned) return;
    this.#planned = true;
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) setTimeout(this.#run, 1000);
    else requestAnimationFrame(this.#run);
  };

  #run = (): void => {
    this.#planned = false;
    this.#draw();
  };
}
