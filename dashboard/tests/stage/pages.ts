/** Every page of the dashboard, what stands on it, and where each panel has it from. */
import type { ComponentType } from "react";

export interface PageOf {
  name: string;
  address: string;
  load: () => Promise<{ default: ComponentType }>;
  /** Panels that the API feeds, with the pace (ms) at which they ask; Infinity: once. */
  panels: Record<string, number>;
  tiles: readonly string[];
}

const ONCE = Number.POSITIVE_INFINITY;

export const PAGES: readonly PageOf[] = [
  {
    name: "overview",
    address: "/",
    load: () => import("../../src/pages/Overview.tsx"),
    panels: { incidents: 10_000, feeds: 2000, "overview-rate": 5000, "overview-lag": 5000 },
    tiles: ["feeds", "rate", "lag", "coverage", "gaps", "incidents", "disk"].map(tile),
  },
  {
    name: "realtime",
    address: "/realtime?window=1h",
    load: () => import("../../src/pages/Realtime.tsx"),
    panels: {
      "realtime-rate": 5000,
      "realtime-latency": 5000,
      "realtime-write": 5000,
      "realtime-queue_rows": 5000,
      "realtime-reconnects": 5000,
      "realtime-bytes": 5000,
    },
    tiles: ["stored", "lag", "stored-total", "repeats", "bytes", "reconnects"].map(tile),
  },
  {
    name: "coverage",
    address: "/coverage",
    load: () => import("../../src/pages/Coverage.tsx"),
    panels: { coverage: 30_000 },
    tiles: [],
  },
  {
    name: "coverage-day",
    address: "/coverage/kraken/BTC_USD/2026-11-21",
    load: () => import("../../src/pages/Coverage.tsx"),
    panels: { verdict: 15_000, minutes: 15_000, "day-gaps": 15_000, backfill: 15_000 },
    tiles: [],
  },
  {
    name: "explore",
    address: "/explore?market=kraken/BTC_USD",
    load: () => import("../../src/pages/Explore.tsx"),
    panels: { "explore-candles": ONCE },
    tiles: [],
  },
  {
    name: "dictionary",
    address: "/dictionary",
    load: () => import("../../src/pages/Dictionary.tsx"),
    panels: { dictionary: ONCE },
    tiles: [],
  },
  {
    name: "operations",
    address: "/operations",
    load: () => import("../../src/pages/Operations.tsx"),
    panels: {
      "ops-incidents": 10_000,
      "ops-own-received": 5000,
      "ops-own-stored": 5000,
      "ops-own-receive": 5000,
      "ops-own-write": 5000,
      "ops-storage": 15_000,
      "ops-links": 5000,
      "ops-about": 5000,
    },
    tiles: [],
  },
];

function tile(name: string): string {
  return `tile-${name}`;
}

export function pageOf(name: string): PageOf {
  const found = PAGES.find((page) => page.name === name);
  if (!found) throw new Error(`there is no page ${name}`);
  return found;
}
