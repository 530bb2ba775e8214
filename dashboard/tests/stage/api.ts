/** An API that the test holds in its hand: it answers, lets one wait, refuses, or is not there at all. */
import { vi } from "vitest";
import type { Answers } from "../../src/api/described.ts";
import { answers } from "./answers.ts";

type Address = keyof Answers;
type Mood = "answers" | "waits" | "is away" | "refuses";

export interface Asked {
  url: URL;
  method: string;
  headers: Headers;
  body: unknown;
}

export const BUSY = {
  type: "/problems/busy",
  title: "Busy",
  status: 503,
  detail: "the database does not answer",
  hint: "come again",
  instance: "/v1/x",
  request_id: "r-1234",
};

export class Api {
  mood: Mood = "answers";
  readonly asked: Asked[] = [];
  readonly told = answers();
  /** What answers instead of `told`: for a POST, for files, for a single refusal. */
  readonly instead = new Map<string, (asked: Asked) => Response | Promise<Response>>();

  constructor() {
    vi.stubGlobal("fetch", (url: string, init: RequestInit = {}) => this.#answer(url, init));
  }

  tell<A extends Address>(address: A, change: Partial<Answers[A]>): void {
    Object.assign(this.told[address], change);
  }

  /** How often this path was asked for. */
  times(path: string): number {
    return this.asked.filter((each) => each.url.pathname === path).length;
  }

  last(path: string): Asked | undefined {
    return this.asked.findLast((each) => each.url.pathname === path);
  }

  async #answer(url: string, init: RequestInit): Promise<Response> {
    const asked: Asked = {
      url: new URL(url, "http://house.test"),
      method: init.method ?? "GET",
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
    };
    this.asked.push(asked);
    if (this.mood === "is away") throw new TypeError("Failed to fetch");
    if (this.mood === "waits") return waitFor(init.signal ?? null);
    if (this.mood === "refuses") return Response.json(BUSY, { status: 503 });
    const instead = this.instead.get(`${asked.method} ${asked.url.pathname}`);
    return instead ? instead(asked) : this.#tell(asked);
  }

  #tell({ url, headers }: Asked): Response {
    const address = addressOf(url.pathname, this.told);
    if (!address) throw new Error(`the API has no ${url.pathname}`);
    const text = JSON.stringify(this.told[address]);
    const etag = `"${text.length}-${hash(text)}"`;
    if (headers.get("if-none-match") === etag) return new Response(null, { status: 304 });
    return new Response(text, { headers: { etag, "content-type": "application/json" } });
  }
}

function waitFor(signal: AbortSignal | null): Promise<Response> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

function addressOf(path: string, told: Answers): Address | undefined {
  const words = path.split("/");
  return (Object.keys(told) as Address[]).find((address) => {
    const own = address.split("/");
    return (
      own.length === words.length &&
      own.every((word, at) => word.startsWith("{") || word === words[at])
    );
  });
}

function hash(text: string): number {
  let found = 0;
  for (const letter of text) found = (Math.imul(found, 31) + (letter.codePointAt(0) ?? 0)) | 0;
  return found;
}
