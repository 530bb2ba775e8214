import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { CandleSize } from "../api/answers.ts";
import { showStream } from "./current.ts";
import { MarketFeed, type View } from "./feed.ts";

export interface Feed extends View {
  reconnectNow: () => void;
  pause: (paused: boolean) => void;
}

/** The feed of one market, for as long as somebody shows it. */
export function useFeed(base: string, market: string, size: CandleSize): Feed {
  const feed = useMemo(() => new MarketFeed(base, market, size), [base, market, size]);
  useEffect(() => {
    feed.start();
    return () => {
      feed.stop();
      showStream(null);
    };
  }, [feed]);
  const view = useSyncExternalStore(feed.subscribe, feed.view);
  const { phase, heardAt } = view.stream;
  const heard = heardAt === null ? null : Math.floor(heardAt / 1000) * 1000;
  useEffect(() => showStream({ phase, heardAt: heard }), [phase, heard]);
  return { ...view, reconnectNow: feed.reconnectNow, pause: feed.pause };
}
