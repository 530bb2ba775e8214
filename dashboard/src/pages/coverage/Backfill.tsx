import { type FormEvent, useState } from "react";
import type { Day } from "../../api/answers.ts";
import { type Problem, Refused } from "../../api/client.ts";
import { usePoll } from "../../api/usePoll.ts";
import { useConfig } from "../../app/useMarket.ts";
import { age, count } from "../../design/format.ts";
import { announce } from "../../panels/announce.ts";
import { Panel } from "../../panels/Panel.tsx";
import { useNow } from "../../panels/useNow.ts";
import { usePanel } from "../../panels/usePanel.ts";
import styles from "./Coverage.module.css";
import {
  type BackfillRow,
  type Backfills,
  begin,
  failureOf,
  type Order,
  plan,
  progressOf,
  rowOf,
  type Wish,
  wishOf,
} from "./order.ts";
import { isNeeded, type Plan, planWords, sentences } from "./words.ts";

/** Asked for once and kept in memory only: a reload forgets it. */
let token = "";

/** Loads the day's trades from the exchange again: a plan first, a second press begins it. */
export function Backfill({ market, day }: { market: string; day: Day }) {
  const wish = wishOf(market, day);
  const config = useConfig().data;
  const [order, setOrder] = useState<Order>({ step: "none" });
  const isBusy = order.step === "started";
  const poll = usePoll<Backfills>("/v1/backfills", isBusy ? 2000 : 15_000);
  const row = rowOf(poll.data?.backfills ?? [], wish);
  const failure = failureOf(poll.data?.asked ?? [], wish);
  const panel = usePanel(poll);
  const planned = "plan" in order ? order.plan : null;
  const isRunning = row?.state === "running";
  const state = isRunning && panel.state === "fresh" ? "backfilling" : panel.state;
  return (
    <Panel
      title="Backfill"
      testid="backfill"
      height={48}
      {...panel}
      state={state}
      progress={progressOf(row, planned)}
    >
      <div className={styles.order}>
        {row ? <Row row={row} /> : null}
        {failure ? (
          <p className="trouble" data-testid="backfill-failure">
            The last backfill of this day ended early. {sentences(failure)}
          </p>
        ) : null}
        {config?.writable === false ? (
          <p data-testid="backfill-closed">
            This API starts no backfills: it has no token. Set <code>ALPHAPULSE_API_TOKEN</code> and
            start it again, or run{" "}
            <code>
              alphapulse backfill --market {market} --from {wish.start} --to {wish.end}
            </code>
            .
          </p>
        ) : (
          <Steps wish={wish} order={order} setOrder={setOrder} isDone={row?.state === "done"} />
        )}
      </div>
    </Panel>
  );
}

interface StepsProps {
  wish: Wish;
  order: Order;
  setOrder: (order: Order) => void;
  isDone: boolean;
}

function Steps({ wish, order, setOrder, isDone }: StepsProps) {
  const [asksToken, setAsksToken] = useState(false);
  const ask = async () => {
    setAsksToken(false);
    setOrder({ step: "planning" });
    try {
      const found = await plan(wish, token);
      setOrder({ step: "planned", plan: found });
      announce("backfill", planWords(found).join(" "));
    } catch (error) {
      setOrder({ step: "refused", problem: refusal(error) });
    }
  };
  const start = async (found: Plan) => {
    setOrder({ step: "starting", plan: found });
    try {
      await begin(wish, token);
      setOrder({ step: "started", plan: found });
      announce("backfill", "The backfill has begun.");
    } catch (error) {
      setOrder({ step: "refused", problem: refusal(error) });
    }
  };
  const keep = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    token = String(new FormData(event.currentTarget).get("token") ?? "").trim();
    if (token) void ask();
  };
  return (
    <>
      {order.step === "refused" ? <Trouble problem={order.problem} /> : null}
      {"plan" in order ? <PlanList plan={order.plan} /> : null}
      {order.step === "started" && !isDone ? (
        <p data-testid="backfill-begun">It has begun; you may leave this page.</p>
      ) : null}
      {asksToken ? (
        <form onSubmit={keep}>
          <label>
            The API's token (kept until you reload)
            <input
              name="token"
              type="password"
              required
              autoComplete="off"
              // biome-ignore lint/a11y/noAutofocus: the button that was pressed became this field
              autoFocus
              data-testid="backfill-token"
            />
          </label>
          <button type="submit" className="primary" data-testid="backfill-token-give">
            Show the plan
          </button>
        </form>
      ) : (
        <div className="row">
          {order.step === "planned" && isNeeded(order.plan) ? (
            <button
              type="button"
              className="primary"
              onClick={() => void start(order.plan)}
              data-testid="backfill-start"
            >
              Start the backfill
            </button>
          ) : null}
          <button
            type="button"
            disabled={order.step === "planning" || order.step === "starting"}
            onClick={() => (token ? void ask() : setAsksToken(true))}
            data-testid="backfill-plan"
          >
            {BUTTONS[order.step]}
          </button>
        </div>
      )}
    </>
  );
}

const BUTTONS: Record<Order["step"], string> = {
  none: "Plan a backfill of this day",
  planning: "Asking the exchange…",
  planned: "Plan it again",
  starting: "Starting…",
  started: "Plan it again",
  refused: "Try again",
};

function refusal(error: unknown): Problem {
  if (!(error instanceof Refused))
    return { title: "The request failed", status: null, detail: String(error) };
  if (error.problem.status === 401 || error.problem.status === 403) token = "";
  return error.problem;
}

function Trouble({ problem }: { problem: Problem }) {
  return (
    <div className="trouble" role="alert" data-testid="backfill-problem">
      <strong>{problem.title}</strong>
      {problem.status ? ` (${problem.status})` : null}
      <br />
      {sentences(problem.detail, problem.hint)}
      {problem.request_id ? <small> Request {problem.request_id}.</small> : null}
    </div>
  );
}

function PlanList({ plan: found }: { plan: Plan }) {
  return (
    <ul data-testid="backfill-words">
      {planWords(found).map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}

const STATES = {
  running: "is running",
  done: "is done",
  interrupted: "was interrupted; planning it again goes on where it ended",
  failed: "was refused by the exchange",
};

function Row({ row }: { row: BackfillRow }) {
  const now = useNow();
  const touched = age(now - Date.parse(row.touched));
  return (
    <p data-testid="backfill-row" data-state={row.state}>
      Backfill {row.backfill_id} {STATES[row.state]}: {count(row.requests)}{" "}
      {row.requests === 1 ? "request" : "requests"}, {count(row.trades)} trades read,{" "}
      {count(row.new_trades)} of them new
      {row.absent > 0 ? `, ${count(row.absent)} absent at the exchange` : ""}; last change{" "}
      {touched === "now" ? "now" : `${touched} ago`}.{row.note ? ` ${row.note}` : ""}
    </p>
  );
}
