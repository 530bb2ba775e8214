import { Suspense, useEffect, useRef } from "react";
import styles from "./App.module.css";
import { Bar } from "./Bar.tsx";
import { Boundary } from "./Boundary.tsx";
import { Link, usePath } from "./router.tsx";
import { ROUTES } from "./routes.ts";
import { useConfig } from "./useMarket.ts";

export function App() {
  const path = usePath();
  const route = ROUTES.find((each) => isWithin(path, each.path));
  const simulated = useConfig().data?.simulated ?? false;
  const main = useArrival(route?.name ?? "Not found", path);
  const nav = useInSight(route?.path);
  const Page = route?.page;
  return (
    <div className={styles.house} data-simulated={simulated} data-testid="house">
      <a href="#main" className={styles.skip}>
        Skip to the content
      </a>
      <Bar />
      <nav ref={nav} className={styles.nav} aria-label="Pages">
        {ROUTES.map((each) => (
          <Link
            key={each.path}
            to={each.path}
            isCurrent={each === route}
            className={styles.link}
            testid={`nav-${each.name.toLowerCase()}`}
          >
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d={each.icon} />
            </svg>
            {each.name}
          </Link>
        ))}
      </nav>
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        <Boundary key={path}>
          <Suspense fallback={<p className="muted">Loading…</p>}>
            {Page ? <Page /> : <NotFound path={path} />}
          </Suspense>
        </Boundary>
      </main>
      <div id="announcements" className="visually-hidden" aria-live="polite" />
    </div>
  );
}

/** `/coverage/kraken/BTC_USD/2026-11-21` belongs to the page /coverage. */
function isWithin(path: string, page: string): boolean {
  return path === page || (page !== "/" && path.startsWith(`${page}/`));
}

/** Sets the title and, after a change of page, brings focus and view to its beginning. */
function useArrival(name: string, path: string) {
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    document.title = `${name} · AlphaPulse`;
    if (before.current === path) return;
    before.current = path;
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [name, path]);
  return main;
}

/** On a phone the row of pages scrolls sideways: the current one stands in its middle. */
function useInSight(current: string | undefined) {
  const nav = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the current link is found in the page
  useEffect(() => {
    const row = nav.current;
    const link = row?.querySelector<HTMLElement>("[aria-current=page]");
    if (row && link) row.scrollLeft = link.offsetLeft - (row.clientWidth - link.offsetWidth) / 2;
  }, [current]);
  return nav;
}

function NotFound({ path }: { path: string }) {
  return (
    <div className="stack" data-testid="page-not-found">
      <header className="page-head">
        <h1>There is no page {path}</h1>
      </header>
      <p>
        <Link to="/">To the overview</Link>
      </p>
    </div>
  );
}
