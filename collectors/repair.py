"""Open gaps are filled from the exchange's REST pages, page by page, newest gap first.

A gap is a row in the database, and so is how far its repair is: the next collector goes on there.
What is too wide stays open for its owner, what the exchange keeps refusing is given up, each with
a note that says so. Nothing that goes wrong here may end the live capture: it costs the one gap a
pause.
"""

import logging
from contextlib import suppress
from threading import Event, Thread
from time import monotonic

from msgspec.structs import replace

from alphapulse.store.connect import connect
from alphapulse.store.gaps import OpenGap, open_gaps
from alphapulse.store.mending import postpone_repair, recheck
from alphapulse.store.turn import Turn
from alphapulse.store.writing import AWAY, TradeWriter
from collectors.exchange import Exchange, ExchangeError, Rejected
from collectors.fetch import Busy, Fetcher
from collectors.mend import Job, Mender, Outdated
from collectors.session import printable

log = logging.getLogger(__name__)

POLL = 5.0  # seconds between two looks at the table; a new gap wakes us at once
GRACE = 0.3  # seconds in which reordered trades may fill a hole by themselves
SETTLED = 5.0  # the same where ids tell nothing: until REST surely has what was told to others
LOOKS = (
    2.0,
    10.0,
    60.0,
)  # seconds until we look again for ids that REST lacked, so often; then: absent
REST = 5.0  # seconds to wait when the exchange or the database cannot be reached; doubled per gap
LONGEST = 600.0  # seconds between two tries of a gap at the most
REJECTIONS = 12  # in a row, over some 50 minutes by their pauses; then a gap is given up
RECHECK = 60.0  # seconds between two looks at the gaps given up lately


class Repair:
    """Fills the gaps of one exchange, by one thread, until closed."""

    def __init__(self, url: str, exchange: Exchange, rest: str, name: str) -> None:
        self.url = url
        self.exchange = exchange
        self.fetcher = Fetcher(rest, exchange.REQUEST_PAUSE)
        self.name = name
        self.mender = Mender(exchange, self.fetcher, LOOKS)
        self.counters = self.mender.counters
        self.jobs: dict[int, Job] = {}
        self.rest_at = 0.0  # until then the exchange wants no request, or gives no answer
        self.recheck_at = 0.0
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
                    self.fetcher.turn = Turn(store, self.fetcher.base)
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
            if now >= self.recheck_at:
                self.recheck_at = now + RECHECK
                recheck(writer.store, self.exchange.NAME)
            due_at, job = self.next_job()
            if job and due_at <= now:
                self.attempt(writer, job)
            else:
                self.wake.wait(min(POLL, due_at - now))

    def learn(self, found: list[OpenGap]) -> None:
        """Know the open gaps, newest first; one that changed since begins anew."""
        known, self.jobs = self.jobs, {}
        for gap in found:
            job = known.get(gap.gap_id)
            if job is None or job.found.revision != gap.revision:
                job = self.first_job(gap)
            self.jobs[gap.gap_id] = job

    def first_job(self, gap: OpenGap) -> Job:
        """A walk that was cut short goes on; what was rejected last time waits as it would have."""
        pause = GRACE if self.exchange.COUNTS_TRADES else SETTLED
        if gap.rejections:
            pause = backoff(gap.rejections - 1)
        return Job(gap, monotonic() + pause, cursor=gap.cursor, failures=gap.rejections)

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
            self.mender.advance(writer, job, monotonic())
        except AWAY:
            job.walk = None  # it may have gone on without storing its page
            raise
        except Outdated:
            del self.jobs[job.found.gap_id]
        except Busy as busy:
            self.rest_at = monotonic() + busy.seconds
            self.postpone(writer, job, str(busy))
        except Rejected as refusal:
            self.suffer(writer, job, printable(str(refusal)))
        except ExchangeError as failure:
            self.rest_at = monotonic() + REST
            self.postpone(writer, job, str(failure))
        except Exception as bug:
            log.exception("%s: repair of %s", self.exchange.NAME, job.found.gap)
            job.walk = None
            self.postpone(writer, job, f"bug: {bug!r}")

    def suffer(self, writer: TradeWriter, job: Job, why: str) -> None:
        """The exchange will not answer this one: ask ever more rarely, in the end no more."""
        rejections = job.found.rejections + 1
        if rejections < REJECTIONS:
            self.postpone(writer, job, why, is_rejected=True)
            job.found = replace(job.found, rejections=rejections)
            return
        with suppress(Outdated):
            given_up = f"rejected {rejections} times in a row: {why}"
            self.mender.close(writer, job, "unrecoverable", given_up)

    def postpone(
        self, writer: TradeWriter, job: Job, why: str, *, is_rejected: bool = False
    ) -> None:
        log.warning("%s: repair of %s put off: %s", self.exchange.NAME, job.found.gap, why)
        postpone_repair(writer.store, job.found, printable(why), is_rejected=is_rejected)
        job.due_at = monotonic() + backoff(job.failures)
        job.failures += 1
        self.counters.failures += 1


def backoff(failures: int) -> float:
    return min(LONGEST, REST * 2.0 ** min(failures, 30))
