import type { ReactNode } from "react";
import type { TradeRow } from "../../api/answers.ts";
import { usePreferences } from "../../app/preferences.ts";
import { count, dayOf, digitsBehind, filled, moment, timeOfDay } from "../../design/format.ts";
import { Panel } from "../../panels/Panel.tsx";
import { type Column, Table } from "../../panels/Table.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import styles from "./Explore.module.css";
import type { Pages } from "./paging.ts";

/** The trades of the range, the newest first, page by page. */
export function TradeList({ pages, empty }: { pages: Pages; empty: ReactNode }) {
  const { clock } = usePreferences();
  const rows = pages.data?.trades ?? [];
  const panel = usePanel(pages, { empty: (data) => data.trades.length === 0 && "range" });
  const digits = {
    price: digitsBehind(rows.map((row) => row.price)),
    size: digitsBehind(rows.map((row) => row.size)),
  };
  const columns: Column<TradeRow>[] = [
    {
      name: clock === "utc" ? "Time, UTC" : "Time",
      cell: (row) => (
        <span className={styles.time}>
          <span>{dayOf(row.time, clock)}</span> {timeOfDay(row.time, clock, 6)}
        </span>
      ),
    },
    { name: "Price", numeric: true, cell: (row) => filled(row.price, digits.price) },
    { name: "Size", numeric: true, cell: (row) => filled(row.size, digits.size) },
    {
      name: "Side",
      cell: (row) => (
        <span className="side" data-side={row.side}>
          {row.side === "buy" ? "▲ buy" : "▼ sell"}
        </span>
      ),
    },
    { name: "Id", numeric: true, cell: (row) => row.id },
    { name: "Source", cell: (row) => row.source },
  ];
  return (
    <Panel title="Trades" testid="explore-trades" height={380} empty={empty} {...panel}>
      {rows.length > 0 ? (
        <>
          <Table
            caption="Trades, the newest first"
            testid="trade-table"
            height={380}
            rows={rows}
            keyOf={(row) => row.id}
            columns={columns}
          />
          <div className={styles.foot}>
            <span className="muted">
              {count(rows.length)} {pages.more ? "loaded" : "trades: all of the range"}
              {pages.data?.complete_until
                ? `; proved whole until ${moment(pages.data.complete_until, clock)}`
                : ""}
            </span>
            {pages.more ? (
              <button
                type="button"
                onClick={pages.more}
                disabled={pages.isLoading}
                data-testid="trades-more"
              >
                {pages.isLoading ? "Loading…" : "Load more"}
              </button>
            ) : null}
          </div>
        </>
      ) : null}
    </Panel>
  );
}
