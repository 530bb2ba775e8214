"""An asker that waits out whatever an exchange does, but hears when it is told to stop."""

from collections.abc import Callable
from threading import Timer
from time import monotonic

import pytest

from collectors import patience
from collectors.exchange import ExchangeError, Rejected, Request
from collectors.fetch import Answer, Busy, Fetcher
from collectors.patience import LONGEST, Asker, Stop, Stopped

PAGE = Request("/", {})


class Moody(Fetcher):
    """Raises its moods one after another, then answers."""

    def __init__(self, *moods: ExchangeError) -> None:
        super().__init__("http://127.0.0.1:1", 0.0)
        self.moods = list(moods)

    def get(self, _: Request) -> Answer:
        self.requests += 1
        if self.moods:
            raise self.moods.pop(0)
        return Answer(b"page", 7)


def read(body: bytes, received_at: int) -> tuple[bytes, int]:
    return body, received_at


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST", 0.001)


@pytest.mark.usefixtures("quick")
def test_troubles_are_waited_out() -> None:
    moods = [ExchangeError("HTTP 503"), Busy("429", 0.01), ExchangeError("timeout")]
    asker = Asker(Moody(*moods), Stop())
    assert asker.ask(PAGE, read) == (b"page", 7)
    assert (asker.requests, asker.answers) == (4, 1)


@pytest.mark.usefixtures("quick")
def test_a_page_that_cannot_be_read_is_asked_for_again() -> None:
    asker, bad = Asker(Moody(), Stop()), [True, True]

    def take(body: bytes, _: int) -> bytes:
        if bad:
            bad.pop()
            raise ExchangeError("EGeneral:Too many requests")
        return body

    assert asker.ask(PAGE, take) == b"page"
    assert asker.requests == 3


def test_a_refusal_is_final() -> None:
    asker = Asker(Moody(Rejected("no such pair")), Stop())
    with pytest.raises(Rejected, match="no such pair"):
        asker.ask(PAGE, read)
    assert asker.requests == 1


def test_told_to_stop_it_asks_nothing_more() -> None:
    asker = Asker(Moody(), Stop())
    asker.stop.tell()
    with pytest.raises(Stopped):
        asker.ask(PAGE, read)
    assert asker.requests == 0


@pytest.mark.parametrize("mood", [Busy("429", 3600.0), ExchangeError("down")])
def test_a_long_wait_ends_when_told(mood: ExchangeError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST", 3600.0)
    monkeypatch.setattr(patience, "LONGEST", 3600.0)
    asker = Asker(Moody(mood), Stop())
    timer = Timer(0.2, asker.stop.tell)
    timer.start()
    started = monotonic()
    with pytest.raises(Stopped):
        asker.ask(PAGE, read)
    assert monotonic() - started < 600
    timer.join()


def test_waits_grow_up_to_the_longest_and_never_undercut_the_exchange() -> None:
    asker = Asker(Moody(), Stop())
    pause: Callable[[int], float] = lambda n: asker.pause(ExchangeError("x"), n)  # noqa: E731
    assert pause(0) <= 1 and 1 <= pause(2) <= 4
    assert LONGEST / 2 <= pause(50) <= LONGEST
    assert asker.pause(Busy("429", 300.0), 0) == 300.0
