import { useMemo } from "react";
import type { Candles as Answer } from "../api/answers.ts";
import { marketPath, path } from "../api/client.ts";
import { usePoll } from "../api/usePoll.ts";
import { usePreferences } from "../app/preferences.ts";
import { useMarket, useMarkets } from "../app/useMarket.ts";
import { count, moment } from "../design/format.ts";
import { Panel } from "../panels/Panel.tsx";
import { usePanel } from "../panels/usePanel.ts";
import { Candles, CHART_HEIGHT } from "./explore/Candles.tsx";
import { Controls } from "./explore/Controls.tsx";
import { Days, RangeFiles } from "./explore/Downloads.tsx";
import { useTrades } from "./explore/paging.ts";
import { MOST_BARS } from "./explore/range.ts";
import { Snippets } from "./explore/Snippets.tsx";
import { TradeList } from "./explore/TradeList.tsx";
import { useAsked } from "./explore/useAsked.ts";

const PAGE = 200;

/** One market's past: bars, trades, files, and how to get them elsewhere. */
export default function Explore() {
  const [key] = useMarket();
  const markets = useMarkets();
  const row = markets.data?.markets.find((each) => each.key === key) ?? null;
  const asked = useAsked();
  const { range, size } = asked;
  const { clock } = usePreferences();
  const question = { size, start: range.start, end: range.end, limit: MOST_BARS };
  const poll = usePoll<Answer>(
    key ? path(`${marketPath(key)}/candles`, question) : null,
    Number.POSITIVE_INFINITY,
  );
  const panel = usePanel<unknown>(key ? poll : markets, {
    empty: () => (key ? poll.data?.candles.opened_at.length === 0 && "range" : "never"),
  });
  const pages = useTrades(key, range, PAGE);
  const subject = useMemo(
    () =>
      row && {
        key: row.key,
        exchange: row.exchange,
        symbol: row.symbol,
        size,
        ...range,
        origin: window.location.origin,
      },
    [row, range, size],
  );
  const last = row?.last_trade?.time ?? null;
  const empty =
    key === null ? (
      <p>
        No market was stored yet: <code>make up</code> starts to collect, <code>make demo</code>{" "}
        shows simulated ones.
      </p>
    ) : (
      <>
        <p>{key} has no trades in this range. Choose a wider one.</p>
        {last ? (
          <button type="button" onClick={() => asked.onLook(last)} data-testid="explore-newest">
            Go to its newest trade, {moment(last, clock)}
          </button>
        ) : null}
      </>
    );
  return (
    <div className="stack" data-testid="page-explore">
      <header className="page-head">
        <h1>
          Explore <span className="muted">{key}</span>
        </h1>
      </header>
      <Controls {...asked} />
      <Panel
        title="Price and volume"
        testid="explore-candles"
        height={CHART_HEIGHT + 34}
        empty={empty}
        note={poll.data ? `${count(poll.data.candles.opened_at.length)} bars of ${size}` : null}
        {...panel}
      >
        {poll.data && poll.data.candles.opened_at.length > 0 ? (
          <Candles
            candles={poll.data.candles}
            label={`Price and volume of ${key}, bars of ${size}`}
          />
        ) : null}
      </Panel>
      {key && row ? (
        <>
          <div className="grid-2">
            <Days
              exchange={row.exchange}
              symbol={key.slice(row.exchange.length + 1)}
              range={range}
            />
            <RangeFiles key={`${key} ${range.start} ${range.end}`} market={key} range={range} />
          </div>
          <TradeList pages={pages} empty={empty} />
          <Snippets subject={subject} />
        </>
      ) : null}
    </div>
  );
}
