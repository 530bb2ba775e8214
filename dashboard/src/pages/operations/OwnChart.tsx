import { path } from "../../api/client.ts";
import type { Ingestion, IngestionFeed, Latency } from "../../api/statistics.ts";
import { usePoll } from "../../api/usePoll.ts";
import { LINES_WORDS, type Line, Lines } from "../../panels/Lines.tsx";
import { Panel } from "../../panels/Panel.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import type { Embedded, Span } from "./grafana.ts";

export const CHART_HEIGHT = 200;
export const WHOLE_HEIGHT = CHART_HEIGHT + LINES_WORDS;
const EVERY = 5000;
const NEVER = (
  <p>
    No statistics were written in this time. Collectors write them each second: <code>make up</code>{" "}
    starts them; or choose a longer time.
  </p>
);

/** Ours, from /v1/stats, where Grafana is not there. */
export function OwnChart({ shown, span }: { shown: Embedded; span: Span }) {
  return shown.own === "received" || shown.own === "stored" ? (
    <Rates shown={shown} span={span} />
  ) : (
    <Latencies shown={shown} span={span} kind={shown.own} />
  );
}

function Rates({ shown, span }: { shown: Embedded; span: Span }) {
  const poll = usePoll<Ingestion>(path("/v1/stats/ingestion", { window: span }), EVERY);
  const panel = usePanel(poll, { empty: (data) => data.feeds.length === 0 && "range" });
  const { data } = poll;
  return (
    <Panel
      title={shown.title}
      testid={`ops-own-${shown.own}`}
      height={WHOLE_HEIGHT}
      empty={NEVER}
      {...panel}
    >
      {data ? (
        <Lines
          label={`${shown.title}, trades per second of each exchange`}
          times={data.times}
          lines={rates(data, shown.own === "stored")}
          height={CHART_HEIGHT}
          unit="/s"
          testid={`ops-lines-${shown.own}`}
        />
      ) : null}
    </Panel>
  );
}

function rates(data: Ingestion, withRepeats: boolean): Line[] {
  const perSecond = (values: (number | null)[]) =>
    values.map((value) => (value === null ? null : value / data.bucket_seconds));
  const named = (words: string, values: (feed: IngestionFeed) => (number | null)[]) =>
    data.feeds.map((feed, index) => ({
      name: `${feed.exchange}${words}`,
      values: perSecond(values(feed)),
      colour: `--series-${(index % 6) + 1}`, // an exchange has one colour on all charts
    }));
  if (!withRepeats) return named("", (feed) => feed.trades);
  return [
    ...named(" stored", (feed) => feed.stored),
    ...named(" repeated", (feed) => feed.repeats),
  ];
}

function Latencies(props: { shown: Embedded; span: Span; kind: "receive" | "write" }) {
  const { shown, span, kind } = props;
  const poll = usePoll<Latency>(path("/v1/stats/latency", { window: span }), EVERY);
  const own = poll.data?.feeds.filter((feed) => feed.kind === kind) ?? [];
  const panel = usePanel(poll, { empty: () => own.length === 0 && "range" });
  return (
    <Panel
      title={`${shown.title}, 99th percentile`}
      testid={`ops-own-${shown.own}`}
      height={WHOLE_HEIGHT}
      empty={NEVER}
      {...panel}
    >
      {poll.data && own.length > 0 ? (
        <Lines
          label={`${shown.title}: 99th percentile of each exchange, milliseconds`}
          times={poll.data.times}
          lines={own.map((feed) => ({ name: feed.exchange ?? "all", values: feed.p99 }))}
          height={CHART_HEIGHT}
          unit="ms"
          log
          testid={`ops-lines-${shown.own}`}
        />
      ) : null}
    </Panel>
  );
}
