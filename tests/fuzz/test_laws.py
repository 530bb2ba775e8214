"""The laws have teeth: each of these faults in a parser breaks one."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from alphapulse.trade import Trade
from collectors.exchange import Event, UnexpectedMessage
from collectors.exchanges import EXCHANGES, kraken
from fuzz import laws, slow
from fuzz.targets import targets
from tests.collectors.golden import frames

SNAPSHOT = frames("kraken")[2]


def all_trades(change: Callable[[Trade], Trade]) -> Callable[[Sequence[Event]], Sequence[Event]]:
    return lambda events: [change(e) if isinstance(e, Trade) else e for e in events]


FAULTS: dict[str, Callable[[Sequence[Event]], Sequence[Event]]] = {
    "no event": lambda events: events[:0],
    "a trade is lost": lambda events: events[:1],
    "out of order": lambda events: events[::-1],
    "the maker's side": all_trades(lambda trade: replace(trade, side=trade.side.opposite)),
    "a digit is lost": all_trades(lambda trade: replace(trade, price=trade.price.normalize())),
    "price and size": all_trades(lambda t: replace(t, price=t.size, size=t.price)),
    "rounded up": all_trades(lambda trade: replace(trade, traded_at=trade.traded_at + 1)),
    "another id": all_trades(lambda trade: replace(trade, id=trade.id + 1)),
    "another name": all_trades(lambda trade: replace(trade, exchange="binance")),
    "no symbol": all_trades(lambda trade: replace(trade, symbol="")),
    "below zero": all_trades(lambda trade: replace(trade, size=-trade.size)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_parser_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = SimpleNamespace(
        NAME="kraken", parse=lambda frame, at: FAULTS[fault](kraken.parse(frame, at))
    )
    laws.obey_frame("kraken", SNAPSHOT)
    monkeypatch.setitem(EXCHANGES, "kraken", faulty)
    with pytest.raises(AssertionError):
        laws.obey_frame("kraken", SNAPSHOT)


@pytest.mark.parametrize("failure", [UnexpectedMessage(b"another"), KeyError("x"), ValueError("x")])
def test_any_other_error_than_its_own_with_its_frame_is_found(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(frame: bytes, at: int) -> Sequence[Event]:
        raise failure

    faulty = SimpleNamespace(NAME="kraken", parse=parse)
    monkeypatch.setitem(EXCHANGES, "kraken", faulty)
    with pytest.raises((AssertionError, KeyError, ValueError)):
        laws.obey_frame("kraken", SNAPSHOT)


@pytest.mark.parametrize("name", targets())
def test_every_first_input_obeys(name: str) -> None:
    target = targets()[name]
    assert target.seeds
    for seed in target.seeds:
        target.obey(seed)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-01-01T00:00:01.123456999Z", 1_767_225_601_123_456),
        ("2026-01-01T00:00:00+01:00", 1_767_222_000_000_000),
        ("2026-01-01 00:00:00.5-00:30", 1_767_227_400_500_000),
    ],
)
def test_the_slow_reading_knows_the_time(written: str, at: int) -> None:
    assert slow.at_of(written) == at


@pytest.mark.parametrize("written", ["2026-W01-4T00:00Z", "20260101T000000Z", "now"])
def test_the_slow_reading_has_no_opinion_on_what_no_fact_sheet_knows(written: str) -> None:
    with pytest.raises(slow.NoOpinion):
        slow.at_of(written)
