import { useMemo } from "react";
import type { CoverageCell, CoverageDay, Day, GapRow, Time } from "../../api/answers.ts";
import { usePoll } from "../../api/usePoll.ts";
import { usePreferences } from "../../app/preferences.ts";
import { Link } from "../../app/router.tsx";
import { useConfig } from "../../app/useMarket.ts";
import { count, NOTHING, share, timeOfDay } from "../../design/format.ts";
import { Panel } from "../../panels/Panel.tsx";
import { type Column, Table } from "../../panels/Table.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import { Backfill } from "./Backfill.tsx";
import styles from "./Coverage.module.css";
import { MinuteStrip } from "./MinuteStrip.tsx";
import { DAY_MS, dayAt, dayPath, markOf } from "./map.ts";
import { strip } from "./minutes.ts";
import { causeWords, isOpen, stateWords, verdictWords, widthOf } from "./words.ts";

export function DayPage({ market, day }: { market: string; day: Day }) {
  const [exchange = "", symbol = ""] = market.split("/");
  const words = [exchange, symbol, day].map(encodeURIComponent).join("/");
  const poll = usePoll<CoverageDay>(`/v1/coverage/${words}`, 15_000);
  const panel = usePanel(poll);
  const found = poll.data;
  const drawn = useMemo(() => (found ? strip(day, found) : null), [found, day]);
  const open = found?.gaps.filter(isOpen).length ?? 0;
  return (
    <div className="stack" data-testid="page-coverage-day">
      <header className="page-head">
        <h1>
          {market} <span className="muted">{day}</span>
        </h1>
        <nav className="row" aria-label="Days">
          <Link to="/coverage" className="button" testid="day-back">
            All markets
          </Link>
          <Link to={dayPath(market, beside(day, -1))} className="button" testid="day-before">
            ← Day before
          </Link>
          <Link to={dayPath(market, beside(day, 1))} className="button" testid="day-after">
            Day after →
          </Link>
        </nav>
      </header>
      <Panel title="Verdict" testid="verdict" height={120} {...panel}>
        {found ? <Verdict cell={found.cell} /> : null}
        {found?.cell?.exported ? <Files words={words} /> : null}
      </Panel>
      <Panel title="Minute by minute" testid="minutes" height={280} {...panel}>
        {drawn ? <MinuteStrip strip={drawn} /> : null}
      </Panel>
      <Panel
        title="Gaps"
        testid="day-gaps"
        height={48}
        note={found ? `${count(open)} open of ${count(found.gaps.length)}` : null}
        {...panel}
      >
        {found && found.gaps.length === 0 ? (
          <p className="muted">No gap touches this day.</p>
        ) : (
          <Gaps gaps={found?.gaps ?? []} />
        )}
      </Panel>
      <Backfill key={`${market} ${day}`} market={market} day={day} />
      <ToDagster market={market} day={day} />
    </div>
  );
}

function Verdict({ cell }: { cell: CoverageCell | null }) {
  if (!cell)
    return (
      <p data-testid="verdict-words">Nobody has judged this day: nothing is known of it yet.</p>
    );
  const facts: [string, string][] = [
    ["Expected", count(cell.expected)],
    ["Stored", count(cell.stored)],
    ["Repaired", count(cell.repaired)],
    ["Absent", count(cell.absent)],
    ["Missing", count(cell.missing)],
    ["Observed", share(cell.observed)],
    ["Archived", cell.exported ? (cell.reopened ? "out of date" : "yes") : "no"],
  ];
  return (
    <>
      <p className={styles.verdict} data-testid="verdict-words">
        <span className={styles.badge} data-mark={markOf(cell)}>
          {cell.verdict}
          {cell.is_provisional ? ", not final" : ""}
        </span>
        {verdictWords(cell)}
      </p>
      <p className="muted">In the judge's words: {cell.reason}.</p>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="number" data-testid={`day-${name.toLowerCase()}`}>
              {value}
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Files({ words }: { words: string }) {
  return (
    <p className={`row ${styles.files}`}>
      <a className="button" href={`/v1/datasets/${words}`} download data-testid="day-file">
        Download the Parquet file
      </a>
      <a
        className="button"
        href={`/v1/datasets/${words}/certificate`}
        target="_blank"
        rel="noreferrer"
        data-testid="day-certificate"
      >
        Its certificate
      </a>
    </p>
  );
}

function Gaps({ gaps }: { gaps: readonly GapRow[] }) {
  const { clock } = usePreferences();
  const columns: Column<GapRow>[] = [
    { name: "Gap", numeric: true, cell: (row) => row.gap_id },
    {
      name: "From, to",
      cell: (row) => (
        <span className={styles.span}>
          {timeOfDay(row.after, clock, 3)} – {told(row.before, clock)}
        </span>
      ),
    },
    { name: "Ids", numeric: true, cell: (row) => widthWords(row) },
    { name: "Cause", words: true, cell: (row) => causeWords(row.cause) },
    {
      name: "State",
      words: true,
      cell: (row) => <span data-testid={`gap-state-${row.gap_id}`}>{stateWords(row)}</span>,
    },
    { name: "Attempts", numeric: true, cell: (row) => row.attempts },
    { name: "Note", words: true, cell: (row) => row.note ?? NOTHING },
  ];
  return (
    <Table
      caption="Gaps that touch this day"
      testid="day-gap-table"
      cards
      rows={gaps}
      keyOf={(row) => row.gap_id}
      columns={columns}
    />
  );
}

function told(time: Time | null, clock: "utc" | "local"): string {
  return time === null ? "not known yet" : timeOfDay(time, clock, 3);
}

function widthWords(gap: GapRow): string {
  const width = widthOf(gap);
  return width === null || width < 0n ? NOTHING : count(Number(width));
}

/** The day's partition on Dagster's page, where its runs, its checks and its file are shown. */
function ToDagster({ market, day }: { market: string; day: Day }) {
  const base = useConfig().data?.dagster_url;
  if (!base) return null;
  const key = encodeURIComponent(`${day}|${market}`);
  return (
    <p>
      <a
        href={`${base.replace(/\/$/, "")}/assets/trades_parquet?view=partitions&partition=${key}`}
        target="_blank"
        rel="noreferrer"
        data-testid="day-dagster"
      >
        This day on Dagster's page
      </a>
    </p>
  );
}

function beside(day: Day, days: number): Day {
  return dayAt(Date.parse(day) + days * DAY_MS);
}
