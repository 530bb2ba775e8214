import { useState } from "react";
import type { Incident, Incidents } from "../../api/answers.ts";
import { path } from "../../api/client.ts";
import { usePoll } from "../../api/usePoll.ts";
import { usePreferences } from "../../app/preferences.ts";
import { age, count, moment } from "../../design/format.ts";
import { Panel } from "../../panels/Panel.tsx";
import { useNow } from "../../panels/useNow.ts";
import { usePanel } from "../../panels/usePanel.ts";
import { isOver, openFirst } from "./incidents.ts";
import styles from "./Operations.module.css";

/** What was found wrong: what stands first, then what is over. */
export function IncidentsPanel() {
  const [all, setAll] = useState(false);
  const url = path("/v1/incidents", { limit: 100, open: all ? null : true });
  const poll = usePoll<Incidents>(url, 10_000);
  const panel = usePanel(poll);
  const rows = openFirst(poll.data?.incidents ?? []);
  const open = rows.filter((row) => !isOver(row)).length;
  return (
    <Panel
      title="Incidents"
      testid="ops-incidents"
      height={120}
      note={poll.data ? `${count(open)} open` : null}
      actions={
        <button
          type="button"
          aria-pressed={all}
          onClick={() => setAll(!all)}
          data-testid="incidents-all"
        >
          Show those that are over
        </button>
      }
      {...panel}
    >
      {poll.data && rows.length === 0 ? (
        <p className="muted">{all ? "None was ever found." : "None is open."}</p>
      ) : null}
      {rows.length > 0 ? (
        <ul className={styles.incidents}>
          {rows.map((row) => (
            <Row key={row.alert_id} row={row} />
          ))}
        </ul>
      ) : null}
      {poll.data?.next_cursor ? <p className="muted">The newest 100 are shown.</p> : null}
    </Panel>
  );
}

function Row({ row }: { row: Incident }) {
  const now = useNow();
  const { clock } = usePreferences();
  const since = Date.parse(row.since);
  const until = row.resolved === null ? now : Date.parse(row.resolved);
  return (
    <li data-testid={`incident-${row.alert_id}`} data-state={row.state}>
      <p className={styles.incident}>
        <span className={styles.severity} data-severity={isOver(row) ? "over" : row.severity}>
          {isOver(row) ? "over" : row.severity}
        </span>
        <strong>{row.title}</strong>
      </p>
      <p>{row.text}</p>
      <p className="muted">
        Since {moment(row.since, clock)}, for {age(until - since)}
        {row.resolved ? `; over since ${moment(row.resolved, clock)}` : ""}
        {row.resolution ? `: ${row.resolution}` : ""}{" "}
        {row.link && /^https?:\/\//.test(row.link) ? (
          <a href={row.link} target="_blank" rel="noreferrer">
            Where to look
          </a>
        ) : null}
      </p>
    </li>
  );
}
