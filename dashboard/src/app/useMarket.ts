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

/** The market that the page is about: of the address, else the one looked at last, else the one that traded last. */
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
  return [asked ?? known ?? newest(markets)?.key ?? null, choose];
}

function newest(markets: readonly MarketRow[]): MarketRow | null {
  const traded = (row: MarketRow) => row.last_trade?.time ?? "";
  let found: MarketRow | null = null;
  for (const row of markets) if (!found || traded(row) > traded(found)) found = row;
  return found;
}
