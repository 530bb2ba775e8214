import type { CandleSize } from "../../api/answers.ts";
import { Choice } from "../../panels/Choice.tsx";
import styles from "./Explore.module.css";
import { barsIn, isSpan, MOST_BARS, type Range, SIZES, SPANS, type Span } from "./range.ts";
import { TimeField } from "./TimeField.tsx";

const LENGTHS = Object.keys(SPANS) as Span[];

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
    <div className="controls">
      <Choice
        name="The last"
        options={LENGTHS}
        chosen={isSpan(span) ? span : null}
        choose={onSpan}
        wordsOf={(each) => SPANS[each].name}
        testid="range"
      />
      <div className={styles.moments}>
        <TimeField
          name="From, UTC"
          value={range.start}
          onTime={(start) => onRange(start, range.end)}
          testid="range-start"
        />
        <TimeField
          name="to"
          value={range.end}
          onTime={(end) => onRange(range.start, end)}
          testid="range-end"
        />
      </div>
      {isSpan(span) ? (
        <button type="button" onClick={onRefresh} data-testid="range-now">
          Up to now
        </button>
      ) : null}
      <div className="row">
        <span className="muted" aria-hidden="true">
          Bars
        </span>
        <Choice
          name="Length of a bar"
          options={SIZES}
          chosen={size}
          choose={onSize}
          isDisabled={(each) => barsIn(range, each) > MOST_BARS}
          testid="size"
        />
      </div>
    </div>
  );
}
