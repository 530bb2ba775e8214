import { useMemo, useState } from "react";
import type { CandleSize, Time } from "../../api/answers.ts";
import { useQueryWord } from "../../app/router.tsx";
import type { ControlsProps } from "./Controls.tsx";
import {
  barsIn,
  isSize,
  isSpan,
  MOST_BARS,
  rangeOf,
  SPANS,
  spanBefore,
  suggested,
  whole,
} from "./range.ts";

export interface Asked extends ControlsProps {
  /** To the day that ended with this time. */
  onLook: (at: Time) => void;
}

/** What the address asks for: the last 24 hours, if it says nothing. */
export function useAsked(): Asked {
  const [start, setStart] = useQueryWord("start");
  const [end, setEnd] = useQueryWord("end");
  const [last, setLast] = useQueryWord("last");
  const [wanted, setSize] = useQueryWord("size");
  const [now, setNow] = useState(() => Date.now());
  const chosen = useMemo(() => rangeOf(start, end), [start, end]);
  const span = isSpan(last) ? last : "24h";
  const range = useMemo(() => chosen ?? spanBefore(span, now), [chosen, span, now]);
  const size = sizeOf(wanted, range);

  const between = (from: string, to: string) => {
    setLast(null);
    setStart(from);
    setEnd(to);
  };
  return {
    range,
    span: chosen ? null : span,
    size,
    onSpan: (to) => {
      setStart(null);
      setEnd(null);
      setLast(to);
      setNow(Date.now());
    },
    onRange: (from, to) => {
      const found = rangeOf(from, to);
      if (found) between(found.start, found.end);
    },
    onSize: setSize,
    onRefresh: () => setNow(Date.now()),
    onLook: (at) => between(whole(Date.parse(at) - SPANS["24h"].ms), whole(afterMinute(at))),
  };
}

function sizeOf(wanted: string | null, range: { start: Time; end: Time }): CandleSize {
  return isSize(wanted) && barsIn(range, wanted) <= MOST_BARS ? wanted : suggested(range);
}

function afterMinute(at: Time): number {
  return (Math.floor(Date.parse(at) / 60_000) + 1) * 60_000;
}
