/** One GET of the API: remembers ETags, gives up after a bounded wait, and says what went wrong in the API's own words. */

import type { Queries, Problem as Told } from "./described.ts";

/** application/problem+json, or our own words where the API could not be reached at all. */
export type Problem = Pick<Told, "title" | "detail"> &
  Partial<Pick<Told, "type" | "hint" | "request_id">> & { status: Told["status"] | null };

export class Refused extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.title}: ${problem.detail}`);
    this.problem = problem;
  }
}

type MarketPath = `/v1/markets/${string}/${string}`;
/** What the API tells of one market, by its last word: `candles`. */
type Word<Base = keyof Queries> = Base extends `/v1/markets/{exchange}/{symbol}/${infer Last}`
  ? Last
  : never;
type Address = keyof Queries | `${MarketPath}/${Word}`;
/** The words that an address takes behind its `?`, by the API's own description. */
type Asked<Base> = Base extends keyof Queries
  ? Queries[Base]
  : Base extends `${MarketPath}/${infer Last extends Word}`
    ? Queries[`/v1/markets/{exchange}/{symbol}/${Last}`]
    : never;
export type Query<Base> = {
  [Name in keyof Asked<Base>]?: Asked<Base>[Name] | null | undefined;
};

/** Null and undefined ask for nothing. */
export function path<const Base extends Address>(base: Base, query: Query<Base>): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) words.set(name, String(value));
  }
  const text = words.toString();
  return text ? `${base}?${text}` : base;
}

/** `kraken/BTC_USD` of a market, as paths of the API spell it. */
export function marketPath(key: string): MarketPath {
  const [exchange = "", ...rest] = key.split("/");
  return `/v1/markets/${encodeURIComponent(exchange)}/${encodeURIComponent(rest.join("_"))}`;
}

export interface Got<T> {
  data: T;
  etag: string | null;
}

export interface GetOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
  /** What was got last: an unchanged answer (304) gives the same object back. */
  known?: Got<unknown> | null;
}

/** Raises Refused, whose problem is fit to be shown. */
export async function get<T>(url: string, options: GetOptions = {}): Promise<Got<T>> {
  const { timeoutMs = 15_000, signal, known = null } = options;
  const headers: Record<string, string> = { accept: "application/json" };
  if (known?.etag) headers["if-none-match"] = known.etag;
  const patience = AbortSignal.timeout(timeoutMs);
  const answer = await ask(url, headers, signal ? AbortSignal.any([signal, patience]) : patience);
  if (answer.status === 304 && known) return known as Got<T>;
  if (!answer.ok) throw new Refused(await problemOf(answer));
  try {
    return { data: (await answer.json()) as T, etag: answer.headers.get("etag") };
  } catch (error) {
    throw new Refused(isImpatience(error) ? tooLate(url) : unreadable(url, answer.status, error));
  }
}

async function ask(url: string, headers: HeadersInit, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { headers, signal, cache: "no-store" });
  } catch (error) {
    if (isImpatience(error)) throw new Refused(tooLate(url));
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused({
      title: "The API does not answer",
      status: null,
      detail: error instanceof Error ? error.message : String(error),
      hint: "Is AlphaPulse running? `alphapulse status` tells.",
    });
  }
}

export async function problemOf(answer: Response): Promise<Problem> {
  const plain: Problem = {
    title: answer.statusText || "Refused",
    status: answer.status,
    detail: `The API answered ${answer.status}.`,
  };
  try {
    return { ...plain, ...((await answer.json()) as Partial<Problem>) };
  } catch {
    return plain;
  }
}

function isImpatience(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function tooLate(url: string): Problem {
  return {
    title: "The API did not answer in time",
    status: null,
    detail: url,
    hint: "It is asked again; a smaller range is answered sooner.",
  };
}

function unreadable(url: string, status: number, error: unknown): Problem {
  return {
    title: "The answer could not be read",
    status,
    detail: `${url}: ${error instanceof Error ? error.message : String(error)}`,
    hint: "Reload the page: the dashboard may be older than the API.",
  };
}
