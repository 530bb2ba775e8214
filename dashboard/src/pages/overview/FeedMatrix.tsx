import type { FeedRow, FeedState } from "../../api/statistics.ts";
import { Link } from "../../app/router.tsx";
import { age, pace } from "../../design/format.ts";
import { useNow } from "../../panels/useNow.ts";
import styles from "./Overview.module.css";

/** Told apart by shape and word, not by colour alone. */
const MARKS: Record<FeedState, string> = {
  fresh: "●",
  stale: "◐",
  silent: "○",
  refused: "✕",
  never: "–",
};

/** Exchange by exchange, a cell for each market: its state, its pace and the age of its last trade. */
export function FeedMatrix({ rows, at }: { rows: readonly FeedRow[]; at: number | null }) {
  const now = useNow();
  const since = at === null ? 0 : Math.max(0, now - at);
  const exchanges = [...new Set(rows.map((row) => row.exchange))];
  return (
    <div className={styles.matrix}>
      {exchanges.map((exchange) => (
        <div key={exchange} className={styles.exchange}>
          <h3>{exchange}</h3>
          <ul className={styles.cells}>
            {rows
              .filter((row) => row.exchange === exchange)
              .map((row) => (
                <li key={row.market}>
                  <Cell row={row} since={since} />
                </li>
              ))}
          </ul>
        </div>
      ))}
    </div>
  );
}

function Cell({ row, since }: { row: FeedRow; since: number }) {
  const old = row.age_seconds === null ? null : row.age_seconds * 1000 + since;
  return (
    <Link
      to={`/live?market=${encodeURIComponent(row.market)}`}
      className={styles.cell}
      testid={`feed-${row.market}`}
    >
      <span className={styles.mark} data-state={row.state} aria-hidden="true">
        {MARKS[row.state]}
      </span>
      <span className={styles.symbol}>{row.symbol}</span>
      {row.open_gaps > 0 ? (
        <span className={styles.gaps}>
          {row.open_gaps} {row.open_gaps === 1 ? "gap" : "gaps"}
        </span>
      ) : null}
      <span className={styles.pace}>
        {row.state === "fresh" ? `${pace(row.trades_per_second)}/s` : row.state}
      </span>
      <span className={styles.age}>{old === null ? "" : age(old)}</span>
    </Link>
  );
}
