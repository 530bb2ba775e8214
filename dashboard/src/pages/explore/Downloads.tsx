import { useEffect, useRef, useState } from "react";
import type { Datasets } from "../../api/answers.ts";
import { path, Refused } from "../../api/client.ts";
import { usePoll } from "../../api/usePoll.ts";
import { bytes, count } from "../../design/format.ts";
import { Panel } from "../../panels/Panel.tsx";
import { type Column, Table } from "../../panels/Table.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import { DAY_MS, dayAt } from "../coverage/map.ts";
import { sentences } from "../coverage/words.ts";
import styles from "./Explore.module.css";
import type { Range } from "./range.ts";
import {
  type FileFormat,
  fetchPart,
  joinCsv,
  PAGE_ROWS,
  rangeFileName,
  save,
} from "./rangeFile.ts";

type Row = Datasets["datasets"][number];

const COLUMNS: Column<Row>[] = [
  { name: "Day", cell: (row) => <span className={styles.time}>{row.day}</span> },
  { name: "Rows", numeric: true, cell: (row) => count(row.rows) },
  { name: "Size", numeric: true, cell: (row) => bytes(row.bytes) },
  {
    name: "File",
    cell: (row) => (
      <a href={row.url} download data-testid={`dataset-${row.day}`}>
        Parquet
      </a>
    ),
  },
  {
    name: "Proof",
    cell: (row) => (
      <a
        href={row.certificate}
        target="_blank"
        rel="noreferrer"
        data-testid={`certificate-${row.day}`}
      >
        Certificate
      </a>
    ),
  },
];

/** Archived days whole, each with what it certifies. */
export function Days({
  exchange,
  symbol,
  range,
}: {
  exchange: string;
  symbol: string;
  range: Range;
}) {
  const start = range.start.slice(0, 10);
  const end = dayAt(Date.parse(range.end) - 1 + DAY_MS);
  const poll = usePoll<Datasets>(path("/v1/datasets", { exchange, symbol, start, end }), 60_000);
  const panel = usePanel(poll, { empty: (data) => data.datasets.length === 0 && "range" });
  const rows = [...(poll.data?.datasets ?? [])].sort((a, b) => (a.day < b.day ? 1 : -1));
  return (
    <Panel
      title="Archived days"
      testid="explore-days"
      height={120}
      empty={
        <p>
          No day of this range is archived yet: days are archived each night. Choose a wider range.
        </p>
      }
      {...panel}
    >
      {rows.length > 0 ? (
        <>
          <Table
            caption="Archived days as Parquet files"
            testid="dataset-table"
            height={220}
            rows={rows}
            keyOf={(row) => row.day}
            columns={COLUMNS}
          />
          <p className="muted" style={{ paddingTop: "var(--space-2)" }}>
            <code>alphapulse verify FILE</code> checks a file against what it certifies.
          </p>
        </>
      ) : null}
    </Panel>
  );
}

type Work =
  | { step: "none" }
  | { step: "loading"; parts: number }
  | { step: "part"; next: string; parts: number; format: FileFormat }
  | { step: "done"; parts: number }
  | { step: "failed"; words: string };

const FORMATS: readonly FileFormat[] = ["csv", "parquet", "arrow"];
const FORMAT_NAMES = { csv: "CSV", parquet: "Parquet", arrow: "Arrow" };

/** The trades of just this range, through the API. */
export function RangeFiles({ market, range }: { market: string; range: Range }) {
  const [work, setWork] = useState<Work>({ step: "none" });
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);

  const load = async (format: FileFormat, from: string | null, done: number) => {
    const own = new AbortController();
    stop.current = own;
    const held: Blob[] = [];
    let next = from;
    let parts = done;
    try {
      do {
        setWork({ step: "loading", parts });
        const part = await fetchPart(market, range, format, next, own.signal);
        held.push(part.blob);
        next = part.next;
        parts += 1;
      } while (format === "csv" && next !== null);
      const isAll = next === null && done === 0;
      const name = rangeFileName(market, range, format, isAll ? undefined : parts);
      save(format === "csv" ? await joinCsv(held) : (held[0] ?? new Blob()), name);
      setWork(next === null ? { step: "done", parts } : { step: "part", next, parts, format });
    } catch (error) {
      if (own.signal.aborted) setWork({ step: "none" });
      else setWork({ step: "failed", words: wordsOf(error) });
    }
  };

  return (
    <Panel title="This range as a file" testid="explore-range-file" state="fresh" height={110}>
      <div className="row">
        {FORMATS.map((format) => (
          <button
            key={format}
            type="button"
            disabled={work.step === "loading"}
            onClick={() => void load(format, null, 0)}
            data-testid={`range-${format}`}
          >
            {FORMAT_NAMES[format]}
          </button>
        ))}
        {work.step === "loading" ? (
          <button type="button" onClick={() => stop.current?.abort()} data-testid="range-stop">
            Stop
          </button>
        ) : null}
        {work.step === "part" ? (
          <button
            type="button"
            className="primary"
            onClick={() => void load(work.format, work.next, work.parts)}
            data-testid="range-next"
          >
            Next part ({work.parts + 1})
          </button>
        ) : null}
      </div>
      <p
        className={work.step === "failed" ? "trouble" : "muted"}
        style={{ marginTop: "var(--space-2)" }}
        aria-live="polite"
        data-testid="range-words"
      >
        {told(work)}
      </p>
    </Panel>
  );
}

function told(work: Work): string {
  switch (work.step) {
    case "none":
      return `Trades in order of time. CSV in one file; Parquet and Arrow in parts of ${count(PAGE_ROWS)} rows.`;
    case "loading":
      return `Loading… ${count(work.parts * PAGE_ROWS)} rows so far.`;
    case "part":
      return `Part ${work.parts} is saved; the range goes on.`;
    case "done":
      return work.parts === 1 ? "Saved: the whole range." : `Saved, from ${work.parts} parts.`;
    case "failed":
      return work.words;
  }
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Refused)) return `The download failed: ${String(error)}`;
  const { title, detail, hint, request_id } = error.problem;
  return sentences(title, detail, hint, request_id && `Request ${request_id}`);
}
