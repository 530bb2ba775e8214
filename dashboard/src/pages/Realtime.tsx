import { path } from "../api/client.ts";
import type { Ingestion, Latency, StatsWindow } from "../api/statistics.ts";
import { type Poll, usePoll } from "../api/usePoll.ts";
import { useQueryWord } from "../app/router.tsx";
import { Choice } from "../panels/Choice.tsx";
import { Lines } from "../panels/Lines.tsx";
import { Panel } from "../panels/Panel.tsx";
import { usePanel } from "../panels/usePanel.ts";
import { LatencyPanel } from "./realtime/LatencyPanel.tsx";
import { HEIGHT, NOT_YET, WHOLE } from "./realtime/look.ts";
import { Summary } from "./realtime/Summary.tsx";
import { alive, byExchange } from "./realtime/series.ts";

const WINDOWS: readonly StatsWindow[] = ["15m", "1h", "24h", "7d"];
const PACE: Record<StatsWindow, number> = { "15m": 1000, "1h": 5000, "24h": 15_000, "7d": 60_000 };

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

const isEmpty = (data: Ingestion) => data.feeds.length === 0 && ("never" as const);

function RatePanel({ ingestion }: { ingestion: Poll<Ingestion> }) {
  const { data } = ingestion;
  const { up, all } = data ? alive(data) : { up: 0, all: 0 };
  const panel = usePanel(ingestion, { empty: isEmpty, partial: () => up < all });
  return (
    <Panel
      title="Trades stored per second"
      testid="realtime-rate"
      height={WHOLE}
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
      height={WHOLE}
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
    <Panel title={title} testid={`realtime-${counter}`} height={WHOLE} empty={NOT_YET} {...panel}>
      {data ? (
        <Lines
          label={`${title}, one line for each exchange`}
          times={data.times}
          lines={shown}
          height={HEIGHT}
          unit={unit}
          whole={counter !== "bytes"}
          testid={`${counter}-chart`}
        />
      ) : null}
    </Panel>
  );
}

function inKilobytes(line: { name: string; values: readonly (number | null)[] }) {
  return { ...line, values: line.values.map((value) => (value === null ? null : value / 1000)) };
}
