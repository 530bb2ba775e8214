import { path } from "../api/client.ts";
import type { Ingestion, Latency, LatencyKind, StatsWindow } from "../api/statistics.ts";
import { type Poll, usePoll } from "../api/usePoll.ts";
import { useQueryWord } from "../app/router.tsx";
import { bytes, count, measure, milliseconds } from "../design/format.ts";
import { Choice } from "../panels/Choice.tsx";
import { Lines } from "../panels/Lines.tsx";
import { Panel } from "../panels/Panel.tsx";
import { Tile, Tiles } from "../panels/Tile.tsx";
import { usePanel } from "../panels/usePanel.ts";
import { alive, byExchange, newest, quantileLines, quantilesOf, sum } from "./realtime/series.ts";

const WINDOWS: readonly StatsWindow[] = ["15m", "1h", "24h", "7d"];
const PACE: Record<StatsWindow, number> = { "15m": 1000, "1h": 5000, "24h": 15_000, "7d": 60_000 };
const HEIGHT = 220;
const NOT_YET = "No collector has written statistics in this time. `make up` starts them.";

/** PostgresRealtimeChart: what the collectors wrote into PostgreSQL, asked for once a second. */
export default function Realtime() {
  const [asked, setWindow] = useQueryWord("window");
  const window = WINDOWS.find((each) => each === asked) ?? "15m";
  const ingestion = usePoll<Ingestion>(path("/v1/stats/ingestion", { window }), PACE[window]);
  const latency = usePoll<Latency>(path("/v1/stats/latency", { window }), PACE[window]);
  return (
    <div className="stack" data-testid="page-realtime">
      <header className="page-head">
        <h1>Realtime</h1>
        <Choice
          name="Time shown"
          options={WINDOWS}
          chosen={window}
          choose={setWindow}
          testid="window"
        />
      </header>
      <Summary ingestion={ingestion} latency={latency} window={window} />
      <RatePanel ingestion={ingestion} />
      <LatencyPanel latency={latency} />
      <div className="grid-2">
        <WritePanel latency={latency} />
        <CounterPanel
          ingestion={ingestion}
          title="Rows waiting to be stored"
          counter="queue_rows"
          unit="rows"
        />
        <CounterPanel ingestion={ingestion} title="Reconnects" counter="reconnects" unit="" />
        <CounterPanel ingestion={ingestion} title="Bytes received" counter="bytes" unit="kB/s" />
      </div>
    </div>
  );
}

interface SummaryProps {
  ingestion: Poll<Ingestion>;
  latency: Poll<Latency>;
  window: StatsWindow;
}

function Summary({ ingestion, latency, window }: SummaryProps) {
  const { state, at } = usePanel(ingestion);
  const lag = usePanel(latency);
  const data = ingestion.data;
  const each = data?.bucket_seconds ?? 1;
  const rate = data?.feeds.reduce((total, feed) => total + (newest(feed.stored) ?? 0), 0) ?? 0;
  const total = (of: (feed: Ingestion["feeds"][number]) => readonly (number | null)[]) =>
    data?.feeds.reduce((all, feed) => all + sum(of(feed)), 0);
  const receive = latency.data && quantilesOf(latency.data, "receive", null);
  return (
    <Tiles label="Now">
      <Tile
        name="Stored now"
        value={measure(rate / each)}
        note="rows per second"
        state={state}
        at={at}
        testid="tile-stored"
      />
      <Tile
        name="Receive lag p99"
        value={milliseconds(newest(receive?.p99 ?? []))}
        note="exchange to us"
        state={lag.state}
        at={lag.at}
        testid="tile-lag"
      />
      <Tile
        name="Stored"
        value={count(total((feed) => feed.stored))}
        note={`in ${window}`}
        state={state}
        at={at}
        testid="tile-stored-total"
      />
      <Tile
        name="Repeats"
        value={count(total((feed) => feed.repeats))}
        note={`ignored in ${window}`}
        state={state}
        at={at}
        testid="tile-repeats"
      />
      <Tile
        name="Received"
        value={bytes(total((feed) => feed.bytes))}
        note={`in ${window}`}
        state={state}
        at={at}
        testid="tile-bytes"
      />
      <Tile
        name="Reconnects"
        value={count(total((feed) => feed.reconnects))}
        note={`in ${window}`}
        state={state}
        at={at}
        testid="tile-reconnects"
      />
    </Tiles>
  );
}

const isEmpty = (data: Ingestion) => data.feeds.length === 0 && ("never" as const);

function RatePanel({ ingestion }: { ingestion: Poll<Ingestion> }) {
  const { data } = ingestion;
  const { up, all } = data ? alive(data) : { up: 0, all: 0 };
  const panel = usePanel(ingestion, { empty: isEmpty, partial: () => up < all });
  return (
    <Panel
      title="Trades stored per second"
      testid="realtime-rate"
      height={HEIGHT}
      empty={NOT_YET}
      note={data ? `${up} of ${all} collectors write` : null}
      {...panel}
    >
      {data ? (
        <Lines
          label="Trades stored per second, one line for each exchange"
          times={data.times}
          lines={byExchange(data, "stored", true)}
          height={HEIGHT}
          unit="/s"
          testid="rate-chart"
        />
      ) : null}
    </Panel>
  );
}

const KINDS: readonly LatencyKind[] = ["receive", "write", "deliver"];
const KIND_WORDS: Record<LatencyKind, string> = {
  receive: "from the exchange's clock to ours",
  write: "a batch into PostgreSQL",
  deliver: "from stored to sent to stream clients",
};

function LatencyPanel({ latency }: { latency: Poll<Latency> }) {
  const [askedKind, setKind] = useQueryWord("kind");
  const [exchange, setExchange] = useQueryWord("exchange");
  const kind = KINDS.find((each) => each === askedKind) ?? "receive";
  const panel = usePanel(latency, { empty: (data) => data.feeds.length === 0 && "never" });
  const { data } = latency;
  const found = data && quantilesOf(data, kind, exchange);
  const exchanges = new Set(data?.feeds.flatMap((feed) => feed.exchange ?? []));
  return (
    <Panel
      title="Latency"
      testid="realtime-latency"
      height={HEIGHT}
      empty={NOT_YET}
      note={KIND_WORDS[kind]}
      actions={
        <>
          <select
            aria-label="Exchange"
            value={exchange ?? ""}
            onChange={(event) => setExchange(event.target.value || null)}
            data-testid="latency-exchange"
          >
            <option value="">all exchanges</option>
            {[...exchanges].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
          <Choice
            name="Which latency"
            options={KINDS}
            chosen={kind}
            choose={setKind}
            testid="kind"
          />
        </>
      }
      {...panel}
    >
      {data && found ? (
        <Lines
          label={`Latency in milliseconds, ${KIND_WORDS[kind]}: p50, p95, p99 and the greatest`}
          times={data.times}
          lines={quantileLines(found)}
          height={HEIGHT}
          unit="ms"
          log
          testid="latency-chart"
        />
      ) : (
        <p className="muted">
          {exchange === null
            ? "Choose an exchange: this is kept for each alone."
            : "Nothing was measured of this."}
        </p>
      )}
    </Panel>
  );
}

function WritePanel({ latency }: { latency: Poll<Latency> }) {
  const panel = usePanel(latency, { empty: (data) => data.feeds.length === 0 && "never" });
  const { data } = latency;
  const lines = (data?.feeds ?? [])
    .filter((feed) => feed.kind === "write")
    .map((feed) => ({ name: feed.exchange ?? "all", values: feed.p99 }));
  return (
    <Panel
      title="Write into PostgreSQL, p99"
      testid="realtime-write"
      height={HEIGHT}
      empty={NOT_YET}
      {...panel}
    >
      {data ? (
        <Lines
          label="The 99th percentile of a batch's way into PostgreSQL in milliseconds, by exchange"
          times={data.times}
          lines={lines}
          height={HEIGHT}
          unit="ms"
          testid="write-chart"
        />
      ) : null}
    </Panel>
  );
}

interface CounterProps {
  ingestion: Poll<Ingestion>;
  title: string;
  counter: "queue_rows" | "reconnects" | "bytes";
  unit: string;
}

function CounterPanel({ ingestion, title, counter, unit }: CounterProps) {
  const panel = usePanel(ingestion, { empty: isEmpty });
  const { data } = ingestion;
  const lines = data ? byExchange(data, counter, counter === "bytes") : [];
  const shown = counter === "bytes" ? lines.map(inKilobytes) : lines;
  return (
    <Panel title={title} testid={`realtime-${counter}`} height={HEIGHT} empty={NOT_YET} {...panel}>
      {data ? (
        <Lines
          label={`${title}, one line for each exchange`}
          times={data.times}
          lines={shown}
          height={HEIGHT}
          unit={unit}
          testid={`${counter}-chart`}
        />
      ) : null}
    </Panel>
  );
}

function inKilobytes(line: { name: string; values: readonly (number | null)[] }) {
  return { ...line, values: line.values.map((value) => (value === null ? null : value / 1000)) };
}
