import { useCallback, useEffect } from "react";
import type { Config, MarketRow, Markets } from "../api/answers.ts";
import { type Poll, usePoll } from "../api/usePoll.ts";
import { prefer, usePreferences } from "./preferences.ts";
import { useQueryWord } from "./router.tsx";

export function useConfig(): Poll<Config> {
  return usePoll<Config>("/v1/config", 5000);
}

export function useMarkets(): Poll<Markets> {
  return usePoll<Markets>("/v1/markets", 15_000);
}

/** The market that the page is about: of the address, else the one looked at last, else the first that trades. */
export function useMarket(): [string | null, (key: string) => void] {
  const [asked, setAsked] = useQueryWord("market");
  const { market: last } = usePreferences();
  const markets = useMarkets().data?.markets ?? [];
  const choose = useCallback(
    (key: string) => {
      prefer({ market: key });
      setAsked(key);
    },
    [setAsked],
  );
  const isNew = asked !== null && asked !== last && markets.some((row) => row.key === asked);
  useEffect(() => {
    if (isNew) prefer({ market: asked });
  }, [isNew, asked]);
  const known = markets.some((row) => row.key === last) ? last : null;
  return [asked ?? known ?? first(markets)?.key ?? null, choose];
}

/** Always the same one, while nobody has chosen: a page must not change its market by itself. */
function first(markets: readonly MarketRow[]): MarketRow | null {
  return markets.find((row) => row.last_trade) ?? markets[0] ?? null;
}
