import type { Incident, Incidents } from "../../api/answers.ts";
import type { Poll } from "../../api/usePoll.ts";
import { usePreferences } from "../../app/preferences.ts";
import { moment } from "../../design/format.ts";
import { Panel } from "../../panels/Panel.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import { openFirst } from "../operations/incidents.ts";
import styles from "./Overview.module.css";

/** What is wrong now, the newest first; while nothing is, it takes one line. */
export function IncidentStrip({ incidents }: { incidents: Poll<Incidents> }) {
  const panel = usePanel(incidents);
  const rows = openFirst(incidents.data?.incidents ?? []);
  return (
    <Panel title="Incidents" testid="incidents" height={24} {...panel}>
      {rows.length === 0 ? (
        <p className="muted">No incident is open.</p>
      ) : (
        <ul className={styles.incidents}>
          {rows.map((incident) => (
            <Row key={incident.alert_id} incident={incident} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Row({ incident }: { incident: Incident }) {
  const { clock } = usePreferences();
  const { severity, title, text, since, link } = incident;
  return (
    <li
      className={styles.incident}
      data-severity={severity}
      data-testid={`incident-${incident.alert_id}`}
    >
      <span className={styles.severity}>{severity}</span>
      <span>
        <strong>{title}</strong>{" "}
        <span className={`muted ${styles.since}`}>since {moment(since, clock)}</span>
        <br />
        {text} {link ? <a href={link}>More</a> : null}
      </span>
    </li>
  );
}
