import { useEffect, useRef } from "react";
import { usePreferences } from "../../app/preferences.ts";
import { count } from "../../design/format.ts";
import styles from "./Coverage.module.css";
import { MARK_WORDS, MARKS, type Mark } from "./map.ts";
import { paintMark, paletteOf, ready } from "./paint.ts";

/** What the marks mean, drawn by the same hand as the map, and how many there are of each. */
export function Legend({ tally }: { tally: Record<Mark, number> }) {
  return (
    <ul className={`keys ${styles.legend}`} aria-label="What the colours mean">
      {MARKS.map((mark) => (
        <li key={mark}>
          <Swatch mark={mark} />
          <span>
            {MARK_WORDS[mark]} <span className="number">({count(tally[mark])})</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

function Swatch({ mark }: { mark: Mark }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { theme } = usePreferences();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme is read through the page
  useEffect(() => {
    const pen = canvas.current && ready(canvas.current, 18, 18);
    if (pen)
      paintMark(pen, { x: 0, y: 0, w: 18, h: 18 }, mark, paletteOf(document.documentElement));
  }, [mark, theme]);
  return (
    <span aria-hidden="true">
      <canvas ref={canvas} />
    </span>
  );
}
