import type { Ingestion, Latency, StatsWindow } from "../../api/statistics.ts";
import type { Poll } from "../../api/usePoll.ts";
import { bytes, count, measure, milliseconds } from "../../design/format.ts";
import { Tile, Tiles } from "../../panels/Tile.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import { newest, quantilesOf, sum } from "./series.ts";

interface SummaryProps {
  ingestion: Poll<Ingestion>;
  latency: Poll<Latency>;
  window: StatsWindow;
}

export function Summary({ ingestion, latency, window }: SummaryProps) {
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
