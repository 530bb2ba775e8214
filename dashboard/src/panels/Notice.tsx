import { age } from "../design/format.ts";
import styles from "./Panel.module.css";
import type { PanelProps } from "./Panel.tsx";
import { useNow } from "./useNow.ts";
import { Words } from "./Words.tsx";

/** What a panel says when it is not simply fresh: why, how old, and what can be done. */
export function Notice(props: PanelProps) {
  switch (props.state) {
    case "empty-never":
      return <Empty>{props.empty ?? "Nothing was stored yet. `make up` starts to collect."}</Empty>;
    case "empty-range":
      return <Empty>{props.empty ?? "Nothing in this range. Choose a wider one."}</Empty>;
    case "disconnected":
      return <Disconnected {...props} />;
    case "error":
      return <Trouble {...props} />;
    case "backfilling":
      return <Progress {...props} />;
    default:
      return null;
  }
}

function Empty({ children }: { children: React.ReactNode }) {
  return (
    <div className={styles.empty}>
      {typeof children === "string" ? (
        <p>
          <Words text={children} />
        </p>
      ) : (
        children
      )}
    </div>
  );
}

function Disconnected({ testid, problem, retryAt, onRetry, at }: PanelProps) {
  const now = useNow();
  const wait = retryAt == null ? null : Math.max(0, retryAt - now);
  return (
    <div className={styles.notice} data-tone="bad">
      <p>
        {problem?.title ?? "The connection is lost"}
        {at == null ? ". " : "; what you see is old. "}
        {wait === null ? (
          <Words text={problem?.hint ?? ""} />
        ) : (
          `Next attempt in ${wait < 1000 ? "1 s" : age(wait)}.`
        )}
      </p>
      {onRetry ? (
        <button type="button" onClick={onRetry} data-testid={`${testid}-retry`}>
          Reconnect now
        </button>
      ) : null}
    </div>
  );
}

function Trouble({ testid, problem, onRetry }: PanelProps) {
  const id = problem?.request_id;
  return (
    <div className={styles.notice} data-tone="bad" data-testid={`${testid}-problem`}>
      <p>
        <strong>{problem?.title ?? "Something went wrong"}</strong>
        {problem?.status ? ` (${problem.status})` : null}
        <br />
        <Words text={sentences(problem?.detail, problem?.hint)} />
      </p>
      {id ? (
        <button type="button" onClick={() => void navigator.clipboard.writeText(id)}>
          Copy request id
        </button>
      ) : null}
      {onRetry ? (
        <button type="button" onClick={onRetry} data-testid={`${testid}-retry`}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

function Progress({ title, progress, note }: PanelProps) {
  return (
    <div className={styles.notice}>
      <progress aria-label={`${title}: backfill`} max={1} value={progress ?? undefined} />
      {note ? <span>{note}</span> : null}
    </div>
  );
}

/** Each with a capital and a full stop, whatever way they were written. */
function sentences(...texts: (string | undefined)[]): string {
  return texts
    .flatMap((text) => (text ? [text.trim()] : []))
    .map((text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : "."))
    .join(" ");
}
