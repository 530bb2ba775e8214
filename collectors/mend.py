"""The repair of one gap, a page at a time: begin, turn pages, conclude.

Where the gap changed under our hands (it grew, or late rows filled it) Outdated is raised, and
whatever it is by now is learnt anew.
"""

import logging
from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from alphapulse.store.gaps import OpenGap
from alphapulse.store.mending import (
    Verdict,
    conclude,
    count_missing,
    end_gap,
    keep_cursor,
    narrow,
    postpone_repair,
    set_aside,
    start_repair,
)
from alphapulse.store.writing import RefusedRow, TradeWriter, insert_each
from alphapulse.trade import Gap, Trade
from collectors.backfill import Walk
from collectors.exchange import Exchange
from collectors.fetch import Fetcher

log = logging.getLogger(__name__)

T = TypeVar("T")

WIDEST = 1_000_000  # ids: a thousand pages, some 20 minutes at Kraken
MOST_PAGES = 2_000  # of one walk, for where nobody knows how many ids there are


class Outdated(Exception):
    """The gap is no longer what we knew of it."""


class Counters(Struct):
    """What the repair did so far; read by status and metrics."""

    repaired: int = 0
    absent: int = 0
    unrecoverable: int = 0
    too_wide: int = 0
    rows: int = 0
    requests: int = 0
    failures: int = 0


class Job(Struct):
    """What we remember of one gap between two pages."""

    found: OpenGap
    due_at: float  # of the steady clock
    cursor: str | None = None  # behind the last page that was stored
    walk: Walk | None = None
    pages: int = 0  # of this walk
    new: int = 0  # rows that all walks stored
    looks: int = 0  # walks that came to their end
    failures: int = 0  # since the last page


class Mender:
    """Advances jobs of one exchange. `looks`: seconds until ids that REST lacks are looked for
    again, so often; then they are absent.
    """

    def __init__(self, exchange: Exchange, fetcher: Fetcher, looks: Sequence[float]) -> None:
        self.exchange = exchange
        self.fetcher = fetcher
        self.looks = looks
        self.counters = Counters()

    def advance(self, writer: TradeWriter, job: Job, now: float) -> None:
        """One page at the most. Raises Outdated, ExchangeError, one of AWAY."""
        walk = job.walk or self.begin(writer, job)
        if walk is None:
            return
        if walk.request:
            self.turn_page(writer, job, walk)
        if not walk.request:
            self.conclude(writer, job, walk, now)
        elif job.pages >= MOST_PAGES:
            why = f"not at its end after {job.pages} pages, {job.new} rows"
            self.set_aside(writer, job, why)

    def begin(self, writer: TradeWriter, job: Job) -> Walk | None:
        """None: there is nothing to ask for, too much is missing, or no longer anything."""
        gap = job.found.gap
        if gap.before_id is not None and self.exchange.COUNTS_TRADES:
            if gap.before_id - gap.after_id > WIDEST:
                self.set_aside(writer, job, f"up to {gap.before_id - gap.after_id - 1:,} ids")
                return None
            if known(count_missing(writer.store, job.found)) == 0:
                self.close(writer, job, "repaired")
                return None
            gap = self.worth_asking(writer, job)
        insist(start_repair(writer.store, job.found))
        job.walk, job.pages = Walk(self.exchange, gap, job.cursor), 0
        return job.walk

    def worth_asking(self, writer: TradeWriter, job: Job) -> Gap:
        """What is stored at the edges need not come again; the last look is at the whole gap, for
        where times do not rise with the ids.
        """
        is_last = job.looks >= len(self.looks)
        return job.found.gap if is_last else narrow(writer.store, job.found)

    def turn_page(self, writer: TradeWriter, job: Job, walk: Walk) -> None:
        assert walk.request
        self.counters.requests += 1
        answer = self.fetcher.get(walk.request)
        trades = walk.take(answer.body, answer.received_at)
        new = insert_each(writer, trades, self.refuse)
        insist(keep_cursor(writer.store, job.found, walk.cursor, new))
        job.cursor = walk.cursor
        job.found = replace(job.found, rejections=0)
        job.pages += 1
        job.new += new
        job.failures = 0
        self.counters.rows += new

    def refuse(self, trade: Trade, why: RefusedRow) -> None:
        log.error("%s: refused %r: %s", self.exchange.NAME, trade, why)

    def conclude(self, writer: TradeWriter, job: Job, walk: Walk, now: float) -> None:
        """The walk is at its end: was everything there?"""
        job.walk = job.cursor = None
        gap = job.found.gap
        if gap.before_id is None:
            last_id, last_at = walk.newest or (gap.after_id, gap.after_at)
            job.found = known(end_gap(writer.store, job.found, last_id, last_at))
        if not self.exchange.COUNTS_TRADES:
            self.close(writer, job, "repaired")
            return
        lacking = known(count_missing(writer.store, job.found))
        if lacking and job.looks < len(self.looks):
            note = f"{lacking} ids not on REST yet"
            insist(postpone_repair(writer.store, job.found, note, is_over=True))
            job.due_at = now + self.looks[job.looks]
            job.looks += 1
        elif lacking and (begins := self.beginning(writer, job, walk)):
            self.close(writer, job, "unrecoverable", begins)
        else:
            self.close(writer, job, "absent")

    def beginning(self, writer: TradeWriter, job: Job, walk: Walk) -> str:
        """Where the exchange's record begins, if that is behind the first missing id."""
        if self.exchange.PAGES.order == "up" or not walk.is_whole:
            return ""  # what it shows first is what we asked for first
        if walk.oldest_id is None:
            return "the exchange's record shows nothing from then on"
        first_id = narrow(writer.store, job.found).after_id + 1
        return f"the exchange's record begins at {walk.oldest_id}" * (first_id < walk.oldest_id)

    def close(self, writer: TradeWriter, job: Job, otherwise: Verdict, why: str = "") -> None:
        job.walk = None
        closed = known(conclude(writer.store, job.found, otherwise, why))
        self.counters.repaired += closed.verdict == "repaired"
        self.counters.absent += closed.absent
        if closed.verdict == "unrecoverable":
            self.counters.unrecoverable += 1
            log.error("%s: %s is given up: %s", self.exchange.NAME, job.found.gap, why)

    def set_aside(self, writer: TradeWriter, job: Job, why: str) -> None:
        job.walk = None
        self.counters.too_wide += 1
        gap = job.found.gap
        log.error("%s: %s is too wide to repair by itself: %s", self.exchange.NAME, gap, why)
        insist(set_aside(writer.store, job.found, why))


def known(fact: T | None) -> T:
    if fact is None:
        raise Outdated
    return fact


def insist(is_same: bool) -> None:
    if not is_same:
        raise Outdated
