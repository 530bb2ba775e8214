import { useEffect, useState } from "react";
import { usePreferences } from "../../app/preferences.ts";
import { useQueryWord } from "../../app/router.tsx";
import { useConfig } from "../../app/useMarket.ts";
import { Panel } from "../../panels/Panel.tsx";
import {
  dashboardUrl,
  EMBEDDED,
  type Embedded,
  probe,
  type Reach,
  SPANS,
  type Span,
  soloUrl,
} from "./grafana.ts";
import styles from "./Operations.module.css";
import { OwnChart, WHOLE_HEIGHT } from "./OwnChart.tsx";

type Choice = "grafana" | "own";

/** Grafana's panels where it answers and lets itself be framed; charts of our own everywhere else. */
export function Charts() {
  const config = useConfig().data;
  const base = config?.grafana_url ?? null;
  const { theme } = usePreferences();
  const [asked, setSpan] = useQueryWord("window");
  const span: Span = asked !== null && asked in SPANS ? (asked as Span) : "1h";
  const [choice, choose] = useState<Choice>("grafana");
  const [reach, again] = useReach(base, choice === "grafana");
  const shows = base !== null && choice === "grafana" && (reach === "works" || reach === "unknown");
  return (
    <section className="stack" aria-labelledby="ops-charts">
      <header className="page-head">
        <h2 id="ops-charts" className={styles.title}>
          Ingestion and latency
        </h2>
        <div className="controls">
          <label>
            The last
            <select
              value={span}
              onChange={(event) => setSpan(event.target.value)}
              data-testid="ops-window"
            >
              {Object.entries(SPANS).map(([key, name]) => (
                <option key={key} value={key}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          {base ? (
            <button
              type="button"
              aria-pressed={choice === "own"}
              onClick={() => choose(choice === "own" ? "grafana" : "own")}
              data-testid="ops-charts-switch"
            >
              Our own charts
            </button>
          ) : null}
        </div>
      </header>
      {config ? <Why base={base} reach={reach} isOwn={choice === "own"} onRetry={again} /> : null}
      <div className="grid-2" data-testid="ops-charts" data-shows={shows ? "grafana" : "own"}>
        {EMBEDDED.map((each) =>
          shows && base ? (
            <Frame key={each.own} base={base} shown={each} url={soloUrl(base, each, theme, span)} />
          ) : (
            <OwnChart key={each.own} shown={each} span={span} />
          ),
        )}
      </div>
    </section>
  );
}

function useReach(base: string | null, isWanted: boolean): [Reach | null, () => void] {
  const [reach, setReach] = useState<Reach | null>(null);
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each try asks again
  useEffect(() => {
    const first = EMBEDDED[0];
    if (base === null || !isWanted || !first) return undefined;
    let isOver = false;
    setReach(null);
    void probe(soloUrl(base, first, "dark", "1h")).then((found) => {
      if (!isOver) setReach(found);
    });
    return () => {
      isOver = true;
    };
  }, [base, isWanted, tries]);
  return [reach, () => setTries((before) => before + 1)];
}

interface WhyProps {
  base: string | null;
  reach: Reach | null;
  isOwn: boolean;
  onRetry: () => void;
}

/** Why these charts and not the others, and what to do about it. */
function Why({ base, reach, isOwn, onRetry }: WhyProps) {
  if (isOwn) return null;
  if (base === null)
    return (
      <p className="muted" data-testid="grafana-none">
        These are our own charts. Grafana's panels stand here when{" "}
        <code>ALPHAPULSE_PUBLIC_GRAFANA_URL</code> says where it is.
      </p>
    );
  if (reach === "fails")
    return (
      <p className="trouble" data-testid="grafana-fails">
        Grafana at {base} does not answer, or does not let itself be framed (
        <code>allow_embedding</code>): these are our own charts.{" "}
        <code>docker compose up grafana</code> starts it.{" "}
        <button type="button" onClick={onRetry} data-testid="grafana-retry">
          Try again
        </button>
      </p>
    );
  if (reach === null)
    return <p className="muted">Asking Grafana; until it answers, our own charts.</p>;
  return (
    <p className="muted" data-testid="grafana-works">
      From Grafana. If a frame stays empty or asks you to log in, it is not open to anonymous
      viewers: change to our own charts.
    </p>
  );
}

function Frame({ base, shown, url }: { base: string; shown: Embedded; url: string }) {
  return (
    <Panel
      title={shown.title}
      testid={`ops-grafana-${shown.own}`}
      state="fresh"
      height={WHOLE_HEIGHT}
      note="Grafana"
      actions={
        <a
          href={dashboardUrl(base, shown.uid)}
          target="_blank"
          rel="noreferrer"
          data-testid={`ops-grafana-open-${shown.own}`}
        >
          Open
        </a>
      }
    >
      <iframe
        className={styles.frame}
        title={`Grafana: ${shown.title}`}
        src={url}
        height={WHOLE_HEIGHT}
        loading="lazy"
        referrerPolicy="no-referrer"
        sandbox="allow-scripts allow-same-origin allow-popups"
      />
    </Panel>
  );
}
