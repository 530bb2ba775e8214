import { useEffect, useMemo, useRef } from "react";
import { usePoll } from "../api/usePoll.ts";
import { useQueryWord } from "../app/router.tsx";
import { count } from "../design/format.ts";
import { announce } from "../panels/announce.ts";
import { Panel } from "../panels/Panel.tsx";
import { usePanel } from "../panels/usePanel.ts";
import styles from "./dictionary/Dictionary.module.css";
import {
  type Dictionary as Answer,
  anchor,
  find,
  KIND_WORDS,
  shortType,
  type TableEntry,
} from "./dictionary/finding.ts";

/** What every table and column means, as the database and the code themselves say it. */
export default function Dictionary() {
  const poll = usePoll<Answer>("/v1/dictionary", Number.POSITIVE_INFINITY);
  const [words, setWords] = useQueryWord("q");
  const tables = poll.data?.tables;
  const found = useMemo(() => find(tables ?? [], words ?? ""), [tables, words]);
  const panel = usePanel(poll, {
    empty: (data) => (data.tables.length === 0 ? "never" : found.length === 0 && "range"),
  });
  useArrival(tables !== undefined);
  useEffect(() => {
    if (words) announce("dictionary", `${found.length} tables have these words`);
  }, [words, found.length]);
  return (
    <div className="stack" data-testid="page-dictionary">
      <header className="page-head">
        <h1>Dictionary</h1>
        <input
          type="search"
          className={styles.search}
          value={words ?? ""}
          onChange={(event) => setWords(event.target.value || null)}
          placeholder="trade_id, candles, microseconds…"
          aria-label="Look for tables, columns and meanings"
          data-testid="dictionary-search"
        />
      </header>
      <Panel
        title="Tables and files"
        testid="dictionary"
        height={480}
        empty={
          words ? (
            <p>Nothing has the words “{words}”. Use fewer or shorter ones.</p>
          ) : (
            <p>The database has no tables yet: `make up` makes them.</p>
          )
        }
        note={tables ? countWords(found.length, tables.length) : null}
        {...panel}
      >
        <div className={styles.layout}>
          <nav className={styles.names} aria-label="Tables">
            {found.map(({ table }) => (
              <a key={table} href={`#${anchor(table)}`} data-testid={`dictionary-to-${table}`}>
                {table}
              </a>
            ))}
          </nav>
          <div>
            {found.map((table) => (
              <Entry key={table.table} entry={table} />
            ))}
          </div>
        </div>
      </Panel>
    </div>
  );
}

function countWords(found: number, all: number): string {
  return found === all ? count(all) : `${count(found)} of ${count(all)}`;
}

function Entry({ entry }: { entry: TableEntry }) {
  const own = anchor(entry.table);
  return (
    <section id={own} className={styles.table} aria-label={entry.table}>
      <h3>
        <a href={`#${own}`}>{entry.table}</a>
        <small className="muted">{KIND_WORDS[entry.kind] ?? entry.kind}</small>
      </h3>
      {entry.meaning ? <p>{entry.meaning}</p> : null}
      <dl className={styles.columns}>
        {entry.columns.map((column) => (
          <div key={column.column} id={anchor(entry.table, column.column)}>
            <dt>
              <a href={`#${anchor(entry.table, column.column)}`}>{column.column}</a>
            </dt>
            <dd className={styles.type}>
              {shortType(column.type)}
              {column.nullable && entry.kind === "table" ? ", may be null" : ""}
            </dd>
            <dd className={styles.meaning}>{column.meaning ?? <span className="muted">–</span>}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The place that the address names is there only once the answer came. */
function useArrival(isThere: boolean): void {
  const done = useRef(false);
  useEffect(() => {
    if (!isThere || done.current) return;
    done.current = true;
    const { hash } = window.location;
    if (hash.length > 1) window.location.replace(hash); // scrolls, and :target holds
  }, [isThere]);
}
