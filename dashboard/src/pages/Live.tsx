import type { CandleSize, MarketRow } from "../api/answers.ts";
import { useQueryWord } from "../app/router.tsx";
import { useConfig, useMarket, useMarkets } from "../app/useMarket.ts";
import { count, digitsBehind, filled, pace } from "../design/format.ts";
import { Choice } from "../panels/Choice.tsx";
import { Panel } from "../panels/Panel.tsx";
import { isOld } from "../panels/state.ts";
import { useNow } from "../panels/useNow.ts";
import { SIZES } from "../stream/bars.ts";
import { type StreamPanel, streamPanel } from "../stream/panel.ts";
import { tapeAsCsv } from "../stream/tape.ts";
import { type Feed, useFeed } from "../stream/useFeed.ts";
import { Candles } from "./live/Candles.tsx";
import styles from "./live/Live.module.css";
import { TokenForm } from "./live/TokenForm.tsx";
import { TradeTape } from "./live/TradeTape.tsx";

const LENGTHS = Object.keys(SIZES) as CandleSize[];

export default function Live() {
  const [market] = useMarket();
  const config = useConfig();
  const markets = useMarkets();
  const row = markets.data?.markets.find((each) => each.key === market) ?? null;
  const base = config.data?.stream_url;
  return (
    <div className="stack" data-testid="page-live">
      <header className="page-head">
        <h1>Live {market ? <span className="muted">{market}</span> : null}</h1>
      </header>
      {market && markets.data && row === null ? (
        <Unknown market={market} />
      ) : market && base ? (
        <OneMarket key={`${base} ${market}`} base={base} market={market} row={row} />
      ) : (
        <Waiting asked={markets.at !== null} problem={config.problem ?? markets.problem} />
      )}
    </div>
  );
}

function Unknown({ market }: { market: string }) {
  return (
    <Panel
      title="Candles"
      testid="live-chart"
      state="empty-never"
      height={440}
      empty={
        <>
          <p>There is no market {market}.</p>
          <p>Choose one above, or with Ctrl K.</p>
        </>
      }
    />
  );
}

function Waiting({
  asked,
  problem,
}: {
  asked: boolean;
  problem: Parameters<typeof Panel>[0]["problem"];
}) {
  const state = problem ? "disconnected" : asked ? "empty-never" : "loading";
  return (
    <Panel
      title="Candles"
      testid="live-chart"
      state={state}
      problem={problem ?? null}
      height={440}
      empty="No market has traded yet. `make up` starts to collect; `make demo` shows simulated ones."
    />
  );
}

interface OneMarketProps {
  base: string;
  market: string;
  row: MarketRow | null;
}

function OneMarket({ base, market, row }: OneMarketProps) {
  const [asked, setSize] = useQueryWord("size");
  const size = LENGTHS.find((each) => each === asked) ?? "1m";
  const feed = useFeed(base, market, size);
  const now = useNow();
  const panel = streamPanel(feed, row?.silent_after_seconds ?? null, now);
  const history = feed.history.problem;
  return (
    <>
      <Facts feed={feed} panel={panel} />
      {feed.stream.needsToken ? <TokenForm onGiven={feed.reconnectNow} /> : null}
      <div className={styles.layout}>
        <Panel
          title={`Candles ${size}`}
          testid="live-chart"
          height={490}
          {...panel}
          state={feed.history.loading && panel.state === "fresh" ? "loading" : panel.state}
          note={history ? `history: ${history.title}` : panel.note}
          onRetry={feed.reconnectNow}
          empty="No trade of this market is stored yet; the first one appears here by itself."
          actions={
            <Choice
              name="Length of a candle"
              options={LENGTHS}
              chosen={size}
              choose={setSize}
              testid="size"
            />
          }
        >
          <Candles feed={feed} label={`Candles of ${size} of ${market}, with volume`} />
        </Panel>
        <Panel
          title="Trades"
          testid="live-tape"
          height={500}
          {...panel}
          brief
          onRetry={feed.reconnectNow}
          actions={<TapeActions feed={feed} market={market} />}
        >
          <TradeTape lines={feed.lines} />
        </Panel>
      </div>
    </>
  );
}

function TapeActions({ feed, market }: { feed: Feed; market: string }) {
  const save = () => {
    const url = URL.createObjectURL(new Blob([tapeAsCsv(feed.lines)], { type: "text/csv" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${market.replace("/", "_")}_tape.csv`;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <>
      <button
        type="button"
        aria-pressed={feed.paused}
        title={feed.paused ? "So many trades wait to be shown" : undefined}
        onClick={() => feed.pause(!feed.paused)}
        data-testid="pause"
      >
        {feed.paused ? `Resume (${count(feed.buffered)})` : "Pause"}
      </button>
      <button
        type="button"
        onClick={save}
        aria-label="Save as CSV"
        title="Save what the tape holds"
        data-testid="tape-save"
      >
        CSV
      </button>
    </>
  );
}

/** What the stream says of itself; all of it counted here, so that it can be compared. */
function Facts({ feed, panel }: { feed: Feed; panel: StreamPanel }) {
  const { last, stream } = feed;
  const newest = feed.lines
    .slice(-50)
    .flatMap((line) => (line.kind === "seam" ? [] : [line.trade]));
  const digits = digitsBehind(newest.map((trade) => trade.price));
  const facts: [string, string, string][] = [
    ["Trades/s", pace(feed.rate), "rate"],
    ["Received", count(stream.received), "received"],
    ["Resumed", count(stream.resumed), "resumed"],
    ["Not resumed", count(stream.seams), "seams"],
    ["Came twice", count(stream.repeated), "repeated"],
    [
      "Open gaps",
      count(
        feed.bands.filter((band) => band.state === "suspected" || band.state === "repairing")
          .length,
      ),
      "open-gaps",
    ],
  ];
  return (
    <dl className={styles.facts} data-testid="live-facts" data-phase={stream.phase}>
      <div>
        <dt>Last price</dt>
        <dd
          className={styles.price}
          data-side={last?.side}
          data-old={panel.state === "partial" || isOld(panel.state)}
          data-testid="last-price"
          data-exact={last?.price}
          data-id={last?.id}
        >
          {filled(last?.price, digits)}
        </dd>
      </div>
      {facts.map(([name, value, id]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="number" data-testid={`fact-${id}`}>
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}
