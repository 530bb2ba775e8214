import type { Latency, LatencyKind } from "../../api/statistics.ts";
import type { Poll } from "../../api/usePoll.ts";
import { useQueryWord } from "../../app/router.tsx";
import { Choice } from "../../panels/Choice.tsx";
import { Lines } from "../../panels/Lines.tsx";
import { Panel } from "../../panels/Panel.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import { HEIGHT, NOT_YET, WHOLE } from "./look.ts";
import { quantileLines, quantilesOf } from "./series.ts";

const KINDS: readonly LatencyKind[] = ["receive", "write", "deliver"];
const KIND_WORDS: Record<LatencyKind, string> = {
  receive: "from the exchange's clock to ours",
  write: "a batch into PostgreSQL",
  deliver: "from stored to sent to stream clients",
};

export function LatencyPanel({ latency }: { latency: Poll<Latency> }) {
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
      height={WHOLE}
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
