/** A day minute by minute: how much was traded, when we listened, where gaps lie. Pure. */
import type { Day, GapRow, Time } from "../../api/answers.ts";

export const MINUTES = 1440;

/** From one minute of the day to another, with fractions. */
export interface Band {
  from: number;
  to: number;
}

export interface GapBand extends Band {
  gap: GapRow;
}

export interface Strip {
  counts: readonly number[];
  largest: number;
  served: readonly Band[];
  gaps: readonly GapBand[];
  /** Minutes of the day that are over. */
  until: number;
}

export interface Minutes {
  minutes: readonly number[];
  served: readonly (readonly [Time, Time])[];
  gaps: readonly GapRow[];
  as_of: Time;
}

export function strip(day: Day, answer: Minutes): Strip {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const at = (time: Time) => (Date.parse(time) - midnight) / 60_000;
  const until = within(at(answer.as_of));
  const served = answer.served.map(([from, to]) => ({
    from: within(at(from)),
    to: within(at(to)),
  }));
  const gaps = answer.gaps.map((gap) => ({
    gap,
    from: within(at(gap.after)),
    to: gap.before === null ? until : within(at(gap.before)),
  }));
  const counts = Array.from({ length: MINUTES }, (_, minute) => answer.minutes[minute] ?? 0);
  return {
    counts,
    largest: Math.max(1, ...counts),
    served: served.filter((band) => band.to > band.from),
    gaps: gaps.filter((band) => band.to >= band.from),
    until,
  };
}

function within(minute: number): number {
  return Math.max(0, Math.min(MINUTES, minute));
}

export interface Minute {
  minute: number;
  count: number;
  /** Whether a connection served the market for all of it, a part of it, or not at all. */
  served: "whole" | "part" | "none" | "to come";
  gaps: readonly GapRow[];
}

export function minuteAt(found: Strip, minute: number): Minute {
  const at = { from: minute, to: minute + 1 };
  const part = overlap(found.served, at);
  const served = part > 0.99 ? "whole" : part > 0 ? "part" : "none";
  return {
    minute,
    count: found.counts[minute] ?? 0,
    served: minute >= found.until ? "to come" : served,
    gaps: found.gaps.filter((band) => band.from < at.to && band.to >= at.from).map((b) => b.gap),
  };
}

export function overlap(bands: readonly Band[], at: Band): number {
  return bands.reduce(
    (sum, band) => sum + Math.max(0, Math.min(band.to, at.to) - Math.max(band.from, at.from)),
    0,
  );
}

export function clockOf(minute: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(minute / 60))}:${two(Math.floor(minute % 60))}`;
}

export interface Hour {
  hour: number;
  trades: number;
  /** Minutes in which nobody traded. */
  quiet: number;
  /** Share of the hour during which a connection served the market. */
  served: number;
  gaps: number;
}

/** The same day as 24 rows, for whoever reads a table. */
export function hours(found: Strip): Hour[] {
  return Array.from({ length: 24 }, (_, hour) => {
    const at = { from: hour * 60, to: hour * 60 + 60 };
    const counts = found.counts.slice(at.from, at.to);
    return {
      hour,
      trades: counts.reduce((sum, each) => sum + each, 0),
      quiet: counts.filter((each) => each === 0).length,
      served: overlap(found.served, at) / 60,
      gaps: found.gaps.filter((band) => band.from < at.to && band.to >= at.from).length,
    };
  });
}

/** The bars to draw in `width` pixels: of the minutes that share a pixel the largest. */
export function bars(counts: readonly number[], width: number): number[] {
  const many = Math.max(1, Math.min(MINUTES, Math.floor(width)));
  return Array.from({ length: many }, (_, index) => {
    const from = Math.floor((index * MINUTES) / many);
    const to = Math.max(from + 1, Math.floor(((index + 1) * MINUTES) / many));
    return Math.max(...counts.slice(from, to));
  });
}

/** Where a key leads; null: the key means nothing here. */
export function moveMinute(at: number, key: string): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    PageUp: -60,
    PageDown: 60,
    Home: -MINUTES,
    End: MINUTES,
  };
  const step = steps[key];
  return step === undefined ? null : Math.max(0, Math.min(MINUTES - 1, at + step));
}
