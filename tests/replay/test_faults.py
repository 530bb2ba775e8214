from itertools import islice

import pytest

from alphapulse.trade import Market
from replay.faults import (
    Cut,
    Drop,
    FaultError,
    Hole,
    LastTradeIdZero,
    Refuse,
    RestError,
    read_fault,
    schedule,
)

MARKETS = [Market("kraken", "BTC/USD"), Market("binance", "BTCUSDT")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ({"fault": "cut"}, Cut()),
        ({"fault": "cut", "exchange": "kraken", "code": "1011"}, Cut(exchange="kraken", code=1011)),
        ({"fault": "drop", "frames": "5"}, Drop(frames=5)),
        ({"fault": "hole", "symbol": "BTC/USD"}, Hole(symbol="BTC/USD")),
        ({"fault": "last-trade-id-zero", "seconds": "2.5"}, LastTradeIdZero(seconds=2.5)),
        ({"fault": "rest-error", "status": "503"}, RestError(status=503)),
        ({"fault": "refuse", "symbol": "A"}, Refuse(symbol="A")),
    ],
)
def test_a_fault_is_read_from_text(text: dict[str, str], fault: object) -> None:
    assert read_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({}, "missing required field `fault`"),
        ({"fault": "earthquake"}, "Invalid value 'earthquake'"),
        ({"fault": "cut", "code": "7"}, "close code 7; known: "),
        ({"fault": "cut", "colour": "red"}, "unknown field `colour`"),
        ({"fault": "refuse"}, "missing required field `symbol`"),
        ({"fault": "rest-error", "status": "201"}, "status 201; known: "),
        ({"fault": "garbage", "kind": "smelly"}, "Invalid enum value 'smelly'"),
    ],
)
def test_what_is_no_fault_says_why(text: dict[str, str], words: str) -> None:
    with pytest.raises(FaultError, match=words):
        read_fault(text)


def test_the_same_seed_gives_the_same_faults() -> None:
    first = list(islice(schedule(7, MARKETS, 60), 50))
    assert first == list(islice(schedule(7, MARKETS, 60), 50))
    assert first != list(islice(schedule(8, MARKETS, 60), 50))


def test_a_schedule_has_every_kind_at_every_exchange_at_the_pace_asked_for() -> None:
    found = list(islice(schedule(1, MARKETS, 120), 2000))
    assert len({type(fault) for _, fault in found}) == 12
    assert {fault.exchange for _, fault in found} == {"kraken", "binance"}
    assert sum(pause for pause, _ in found) / 2000 == pytest.approx(0.5, rel=0.1)
