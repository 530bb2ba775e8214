import type { CandleSize } from "../../api/answers.ts";
import styles from "./Explore.module.css";
import { barsIn, forField, isSpan, MOST_BARS, type Range, SIZES, SPANS } from "./range.ts";

export interface ControlsProps {
  range: Range;
  /** One of SPANS; null: between two times that somebody chose. */
  span: string | null;
  size: CandleSize;
  onSpan: (span: string) => void;
  onRange: (start: string, end: string) => void;
  onSize: (size: CandleSize) => void;
  onRefresh: () => void;
}

/** Which range and which bars. */
export function Controls(props: ControlsProps) {
  const { range, span, size, onSpan, onRange, onSize, onRefresh } = props;
  return (
    <div className={styles.controls}>
      <fieldset className={styles.group}>
        <legend>The last</legend>
        {Object.entries(SPANS).map(([key, { name }]) => (
          <button
            key={key}
            type="button"
            aria-pressed={key === span}
            onClick={() => onSpan(key)}
            data-testid={`range-${key}`}
          >
            {name}
          </button>
        ))}
        {isSpan(span) ? (
          <button type="button" onClick={onRefresh} data-testid="range-now">
            Up to now
          </button>
        ) : null}
      </fieldset>
      <label>
        From, UTC
        <input
          type="datetime-local"
          value={forField(range.start)}
          max={forField(range.end)}
          onChange={(event) => event.target.value && onRange(event.target.value, range.end)}
          data-testid="range-start"
        />
      </label>
      <label>
        To, UTC
        <input
          type="datetime-local"
          value={forField(range.end)}
          min={forField(range.start)}
          onChange={(event) => event.target.value && onRange(range.start, event.target.value)}
          data-testid="range-end"
        />
      </label>
      <fieldset className={styles.group}>
        <legend>Bars</legend>
        {SIZES.map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={each === size}
            disabled={barsIn(range, each) > MOST_BARS}
            onClick={() => onSize(each)}
            data-testid={`size-${each}`}
          >
            {each}
          </button>
        ))}
      </fieldset>
    </div>
  );
}
