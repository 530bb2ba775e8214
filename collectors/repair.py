"""Open gaps are filled from the exchange's REST pages, page by page, newest gap first.

A gap is a row in the database, so a crash loses none: the next collector finds it still open. What
is too wide (WIDEST, MOST_PAGES) stays open for its owner, with a note that says so. Nothing that
goes wrong here may end the live capture: it costs the one gap a pause.
"""

import logging
from collections.abc import Sequence
from threading import Event, Thread
from time import monotonic

from msgspec import Struct

from alphapulse.store.connect import connect
from alphapulse.store.gaps import (
    OpenGap,
    close_gap,
    forget_gap,
    missing,
    open_gaps,
    postpone_repair,
    set_aside,
    start_repair,
)
from alphapulse.store.writing import AWAY, RefusedRow, TradeWriter, insert_each
from alphapulse.trade import Trade
from collectors.backfill import Walk
from collectors.exchange import Exchange, ExchangeError
from collectors.fetch import Busy, Fetcher, Rejected
from collectors.session import printable

log = logging.getLogger(__name__)

POLL = 5.0  # seconds between two looks at the table; a new gap wakes us at once
GRACE = 0.3  # seconds in which reordered trades may fill a hole by themselves
LOOKS = (
    2.0,
    10.0,
    60.0,
)  # seconds until we look again for ids that REST lacked, so often; then: absent
REST = 5.0  # seconds to wait when the exchange or the database cannot be reached; doubled per gap
LONGEST = 600.0  # seconds between two tries of a gap at the most
WIDEST = 1_000_000  # ids: a thousand pages, some 20 minutes at Kraken
MOST_PAGES = 2_000  # of one walk, for where nobody knows how many ids there are


class Counters(Struct):
    """What the repair did so far; read by status and metrics."""

    repaired: int = 0
    absent: int = 0
    too_wide: int = 0
    rows: int = 0
    requests: int = 0
    failures: int = 0


class Job(Struct):
    """What we remember of one gap between two pages."""

    found: OpenGap
    due_at: float  # of the steady clock
    walk: Walk | None = None
    pages: int = 0  # of this walk
    new: int = 0  # rows that all walks stored
    looks: int = 0  # walks that came to their end
    failures: int = 0  # since the last page


class Repair:
    """Fills the gaps of one exchange, by one thread, until closed."""

    def __init__(self, url: str, exchange: Exchange, rest: str, name: str) -> None:
        self.url = url
        self.exchange = exchange
        self.fetcher = Fetcher(rest, exchange.REQUEST_PAUSE)
        self.name = name
        self.counters = Counters()
        self.looks: Sequence[float] = LOOKS
        self.jobs: dict[int, Job] = {}
        self.rest_at = 0.0  # until then the exchange wants no request, or gives no answer
        self.wake = Event()
        self.stopping = Event()
        self.thread = Thread(target=self.run, name=f"repair {exchange.NAME}", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def close(self, seconds: float) -> None:
        """End after the page under way; a walk goes on in the next collector."""
        self.stopping.set()
        self.wake.set()
        if self.thread.ident is not None:
            self.thread.join(seconds)

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with connect(self.url, self.name) as store:
                    self.serve(TradeWriter(store))
            except AWAY as failure:
                log.warning("%s: repairs wait for PostgreSQL: %s", self.exchange.NAME, failure)
                self.stopping.wait(REST)
        self.fetcher.close()

    def serve(self, writer: TradeWriter) -> None:
        while not self.stopping.is_set():
            self.wake.clear()
            self.learn(open_gaps(writer.store, self.exchange.NAME))
            now = monotonic()
            due_at, job = self.next_job()
            if job and due_at <= now:
                self.attempt(writer, job)
            else:
                self.wake.wait(min(POLL, due_at - now))

    def learn(self, found: list[OpenGap]) -> None:
        """Know the open gaps, newest first; one that was reported anew begins anew."""
        known, self.jobs = self.jobs, {}
        for gap in found:
            job = known.get(gap.gap_id)
            if job is None or job.found.found_at != gap.found_at:
                job = Job(gap, monotonic() + GRACE)
            self.jobs[gap.gap_id] = job

    def next_job(self) -> tuple[float, Job | None]:
        """The newest gap that is due, or else the one that will be next, and when that is."""
        now = monotonic()
        waiting = [(max(job.due_at, self.rest_at), job) for job in self.jobs.values()]
        due = [(due_at, job) for due_at, job in waiting if due_at <= now]
        soonest = min(waiting, key=lambda pair: pair[0], default=(now + POLL, None))
        return due[0] if due else soonest

    def attempt(self, writer: TradeWriter, job: Job) -> None:
        """One page of one gap; what goes wrong costs this gap a pause, or all of them."""
        try:
            self.advance(writer, job)
        except AWAY:
            job.walk = None  # it may have gone on without storing its page
            raise
        except Busy as busy:
            self.rest_at = monotonic() + busy.seconds
            self.postpone(writer, job, str(busy))
        except Rejected as refusal:
            self.postpone(writer, job, str(refusal))
        except ExchangeError as failure:
            self.rest_at = monotonic() + REST
            self.postpone(writer, job, str(failure))
        except Exception as bug:
            log.exception("%s: repair of %s", self.exchange.NAME, job.found.gap)
            job.walk = None
            self.postpone(writer, job, f"bug: {bug!r}")

    def postpone(self, writer: TradeWriter, job: Job, why: str) -> None:
        log.warning("%s: repair of %s put off: %s", self.exchange.NAME, job.found.gap, why)
        postpone_repair(writer.store, job.found.gap_id, printable(why))
        job.due_at = monotonic() + min(LONGEST, REST * 2.0**job.failures)
        job.failures = min(job.failures + 1, 30)
        self.counters.failures += 1

    def advance(self, writer: TradeWriter, job: Job) -> None:
        if job.walk is None:
            if self.is_settled(writer, job):
                return
            start_repair(writer.store, job.found.gap_id)
            job.walk, job.pages = Walk(self.exchange, job.found.gap), 0
        if job.walk.request:
            self.turn_page(writer, job, job.walk)
        if not job.walk.request:
            self.conclude(writer, job)
        elif job.pages >= MOST_PAGES:
            self.set_aside(writer, job, f"not at its end after {job.pages} pages, {job.new} rows")

    def is_settled(self, writer: TradeWriter, job: Job) -> bool:
        """Whether there is nothing to ask for: too much is missing, or no longer anything."""
        gap = job.found.gap
        if gap.before_id is None:
            return False
        if gap.before_id - gap.after_id > WIDEST:
            self.set_aside(writer, job, f"up to {gap.before_id - gap.after_id - 1:,} ids")
            return True
        if missing(writer.store, gap) == 0:
            self.close_as_repaired(writer, job)
            return True
        return False

    def turn_page(self, writer: TradeWriter, job: Job, walk: Walk) -> None:
        assert walk.request
        self.counters.requests += 1
        answer = self.fetcher.get(walk.request)
        trades = walk.take(answer.body, answer.received_at)
        new = insert_each(writer, trades, self.refuse)
        job.pages += 1
        job.new += new
        job.failures = 0
        self.counters.rows += new

    def refuse(self, trade: Trade, why: RefusedRow) -> None:
        log.error("%s: refused %r: %s", self.exchange.NAME, trade, why)

    def conclude(self, writer: TradeWriter, job: Job) -> None:
        """The walk is at its end: was everything there?"""
        job.walk = None
        gap = job.found.gap
        absent = 0 if gap.before_id is None else missing(writer.store, gap)
        if gap.before_id is None and job.new == 0 and job.found.attempts == 0:
            forget_gap(writer.store, job.found.gap_id)  # it was a question, not a hole
        elif absent == 0:
            self.close_as_repaired(writer, job)
        elif job.looks >= len(self.looks):
            self.counters.absent += absent
            note = f"{absent} ids are not at the exchange either"
            close_gap(writer.store, job.found.gap_id, "absent", note)
        else:
            postpone_repair(writer.store, job.found.gap_id, f"{absent} ids not on REST yet")
            job.due_at = monotonic() + self.looks[job.looks]
            job.looks += 1

    def close_as_repaired(self, writer: TradeWriter, job: Job) -> None:
        self.counters.repaired += 1
        close_gap(writer.store, job.found.gap_id, "repaired", f"{job.new} rows from REST")

    def set_aside(self, writer: TradeWriter, job: Job, why: str) -> None:
        self.counters.too_wide += 1
        log.error(
            "%s: %s is too wide to repair by itself: %s", self.exchange.NAME, job.found.gap, why
        )
        set_aside(writer.store, job.found.gap_id, why)
