/** Pages of a long answer, one after another by its cursor; what came stays when the next one fails. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Time, TradeRow, Trades } from "../../api/answers.ts";
import { get, marketPath, path, Refused } from "../../api/client.ts";
import type { Polled } from "../../api/poller.ts";
import type { Poll } from "../../api/usePoll.ts";
import type { Range } from "./range.ts";

export interface TradePages {
  trades: TradeRow[];
  cursor: string | null;
  complete_until: Time | null;
}

export interface Pages extends Poll<TradePages> {
  more: (() => void) | null;
  isLoading: boolean;
}

const NOTHING: Polled<TradePages> = {
  data: null,
  at: null,
  problem: null,
  everyMs: Number.POSITIVE_INFINITY,
};

/** The newest trades of the range first. */
export function useTrades(market: string | null, range: Range, limit: number): Pages {
  const { start, end } = range;
  const base = market === null ? null : (`${marketPath(market)}/trades` as const);
  const [state, setState] = useState(NOTHING);
  const [isLoading, setLoading] = useState(false);
  const flight = useRef<AbortController | null>(null);

  const load = useCallback(
    async (cursor: string | null) => {
      if (base === null) return;
      flight.current?.abort();
      const own = new AbortController();
      flight.current = own;
      setLoading(true);
      try {
        const url = path(base, { start, end, limit, order: "desc", cursor });
        const { data } = await get<Trades>(url, { signal: own.signal });
        if (own.signal.aborted) return;
        setState((before) => ({
          ...NOTHING,
          at: Date.now(),
          data: joined(cursor === null ? null : before.data, data),
        }));
      } catch (error) {
        if (own.signal.aborted) return;
        const problem =
          error instanceof Refused
            ? error.problem
            : { title: "The request failed", status: null, detail: String(error) };
        setState((before) => ({ ...before, problem }));
      }
      setLoading(false);
    },
    [base, start, end, limit],
  );

  useEffect(() => {
    setState(NOTHING);
    void load(null);
    return () => flight.current?.abort();
  }, [load]);

  const cursor = state.data?.cursor ?? null;
  return useMemo(
    () => ({
      ...state,
      isLoading,
      refresh: () => void load(state.data === null ? null : cursor),
      more: cursor === null ? null : () => void load(cursor),
    }),
    [state, isLoading, load, cursor],
  );
}

function joined(before: TradePages | null, answer: Trades): TradePages {
  return {
    trades: [...(before?.trades ?? []), ...answer.trades],
    cursor: answer.next_cursor,
    complete_until: answer.complete_until,
  };
}
