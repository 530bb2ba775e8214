"""History on demand: plan it, then walk it page by page, each stored with how far it brought us.

Whatever ends a run (a signal, kill -9, the database's end), the next one for the same wish goes on
behind the last stored page.
"""

from collections.abc import Callable

from msgspec import Struct

from alphapulse.store.backfills import (
    Totals,
    Unfinished,
    Wish,
    claim_history,
    end_backfill,
    find_unfinished,
    resume_backfill,
    start_backfill,
)
from alphapulse.store.connect import Store
from alphapulse.store.gaps import OpenGap
from alphapulse.store.mending import conclude, end_gap
from alphapulse.store.stretches import (
    absences,
    around,
    count_stored,
    holes,
    note_absent,
    settle_within,
)
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Gap, Micros
from collectors.crossing import Crossing, Progress
from collectors.exchange import Exchange, ExchangeError
from collectors.history import (
    Plan,
    count_requests,
    ids_in,
    rest_of,
    unknown,
    worth_asking,
)
from collectors.patience import Asker, Stopped
from collectors.search import NothingTraded, Place, Point, search_for

LACKING = "ids that the exchange itself lacks count as expected until a walk has crossed them"
OVERLAPPING = "its pages overlap where trades share an instant: a few requests more"
UNCOUNTED = "rows, requests and time: the ids of this exchange are not consecutive"


class Outcome(Struct, frozen=True):
    """How a run ended, `done` or `interrupted`. `totals` are the whole backfill's.

    `absent`: ids that the exchange lacks too. `open`: ids still missing because its pages did not
    come to them; they stand in `gaps`, for the repair worker.
    """

    state: str
    requests: int
    totals: Totals
    absent: int = 0
    open: int = 0


class Backfill:
    """One wish, through one connection to the store; `found` is the gap that it is for, if any."""

    def __init__(
        self,
        store: Store,
        exchange: Exchange,
        asker: Asker,
        wish: Wish,
        found: OpenGap | None = None,
    ) -> None:
        self.store = store
        self.exchange = exchange
        self.pages = exchange.PAGES
        self.asker = asker
        self.wish = wish
        self.found = found
        self.unfinished: Unfinished | None = None

    def plan(self) -> Plan | None:
        """What it will cost, told by few requests; None: the market has no trades then.

        Raises Rejected, Stopped.
        """
        before = self.asker.requests
        self.unfinished = find_unfinished(self.store, self.wish)
        if self.unfinished:
            whole: Gap | None = self.unfinished.gap
            left = rest_of(self.unfinished.gap, self.unfinished.reached, self.pages)
        else:
            left = whole = self.with_end(self.found.gap) if self.found else self.locate()
        if whole is None:
            return None
        return self.priced(whole, left, self.asker.requests - before)

    def priced(self, whole: Gap, left: Gap | None, looks: int) -> Plan:
        counts = self.exchange.COUNTS_TRADES
        missing = [left] if left else []
        absent = 0
        if left and counts:
            found = holes(self.store, left)
            missing = unknown(found, absences(self.store, left))
            absent = sum(map(ids_in, found)) - sum(map(ids_in, missing))
        stretches = worth_asking(missing, self.pages)
        requests = count_requests(stretches, self.pages)
        return Plan(
            market=self.wish.market,
            whole=whole,
            expected=(ids_in(left) if left else 0) if counts else None,
            stored=count_stored(self.store, left) if left else 0,
            absent=absent,
            stretches=stretches,
            requests=requests if counts else None,
            seconds=requests * self.seconds_per_page() if counts else None,
            looks=looks,
            is_resumed=self.unfinished is not None,
            doubts=self.doubts() if stretches else (),
        )

    def doubts(self) -> tuple[str, ...]:
        if not self.exchange.COUNTS_TRADES:
            return (UNCOUNTED,)
        return (LACKING, OVERLAPPING) if self.pages.order == "time" else (LACKING,)

    def seconds_per_page(self) -> float:
        """The pause between two requests and, as far as we have seen, what an answer takes."""
        asker = self.asker
        return asker.fetcher.pause + (asker.seconds / asker.answers if asker.answers else 0.0)

    def with_end(self, gap: Gap) -> Gap:
        """A gap that is open at its end reaches to the exchange's newest trade."""
        if gap.before_id is not None:
            return gap
        after = self.find(self.wish.to_at, []).after
        before_id = max(after.id, gap.after_id + 1)
        return Gap(gap.market, gap.after_id, gap.after_at, before_id, after.at)

    def locate(self) -> Gap | None:
        """The ids of a stretch of time, between the trades at its edges."""
        try:
            start = self.find(self.wish.from_at, [])
        except NothingTraded:
            return None
        if start.is_end:
            return None
        end = self.find(self.wish.to_at, [start.before, start.after])
        if end.after.id <= start.after.id:
            return None
        before, after = start.before, end.after
        return Gap(self.wish.market, before.id, before.at, after.id, after.at)

    def find(self, at: Micros, seen: list[Point]) -> Place:
        stored = [Point(*point) for point in around(self.store, self.wish.market, at)]
        search = search_for(self.exchange, self.wish.market, at, stored + seen)
        while request := search.request:
            self.asker.ask(request, search.take)
        assert search.place
        return search.place

    def run(self, plan: Plan, say: Callable[[Progress], object]) -> Outcome:
        """Walk what the plan names. Raises Rejected, and psycopg's errors when the server is away.

        The caller has claimed the market's history.
        """
        number = self.begin(plan)
        run = Crossing(TradeWriter(self.store), self.exchange, self.asker, number, say)
        try:
            for stretch in plan.stretches:
                run.cross(stretch)
        except Stopped:
            totals = end_backfill(self.store, number, "interrupted")
            return Outcome("interrupted", run.requests, totals)
        except ExchangeError as failure:
            end_backfill(self.store, number, "failed", str(failure))
            raise
        return self.conclude(number, run, plan.whole)

    def claim(self) -> None:
        """Be the only one who loads this market's history; raises HistoryTaken."""
        claim_history(self.store, self.wish.market)

    def begin(self, plan: Plan) -> int:
        """The row of this backfill: the unfinished one, or a new one."""
        if self.unfinished:
            resume_backfill(self.store, self.unfinished.backfill_id)
            return self.unfinished.backfill_id
        return start_backfill(self.store, self.wish, plan.whole)

    def conclude(self, number: int, run: Crossing, whole: Gap) -> Outcome:
        """What is missing now is missing at the exchange, unless an open gap says otherwise."""
        if self.found and not run.rest:
            self.close(self.found, whole)
        settle_within(self.store, whole)
        left = holes(self.store, whole) if self.exchange.COUNTS_TRADES else []
        absent = sum(ids_in(hole) for hole in left if note_absent(self.store, hole))
        totals = end_backfill(self.store, number, "done", None, absent)
        return Outcome("done", run.requests, totals, absent, sum(map(ids_in, left)) - absent)

    def close(self, found: OpenGap, whole: Gap) -> None:
        """The gap whose ids were walked; if it has changed meanwhile, it stays open."""
        now: OpenGap | None = found
        if found.gap.before_id is None:
            now = end_gap(self.store, found, (whole.before_id or 0) - 1, whole.before_at or 0)
        if now:
            conclude(self.store, now, "absent" if self.exchange.COUNTS_TRADES else "repaired")
