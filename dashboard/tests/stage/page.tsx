import { readFileSync } from "node:fs";

/** Opens a page as the browser would: its address, its API, its clock, its canvases. */
import { act, cleanup, render } from "@testing-library/react";
import type { ComponentType } from "react";
import { vi } from "vitest";
import { NOW } from "./answers.ts";
import { Api } from "./api.ts";
import { type Stroke, takePens, wearTokens } from "./pen.ts";

const tokens = readFileSync("src/design/tokens.css", "utf8");

export interface Stage {
  api: Api;
  pass: (ms: number) => Promise<void>;
  /** As after a sleep: the clock is ahead at once, then it ticks. */
  jump: (ms: number) => Promise<void>;
  /** Somebody comes back to this tab: everything is asked for at once. */
  look: () => Promise<void>;
  drawn: WeakMap<object, Stroke[]>;
}

/** A house of its own for each test: modules that keep something for the visit are read anew. */
export function setStage(): Stage {
  vi.resetModules();
  vi.useFakeTimers({ now: NOW, toFake: FAKED });
  window.localStorage.clear();
  window.sessionStorage.clear();
  wearTokens(tokens);
  vi.stubGlobal("ResizeObserver", Room);
  const pass = async (ms: number) => {
    await act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
  };
  const jump = async (ms: number) => {
    vi.setSystemTime(Date.now() + ms);
    await pass(1000);
  };
  const look = async () => {
    document.dispatchEvent(new Event("visibilitychange"));
    await pass(0);
  };
  return { api: new Api(), drawn: takePens(), pass, jump, look };
}

const FAKED = [
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "clearInterval",
  "requestAnimationFrame",
  "cancelAnimationFrame",
  "Date",
  "performance",
] as const satisfies NonNullable<Parameters<typeof vi.useFakeTimers>[0]>["toFake"];

/** Every frame has the same room: 800 by 240 pixels. */
class Room {
  readonly #tell: ResizeObserverCallback;
  constructor(tell: ResizeObserverCallback) {
    this.#tell = tell;
  }
  observe(): void {
    const contentRect = { width: 800, height: 240 };
    this.#tell([{ contentRect } as ResizeObserverEntry], this as unknown as ResizeObserver);
  }
  unobserve(): void {}
  disconnect(): void {}
}

export function strikeStage(): void {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.replaceChildren();
}

export async function open(
  stage: Stage,
  address: string,
  load: () => Promise<{ default: ComponentType }>,
): Promise<void> {
  window.history.replaceState(null, "", address);
  const { default: Page } = await load();
  render(<Page />);
  await stage.pass(50);
}

function called(id: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
}

export function byId(id: string): HTMLElement {
  const found = called(id);
  if (!found) throw new Error(`nothing is called ${id} here`);
  return found;
}

export function isThere(id: string): boolean {
  return called(id) !== null;
}

/** Text without the narrow blanks between thousands. */
export function textOf(id: string): string {
  return (byId(id).textContent ?? "").replaceAll("\u202f", " ");
}

export async function press(id: string): Promise<void> {
  await act(async () => byId(id).click());
}
