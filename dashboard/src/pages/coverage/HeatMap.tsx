import {
  type KeyboardEvent,
  type MouseEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { usePreferences } from "../../app/preferences.ts";
import { navigate } from "../../app/router.tsx";
import styles from "./Coverage.module.css";
import {
  cellWords,
  dayPath,
  HEAD,
  type HeatMap as Model,
  measures,
  move,
  type Place,
  placeAt,
} from "./map.ts";
import { paintMap, paletteOf } from "./paint.ts";

/** Markets by days on a canvas: the pointer or the arrow keys choose a cell, Enter or a click opens its day. */
export function HeatMap({ map }: { map: Model }) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { theme } = usePreferences();
  const room = useWidth(frame);
  const size = useMemo(() => measures(map, room - 4), [map, room]);
  const newest = { row: 0, column: Math.max(0, map.days.length - 1) };
  const [chosen, choose] = useState<Place>(newest);
  const [hovered, hover] = useState<Place | null>(null);
  const id = useId();
  const at = kept(chosen, map);
  const shown = hovered ?? at;
  const words = wordsAt(shown, map);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme is read through the page
  useEffect(() => {
    if (canvas.current) paintMap(canvas.current, map, size, paletteOf(document.documentElement));
  }, [map, size, theme]);
  useLayoutEffect(() => {
    if (frame.current) frame.current.scrollLeft = size.width; // the newest days are at the right
  }, [size.width]);

  const hear = (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === " ") open(at, map);
    else {
      const to = move(at, event.key, map, event.ctrlKey || event.metaKey);
      if (!to) return;
      choose(to);
      hover(null);
      show(frame.current, to.column * size.cell, size.cell);
    }
    event.preventDefault();
  };
  const under = (event: MouseEvent) =>
    placeAt(event.nativeEvent.offsetX, event.nativeEvent.offsetY, map, size);

  return (
    <div className={styles.map}>
      <div className={styles.markets} style={{ paddingTop: HEAD }} aria-hidden="true">
        {map.markets.map((market) => (
          <span key={market} style={{ height: size.height }} title={market}>
            {market}
          </span>
        ))}
      </div>
      <div
        ref={frame}
        className={styles.scroll}
        role="application"
        aria-label="Coverage of each market on each day"
        aria-roledescription="heat map"
        aria-describedby={id}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it hears the arrow keys
        tabIndex={0}
        onKeyDown={hear}
        data-testid="coverage-map"
        data-cell={`${map.markets[at.row] ?? ""} ${map.days[at.column] ?? ""}`}
      >
        <div className={styles.drawn} style={{ width: size.width, height: size.total }}>
          <canvas
            ref={canvas}
            onMouseMove={(event) => hover(under(event))}
            onMouseLeave={() => hover(null)}
            onClick={(event) => open(under(event), map)}
            data-testid="coverage-canvas"
          />
          <span
            className={styles.cursor}
            style={{
              left: shown.column * size.cell,
              top: HEAD + shown.row * size.height,
              width: size.cell,
              height: size.height,
            }}
          />
        </div>
      </div>
      <p className={styles.said} aria-live="polite" data-testid="coverage-cell">
        {words}
      </p>
      <p id={id} className="visually-hidden">
        Arrow keys move by a day or a market, Page Up and Page Down by a week, Enter opens the day.
      </p>
    </div>
  );
}

function kept(place: Place, map: Model): Place {
  return {
    row: Math.max(0, Math.min(map.markets.length - 1, place.row)),
    column: Math.max(0, Math.min(map.days.length - 1, place.column)),
  };
}

function wordsAt(place: Place, map: Model): string {
  const market = map.markets[place.row];
  const day = map.days[place.column];
  if (!market || !day) return "";
  return cellWords(market, day, map.cells[place.row]?.[place.column] ?? null);
}

function open(place: Place | null, map: Model): void {
  const market = place && map.markets[place.row];
  const day = place && map.days[place.column];
  if (market && day) navigate(dayPath(market, day));
}

function show(frame: HTMLElement | null, from: number, width: number): void {
  if (!frame) return;
  if (from < frame.scrollLeft) frame.scrollLeft = from;
  else if (from + width > frame.scrollLeft + frame.clientWidth)
    frame.scrollLeft = from + width - frame.clientWidth;
}

export function useWidth(place: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const host = place.current;
    if (!host) return undefined;
    setWidth(host.clientWidth);
    const watch = new ResizeObserver(() => setWidth(host.clientWidth));
    watch.observe(host);
    return () => watch.disconnect();
  }, [place]);
  return width;
}
