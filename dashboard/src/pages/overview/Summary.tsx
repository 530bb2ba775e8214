import type { Coverage, CoverageCell, Incidents } from "../../api/answers.ts";
import { path } from "../../api/client.ts";
import type { Feeds, Latency, Storage } from "../../api/statistics.ts";
import { type Poll, usePoll } from "../../api/usePoll.ts";
import { bytes, count, milliseconds, pace, share } from "../../design/format.ts";
import { Tile, Tiles } from "../../panels/Tile.tsx";
import { useNow } from "../../panels/useNow.ts";
import { usePanel } from "../../panels/usePanel.ts";
import { newest, quantilesOf } from "../realtime/series.ts";
import { isProved, wholeShare } from "./coverage.ts";

const DAY_MS = 86_400_000;

interface SummaryProps {
  feeds: Poll<Feeds>;
  latency: Poll<Latency>;
  incidents: Poll<Incidents>;
}

export function Summary({ feeds, latency, incidents }: SummaryProps) {
  return (
    <Tiles label="In short">
      <FeedTiles feeds={feeds} />
      <LagTile latency={latency} />
      <CoverageTile />
      <GapTile feeds={feeds} />
      <IncidentTile incidents={incidents} />
      <DiskTile />
    </Tiles>
  );
}

function FeedTiles({ feeds }: { feeds: Poll<Feeds> }) {
  const { state, at } = usePanel(feeds);
  const rows = feeds.data?.feeds ?? [];
  const up = rows.filter((row) => row.state === "fresh").length;
  const rate = rows.reduce((total, row) => total + (row.trades_per_second ?? 0), 0);
  return (
    <>
      <Tile
        name="Feeds up"
        value={`${up}/${rows.length}`}
        note={feedWords(up, rows.length)}
        tone={up === rows.length ? "plain" : "warn"}
        state={state}
        at={at}
        testid="tile-feeds"
      />
      <Tile
        name="Trades per second"
        value={pace(rate)}
        note="all markets"
        state={state}
        at={at}
        testid="tile-rate"
      />
    </>
  );
}

function feedWords(up: number, all: number): string {
  if (all === 0) return "none yet";
  return up === all ? "all fresh" : `${all - up} not fresh`;
}

function LagTile({ latency }: { latency: Poll<Latency> }) {
  const { state, at } = usePanel(latency);
  const found = latency.data && quantilesOf(latency.data, "receive", null);
  return (
    <Tile
      name="Receive lag p99"
      value={milliseconds(newest(found?.p99 ?? []))}
      note="last minute"
      state={state}
      at={at}
      testid="tile-lag"
    />
  );
}

function CoverageTile() {
  const now = useNow();
  const day = (offset: number) => new Date(now + offset * DAY_MS).toISOString().slice(0, 10);
  const url = path("/v1/coverage", { start: day(-1), end: day(1) });
  const coverage = usePoll<Coverage>(url, 60_000);
  const { state, at } = usePanel(coverage);
  const cells = coverage.data?.cells ?? [];
  const whole = wholeShare(cells);
  return (
    <Tile
      name="Coverage"
      value={share(whole)}
      note={coverageWords(cells, whole)}
      tone={whole !== null && whole < 1 ? "warn" : "plain"}
      state={state}
      at={at}
      testid="tile-coverage"
    />
  );
}

/** 100 % without a proof only means that nothing is known to be missing. */
function coverageWords(cells: readonly CoverageCell[], whole: number | null): string {
  if (whole === null) return "not judged yet";
  if (whole < 1) return "since yesterday";
  return isProved(cells) ? "proved whole" : "not proved yet";
}

function GapTile({ feeds }: { feeds: Poll<Feeds> }) {
  const { state, at } = usePanel(feeds);
  const open = feeds.data?.feeds.reduce((total, row) => total + row.open_gaps, 0);
  return (
    <Tile
      name="Open gaps"
      value={count(open)}
      note={open ? "being repaired" : "none"}
      tone={open ? "warn" : "plain"}
      state={state}
      at={at}
      testid="tile-gaps"
    />
  );
}

function IncidentTile({ incidents }: { incidents: Poll<Incidents> }) {
  const { state, at } = usePanel(incidents);
  const found = incidents.data?.incidents.length ?? 0;
  const more = incidents.data?.next_cursor ? "+" : "";
  return (
    <Tile
      name="Incidents"
      value={`${count(found)}${more}`}
      note={found ? "open" : "none open"}
      tone={found ? "bad" : "plain"}
      state={state}
      at={at}
      testid="tile-incidents"
    />
  );
}

function DiskTile() {
  const storage = usePoll<Storage>("/v1/stats/storage", 60_000);
  const { state, at } = usePanel(storage);
  const left = storage.data?.days_left ?? null;
  return (
    <Tile
      name="Disk lasts"
      value={left === null ? "–" : `${count(Math.floor(left))} d`}
      note={storage.data ? `${bytes(storage.data.disk.free)} free` : ""}
      tone={left !== null && left < 14 ? "bad" : "plain"}
      state={state}
      at={at}
      testid="tile-disk"
    />
  );
}
