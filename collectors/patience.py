"""Ask an exchange until it answers, or until we are told to stop: it waits, and never gives up."""

import logging
import random
from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from alphapulse.trade import Micros
from collectors.exchange import ExchangeError, Rejected, Request
from collectors.fetch import Busy, Fetcher

log = logging.getLogger(__name__)

FIRST, LONGEST = 1.0, 60.0  # seconds until the next try: doubled each time, up to the longest
SLICE = 0.1  # seconds in which a wait notices that it should end

T = TypeVar("T")


class Stopped(Exception):
    """We were told to end."""


class Stop:
    """May be told from a signal handler, where locks are no good; `wait` looks now and then."""

    def __init__(self) -> None:
        self.is_told = False

    def tell(self) -> None:
        self.is_told = True

    def wait(self, seconds: float) -> None:
        """Raises Stopped as soon as told, be it before."""
        until = monotonic() + seconds
        while not self.is_told and (left := until - monotonic()) > 0:
            sleep(min(SLICE, left))
        if self.is_told:
            raise Stopped


class Asker:
    """One request after another, each tried again until it gave what `take` can read."""

    def __init__(self, fetcher: Fetcher, stop: Stop) -> None:
        self.fetcher = fetcher
        self.stop = stop
        self.seconds = 0.0  # that all answers took
        self.answers = 0

    @property
    def requests(self) -> int:
        return self.fetcher.requests

    def ask(self, request: Request, take: Callable[[bytes, Micros], T]) -> T:
        """What `take` makes of the answer. Raises Rejected, or Stopped; never in mid-page."""
        failures = 0
        while True:
            self.stop.wait(0)
            try:
                return self.ask_once(request, take)
            except Rejected:
                raise
            except ExchangeError as failure:
                pause = self.pause(failure, failures)
                failures += 1
                log.warning("%s; trying again in %.0f s", failure, pause)
                self.stop.wait(pause)

    def ask_once(self, request: Request, take: Callable[[bytes, Micros], T]) -> T:
        answer = self.fetcher.get(request)
        self.seconds += self.fetcher.took
        self.answers += 1
        return take(answer.body, answer.received_at)

    def pause(self, failure: ExchangeError, failures: int) -> float:
        """At least as long as the exchange says; jitter keeps several of us apart."""
        usual = min(LONGEST, FIRST * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1)  # noqa: S311
        return max(usual, failure.seconds) if isinstance(failure, Busy) else usual
