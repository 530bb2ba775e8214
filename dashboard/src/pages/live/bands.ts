/** Gaps as bands behind the candles: hatched, so that they are seen without colours too. */
import type { CanvasRenderingTarget2D } from "fancy-canvas";
import type {
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  Logical,
  SeriesAttachedParameter,
  Time,
} from "lightweight-charts";
import type { Bar } from "../../stream/bars.ts";
import type { Band } from "../../stream/feed.ts";

export interface BandLook {
  open: string;
  closed: string;
}

interface Stripe {
  from: number;
  to: number;
  colour: string;
}

export class GapBands
  implements ISeriesPrimitive<Time>, IPrimitivePaneView, IPrimitivePaneRenderer
{
  #around: SeriesAttachedParameter<Time> | null = null;
  #bands: readonly Band[] = [];
  #bars: readonly Bar[] = [];
  #views = [this];
  #look: BandLook;

  constructor(look: BandLook) {
    this.#look = look;
  }

  attached(around: SeriesAttachedParameter<Time>): void {
    this.#around = around;
  }

  detached(): void {
    this.#around = null;
  }

  show(bands: readonly Band[], bars: readonly Bar[]): void {
    this.#bands = bands;
    this.#bars = bars;
    this.#around?.requestUpdate();
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.#views;
  }

  zOrder(): "bottom" {
    return "bottom";
  }

  renderer(): IPrimitivePaneRenderer {
    return this;
  }

  draw(target: CanvasRenderingTarget2D): void {
    const stripes = this.#stripes();
    if (stripes.length === 0) return;
    // biome-ignore lint/correctness/useHookAtTopLevel: no hook of React's, only named like one
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      for (const stripe of stripes) hatch(context, stripe, mediaSize.height);
    });
  }

  #stripes(): Stripe[] {
    const scale = this.#around?.chart.timeScale();
    if (!scale || this.#bars.length === 0) return [];
    const half = scale.options().barSpacing / 2;
    return this.#bands.flatMap((band) => {
      const [first, last] = placesOf(band, this.#bars);
      const from = scale.logicalToCoordinate(first as Logical);
      const to = scale.logicalToCoordinate(last as Logical);
      if (from === null || to === null || last < 0) return [];
      const open = band.state === "suspected" || band.state === "repairing";
      const colour = open ? this.#look.open : this.#look.closed;
      return [{ from: from - half, to: Math.max(to + half, from + 2 - half), colour }];
    });
  }
}

/** The first and the last bar that a gap touches. */
export function placesOf(band: Band, bars: readonly Bar[]): [number, number] {
  const from = Date.parse(band.after) / 1000;
  const to = band.before === null ? Number.POSITIVE_INFINITY : Date.parse(band.before) / 1000;
  return [placeOf(from, bars), placeOf(to, bars)];
}

function placeOf(time: number, bars: readonly Bar[]): number {
  let [low, high] = [0, bars.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bars[middle]?.time ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function hatch(
  context: CanvasRenderingContext2D,
  { from, to, colour }: Stripe,
  height: number,
): void {
  context.save();
  context.beginPath();
  context.rect(from, 0, to - from, height);
  context.clip();
  context.globalAlpha = 0.16;
  context.fillStyle = colour;
  context.fillRect(from, 0, to - from, height);
  context.globalAlpha = 0.6;
  context.strokeStyle = colour;
  context.beginPath();
  for (let x = from - height; x < to; x += 8) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
  context.restore();
}
