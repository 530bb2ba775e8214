import { vi } from "vitest";

/** A pen for canvases: it draws nothing and remembers every stroke, so that charts run as they are. */
export interface Stroke {
  verb: string;
  words: unknown[];
  fill: string;
}

export function penOf(strokes: Stroke[]): CanvasRenderingContext2D {
  const kept: Record<string | symbol, unknown> = { fillStyle: "", font: "" };
  return new Proxy(kept, {
    get: (own, name) => {
      if (name in own) return own[name];
      if (name === "measureText") return (text: string) => ({ width: 6 * text.length });
      if (typeof name !== "string") return undefined;
      return (...words: unknown[]) => {
        strokes.push({ verb: name, words, fill: String(own.fillStyle) });
      };
    },
    set: (own, name, value) => {
      own[name] = value;
      return true;
    },
  }) as unknown as CanvasRenderingContext2D;
}

/** Every canvas of this page gets one pen, kept with it. */
export function takePens(): WeakMap<object, Stroke[]> {
  const drawn = new WeakMap<object, Stroke[]>();
  const pens = new WeakMap<object, CanvasRenderingContext2D>();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function pen(
    this: HTMLCanvasElement,
  ) {
    const strokes = drawn.get(this) ?? [];
    drawn.set(this, strokes);
    const found = pens.get(this) ?? Object.assign(penOf(strokes), { canvas: this });
    pens.set(this, found);
    return found as never;
  });
  vi.stubGlobal("Path2D", Path);
  return drawn;
}

class Path {
  moveTo(): void {}
  lineTo(): void {}
  rect(): void {}
  arc(): void {}
  closePath(): void {}
  addPath(): void {}
}

/** Colours as browsers tell them, of the tokens as they stand: the charts ask for both. */
export function wearTokens(css: string): void {
  const sheet = document.createElement("style");
  sheet.textContent = css;
  document.head.replaceChildren(sheet);
  const own = window.getComputedStyle.bind(window);
  vi.spyOn(window, "getComputedStyle").mockImplementation((element, pseudo) => {
    const style = own(element, pseudo);
    return new Proxy(style, {
      get: (_, name) => {
        const found = Reflect.get(style, name);
        if (typeof found === "function") return found.bind(style);
        return name === "color" ? toldByBrowsers(String(found)) : found;
      },
    });
  });
}

function toldByBrowsers(colour: string): string {
  if (colour === "transparent") return "rgba(0, 0, 0, 0)";
  const parts = /^#(..)(..)(..)(..)?$/.exec(colour);
  if (!parts) return colour;
  const [red, green, blue, alpha = 255] = parts
    .slice(1)
    .flatMap((two) => (two ? [Number.parseInt(two, 16)] : []));
  return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
}
