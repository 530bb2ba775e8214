import json

import pytest

from alphapulse.trade import Market
from replay.feed import SimulatedFeed
from replay.frames import header
from replay.prebuilt import Prebuilt
from replay.protocols import DIALECTS
from replay.simulated import SimulatedMarket
from tests.replay.talk import ids

START = 1_760_000_000_000_000
TRADES = 3000


def feed(exchange: str = "coinbase") -> SimulatedFeed:
    dialect = DIALECTS[exchange]
    markets = [SimulatedMarket(Market(exchange, s), 1, START, 10.0) for s in dialect.MARKETS]
    return SimulatedFeed(dialect, markets, TRADES, 10**6)


def texts(data: bytes) -> list[str]:
    """The payloads of joined frames."""
    found = []
    while data:
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        assert data[:start] == header(size)
        found.append(data[start : start + size].decode())
        data = data[start + size :]
    return found


@pytest.mark.parametrize("exchange", list(DIALECTS))
def test_the_chunks_of_all_markets_hold_every_trade_once(exchange: str) -> None:
    one = feed(exchange)
    built = Prebuilt(one)
    chunks = built.prepare(one.dialect.FORM, one.tapes.keys())
    found = sorted(id for chunk in chunks for text in texts(chunk) for id in ids(text))
    assert len(chunks) == len(built.instants)
    assert found == sorted(m.first_id + n for m in one.markets for n in range(TRADES))


def test_a_chunk_is_what_the_feed_publishes_up_to_its_instant() -> None:
    one = feed()
    built = Prebuilt(one)
    found: list[int] = []
    for number, until in enumerate(built.instants):
        one.advance(until)
        chunk = built.chunk("match", {"BTC-USD"}, number)
        found += [id for text in texts(chunk) for id in ids(text)]
        assert found == list(one.tapes["BTC-USD"].columns.ids)


def test_a_smaller_set_of_symbols_has_the_same_instants() -> None:
    built = Prebuilt(feed())
    whole = built.prepare("match", {"BTC-USD", "ETH-USD"})
    part = built.prepare("match", {"ETH-USD"})
    assert len(whole) == len(part)
    assert {json.loads(t)["product_id"] for c in part for t in texts(c)} == {"ETH-USD"}


def test_building_leaves_the_feed_where_it_was() -> None:
    one = feed()
    Prebuilt(one).prepare("match", one.tapes.keys())
    assert all(len(tape) == 0 for tape in one.tapes.values())


def test_what_is_built_is_kept() -> None:
    built = Prebuilt(feed())
    assert built.prepare("match", {"BTC-USD"}) is built.prepare("match", {"BTC-USD"})


def test_a_chunk_is_about_a_write_long() -> None:
    one = feed()
    chunks = Prebuilt(one).prepare("match", one.tapes.keys())
    assert 30_000 < sum(map(len, chunks)) / len(chunks) < 130_000
