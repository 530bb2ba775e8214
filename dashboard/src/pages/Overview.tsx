import type { Incidents } from "../api/answers.ts";
import { path } from "../api/client.ts";
import type { Feeds, Ingestion, Latency } from "../api/statistics.ts";
import { type Poll, usePoll } from "../api/usePoll.ts";
import { LINES_WORDS, Lines } from "../panels/Lines.tsx";
import { Panel } from "../panels/Panel.tsx";
import { usePanel } from "../panels/usePanel.ts";
import { FeedMatrix } from "./overview/FeedMatrix.tsx";
import { IncidentStrip } from "./overview/IncidentStrip.tsx";
import { Summary } from "./overview/Summary.tsx";
import { alive, byExchange, quantileLines, quantilesOf } from "./realtime/series.ts";

const HEIGHT = 200;
const WHOLE = HEIGHT + LINES_WORDS;
const NOT_YET = (
  <>
    <p>No collector has written yet.</p>
    <p>
      <code>make up</code> collects from the live exchanges, <code>make demo</code> from simulated
      ones.
    </p>
  </>
);

/** SystemDashboard: whether all is well, on one screen. */
export default function Overview() {
  const feeds = usePoll<Feeds>("/v1/stats/feeds", 2000);
  const ingestion = usePoll<Ingestion>(path("/v1/stats/ingestion", { window: "1h" }), 5000);
  const latency = usePoll<Latency>(path("/v1/stats/latency", { window: "1h" }), 5000);
  const incidents = usePoll<Incidents>(path("/v1/incidents", { open: true, limit: 20 }), 10_000);
  return (
    <div className="stack" data-testid="page-overview">
      <header className="page-head">
        <h1>Overview</h1>
      </header>
      <Summary feeds={feeds} latency={latency} incidents={incidents} />
      <IncidentStrip incidents={incidents} />
      <FeedPanel feeds={feeds} />
      <div className="grid-2">
        <Rate ingestion={ingestion} />
        <Lag latency={latency} />
      </div>
    </div>
  );
}

function FeedPanel({ feeds }: { feeds: Poll<Feeds> }) {
  const rows = feeds.data?.feeds ?? [];
  const fresh = rows.filter((row) => row.state === "fresh").length;
  const panel = usePanel(feeds, {
    empty: (data) => data.feeds.length === 0 && "never",
    partial: () => fresh < rows.length,
  });
  return (
    <Panel
      title="Feeds"
      testid="feeds"
      height={120}
      empty={NOT_YET}
      note={rows.length > 0 ? `${fresh} of ${rows.length} fresh` : null}
      {...panel}
    >
      <FeedMatrix rows={rows} at={feeds.at} />
    </Panel>
  );
}

function Rate({ ingestion }: { ingestion: Poll<Ingestion> }) {
  const { data } = ingestion;
  const panel = usePanel(ingestion, {
    empty: (answer) => answer.feeds.length === 0 && "never",
    partial: (answer) => alive(answer).up < alive(answer).all,
  });
  return (
    <Panel
      title="Trades stored per second, last hour"
      testid="overview-rate"
      height={WHOLE}
      empty={NOT_YET}
      {...panel}
    >
      {data ? (
        <Lines
          label="Trades stored per second over the last hour, one line for each exchange"
          times={data.times}
          lines={byExchange(data, "stored", true)}
          height={HEIGHT}
          unit="/s"
          testid="overview-rate-chart"
        />
      ) : null}
    </Panel>
  );
}

function Lag({ latency }: { latency: Poll<Latency> }) {
  const { data } = latency;
  const panel = usePanel(latency, { empty: (answer) => answer.feeds.length === 0 && "never" });
  const found = data && quantilesOf(data, "receive", null);
  return (
    <Panel
      title="Receive lag, last hour"
      testid="overview-lag"
      height={WHOLE}
      empty={NOT_YET}
      {...panel}
    >
      {data && found ? (
        <Lines
          label="Milliseconds from the exchange's clock to ours over the last hour: p50, p95, p99, greatest"
          times={data.times}
          lines={quantileLines(found)}
          height={HEIGHT}
          unit="ms"
          log
          testid="overview-lag-chart"
        />
      ) : null}
    </Panel>
  );
}
