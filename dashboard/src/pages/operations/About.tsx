import { useConfig } from "../../app/useMarket.ts";
import { Panel } from "../../panels/Panel.tsx";
import { usePanel } from "../../panels/usePanel.ts";
import styles from "./Operations.module.css";

const LIBRARIES: [name: string, licence: string][] = [
  ["React, React DOM, Scheduler", "MIT, © Meta Platforms, Inc. and affiliates"],
  ["TradingView Lightweight Charts™", "Apache-2.0, © TradingView, Inc."],
  ["fancy-canvas", "MIT, © TradingView, Inc."],
  ["uPlot", "MIT, © Leon Sorokin"],
];

/** Where the other servers are. */
export function Links() {
  const config = useConfig();
  const panel = usePanel(config);
  const { data } = config;
  return (
    <Panel title="Elsewhere" testid="ops-links" height={150} {...panel}>
      {data ? (
        <dl className={styles.facts}>
          <dt>Dagster</dt>
          <dd>
            <Away url={data.dagster_url} testid="link-dagster">
              Runs, exports, backfills of the archive, checks
            </Away>
          </dd>
          <dt>Grafana</dt>
          <dd>
            <Away url={data.grafana_url} testid="link-grafana">
              All dashboards
            </Away>
          </dd>
          <dt>API</dt>
          <dd>
            <Away url="/openapi.json" testid="link-openapi">
              Its description, OpenAPI
            </Away>
          </dd>
          <dt>Stream</dt>
          <dd>
            <code>{data.stream_url}</code>
          </dd>
        </dl>
      ) : null}
    </Panel>
  );
}

function Away({ url, testid, children }: { url: string | null; testid: string; children: string }) {
  if (url === null) return <span className="muted">not told; it may not run</span>;
  return (
    <a href={url} target="_blank" rel="noreferrer" data-testid={testid}>
      {children}
    </a>
  );
}

/** Which version this is, on what it stands, and whose data it shows. */
export function About() {
  const config = useConfig();
  const panel = usePanel(config);
  const { data } = config;
  return (
    <Panel title="About" testid="ops-about" height={150} {...panel}>
      {data ? (
        <dl className={styles.facts}>
          <dt>AlphaPulse</dt>
          <dd data-testid="about-version">{data.version}, Apache-2.0</dd>
          <dt>Trades are kept in</dt>
          <dd>{data.layout === "hypertable" ? "a TimescaleDB hypertable" : "native partitions"}</dd>
          <dt>Data</dt>
          <dd>{data.simulated ? "SIMULATED, not a real market" : "real"}</dd>
          <dt>Orders</dt>
          <dd>{data.writable ? "taken from whoever has the token" : "none are taken"}</dd>
        </dl>
      ) : null}
    </Panel>
  );
}

/** To whom this dashboard owes thanks; the notice is asked for by a licence. */
export function Thanks() {
  return (
    <footer className={styles.thanks}>
      <ul className={styles.libraries} aria-label="This dashboard is made with">
        {LIBRARIES.map(([name, licence]) => (
          <li key={name}>
            <b>{name}</b> {licence}
          </li>
        ))}
      </ul>
      <p data-testid="about-notice">
        TradingView Lightweight Charts™. Copyright © 2026 TradingView, Inc.{" "}
        <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">
          https://www.tradingview.com/
        </a>
      </p>
    </footer>
  );
}
