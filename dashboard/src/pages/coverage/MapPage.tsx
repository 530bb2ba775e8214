import { useMemo, useState } from "react";
import type { Coverage, CoverageCell, Exchanges } from "../../api/answers.ts";
import { path } from "../../api/client.ts";
import { usePoll } from "../../api/usePoll.ts";
import { Link, useQueryWord } from "../../app/router.tsx";
import { useMarkets } from "../../app/useMarket.ts";
import { count, share } from "../../design/format.ts";
import { Panel } from "../../panels/Panel.tsx";
import { type Column, Table } from "../../panels/Table.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import { HeatMap } from "./HeatMap.tsx";
import { Legend } from "./Legend.tsx";
import { DAY_MS, dayAt, dayPath, heatMap, shareOf, tally } from "./map.ts";

const RANGES = { "14": "Two weeks", "30": "30 days", "90": "90 days", "365": "A year" };
const EVERY = 30_000;

export function MapPage() {
  const [exchange, setExchange] = useQueryWord("exchange");
  const [asked, setRange] = useQueryWord("days");
  const range = asked !== null && asked in RANGES ? asked : "30";
  const exchanges = usePoll<Exchanges>("/v1/exchanges", 60_000).data?.exchanges ?? [];
  const poll = usePoll<Coverage>(question(exchange, Number(range)), EVERY);
  const hasAny = useMarkets().data?.markets.some((row) => row.first_day !== null) ?? true;
  const isEmpty = (data: Coverage) => data.cells.length === 0 && (hasAny ? "range" : "never");
  const panel = usePanel(poll, { empty: isEmpty });
  const map = useMemo(() => (poll.data ? heatMap(poll.data) : null), [poll.data]);
  return (
    <div className="stack" data-testid="page-coverage">
      <header className="page-head">
        <h1>Coverage</h1>
        <div className="controls">
          <label>
            Exchange
            <select
              value={exchange ?? ""}
              onChange={(event) => setExchange(event.target.value || null)}
              data-testid="coverage-exchange"
            >
              <option value="">All</option>
              {exchanges.map((each) => (
                <option key={each.exchange}>{each.exchange}</option>
              ))}
            </select>
          </label>
          <label>
            Range
            <select
              value={range}
              onChange={(event) => setRange(event.target.value)}
              data-testid="coverage-range"
            >
              {Object.entries(RANGES).map(([days, name]) => (
                <option key={days} value={days}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
      </header>
      <Panel
        title="Is every trade there?"
        testid="coverage"
        height={300}
        empty={
          panel.state === "empty-never" ? (
            <p>
              No day was judged yet. Dagster judges each market's days every ten minutes:{" "}
              <code>make up</code> runs it.
            </p>
          ) : (
            <p>No day of this range was judged. Choose a longer range, or all exchanges.</p>
          )
        }
        {...panel}
      >
        {map && map.cells.length > 0 ? (
          <>
            <HeatMap map={map} />
            <Legend tally={tally(map)} />
            <AsTable cells={poll.data?.cells ?? []} />
          </>
        ) : null}
      </Panel>
    </div>
  );
}

/** The running day included. */
function question(exchange: string | null, days: number): string {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const start = dayAt(today - (days - 1) * DAY_MS);
  return path("/v1/coverage", { exchange, start, end: dayAt(today + DAY_MS) });
}

const COLUMNS: Column<CoverageCell>[] = [
  {
    name: "Market, day",
    cell: (row) => (
      <Link to={dayPath(row.market, row.day)} testid={`coverage-open-${row.market}-${row.day}`}>
        {row.market}, {row.day}
      </Link>
    ),
  },
  { name: "Verdict", cell: (row) => row.verdict + (row.is_provisional ? ", not final" : "") },
  { name: "Share", numeric: true, cell: (row) => share(shareOf(row)) },
  { name: "Expected", numeric: true, cell: (row) => count(row.expected) },
  { name: "Missing", numeric: true, cell: (row) => count(row.missing) },
  { name: "Repaired", numeric: true, cell: (row) => count(row.repaired) },
  { name: "Absent", numeric: true, cell: (row) => count(row.absent) },
  { name: "Observed", numeric: true, cell: (row) => share(row.observed) },
  {
    name: "Archived",
    cell: (row) => (row.exported ? (row.reopened ? "out of date" : "yes") : "no"),
  },
];
const SHOWN = 400;

function AsTable({ cells }: { cells: readonly CoverageCell[] }) {
  const [open, setOpen] = useState(false);
  const rows = useMemo(
    () => [...cells].sort((a, b) => order(b.day, a.day) || order(a.market, b.market)),
    [cells],
  );
  return (
    <details className="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary data-testid="coverage-table-open">As a table</summary>
      {open ? (
        <Table
          caption="Coverage of each market and day, the newest first"
          testid="coverage-table"
          cards
          height={420}
          rows={rows.slice(0, SHOWN)}
          keyOf={(row) => `${row.market} ${row.day}`}
          columns={COLUMNS}
        />
      ) : null}
      {open && rows.length > SHOWN ? (
        <p className="muted">
          The newest {SHOWN} are shown: choose an exchange or a shorter range.
        </p>
      ) : null}
    </details>
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
