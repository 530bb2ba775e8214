/** What screen readers are told, politely, at most once per five seconds; the newest word of each subject wins. */
const PAUSE_MS = 5000;

export class Announcer {
  #waiting = new Map<string, string>();
  #last = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #say: (text: string) => void;
  readonly #now: () => number;

  constructor(say: (text: string) => void, now: () => number = Date.now) {
    this.#say = say;
    this.#now = now;
  }

  tell(subject: string, text: string): void {
    this.#waiting.set(subject, text);
    if (this.#timer !== null) return;
    const wait = Math.max(0, this.#last + PAUSE_MS - this.#now());
    this.#timer = setTimeout(() => this.#speak(), wait);
  }

  #speak(): void {
    this.#timer = null;
    this.#last = this.#now();
    this.#say([...this.#waiting.values()].join(". "));
    this.#waiting.clear();
  }
}

const announcer = new Announcer((text) => {
  const region = document.getElementById("announcements");
  if (region) region.textContent = text;
});

export function announce(subject: string, text: string): void {
  announcer.tell(subject, text);
}
