"""Until when everything is there, whichever days the answer lies in."""

from datetime import UTC, datetime, timedelta

import pytest

from alphapulse.store.completeness import Edges, complete_until
from alphapulse.store.connect import Store
from tests.stored import BTC, DAY, Row, store_market, store_trades

MIDNIGHT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
GAP = """
INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, state, cause)
VALUES (%s, 3, 5, %s, %s, %s, 'disconnect')"""
BACKFILL = """
INSERT INTO backfills (market_id, from_at, to_at, after_id, after_at, before_id, before_at)
VALUES (%s, %s, %s, 0, %s, %s, %s)"""
LEFT = """
INSERT INTO dropped_days
    (market_id, day, rows, checksum, last_id, last_at, last_tx, first_ids, last_ids)
VALUES (%s, %s, 4, 1, 4, %s, 1, '{}', '{}')"""


def at(day: int, hour: int = 0) -> datetime:
    return MIDNIGHT + timedelta(days=day, hours=hour)


def trade(id: int, day: int, hour: int) -> Row:
    return id, str(at(day, hour).replace(tzinfo=None)), "1", "1"


@pytest.fixture
def market_id(store: Store) -> int:
    """Trades at noon of days 0, 1 and 9."""
    store_trades(store, BTC, [trade(1, 0, 12), trade(2, 1, 12), trade(3, 9, 12)])
    return store_market(store, BTC)


@pytest.fixture
def edges() -> Edges:
    return Edges(seconds=0)


CASES = [
    (at(0, 12), at(0, 13), at(0, 13)),
    (at(1), at(1, 6), at(1, 6)),
    (at(2), at(3), at(3)),  # nothing for days, then a trade
    (at(9, 13), at(9, 14), None),  # nothing behind the newest trade is proved
    (at(9), at(20), at(9, 12)),
    (at(9), datetime(2099, 1, 1, tzinfo=UTC), at(9, 12)),
    (at(0, 11), at(1), None),  # it begins before the first trade
    (None, at(1), at(1)),
    (None, at(0, 6), None),
    (at(-30), at(-29), None),
]


@pytest.mark.parametrize("first", range(len(CASES)))
def test_a_range_is_complete_up_to_its_end_or_to_the_newest_trade_whatever_was_asked_before(
    store: Store, edges: Edges, market_id: int, first: int
) -> None:
    for start, end, until in CASES[first:] + CASES[:first]:
        assert complete_until(store, edges, market_id, start, end) == until


def test_the_newest_trade_is_looked_for_once_in_a_while(store: Store, market_id: int) -> None:
    edges = Edges(seconds=60)
    assert complete_until(store, edges, market_id, at(9), at(30)) == at(9, 12)
    store_trades(store, BTC, [trade(9, 11, 0)])
    assert complete_until(store, edges, market_id, at(9), at(30)) == at(9, 12)
    edges.seconds = 0
    assert complete_until(store, edges, market_id, at(9), at(30)) == at(11)


def test_trades_beyond_those_that_are_remembered_are_found(
    store: Store, edges: Edges, market_id: int
) -> None:
    assert complete_until(store, edges, market_id, None, at(30)) == at(9, 12)
    store_trades(store, BTC, [trade(9, 11, 0)])
    assert complete_until(store, edges, market_id, at(-1), at(30)) is None
    store_trades(store, BTC, [trade(0, -2, 0)])
    assert complete_until(store, edges, market_id, at(-1), at(30)) == at(11)


@pytest.mark.parametrize("state", ["suspected", "repairing", "unrecoverable", "repaired"])
def test_an_open_gap_ends_what_is_complete(
    store: Store, edges: Edges, market_id: int, state: str
) -> None:
    store.execute(GAP, [market_id, at(1, 2), at(1, 3), state])
    expected = at(1, 12) if state == "repaired" else at(1, 2)
    assert complete_until(store, edges, market_id, at(1), at(1, 12)) == expected
    assert complete_until(store, edges, market_id, at(1, 4), at(1, 12)) == at(1, 12)


@pytest.mark.parametrize(("before_id", "until"), [(2, at(1, 18)), (7, at(1, 6))])
def test_history_that_does_not_reach_the_trade_behind_it_ends_it_too(
    store: Store, edges: Edges, market_id: int, before_id: int, until: datetime
) -> None:
    facts = [market_id, at(1), at(1, 6), at(1), before_id, at(1, 12)]
    store.execute(BACKFILL, facts)
    assert complete_until(store, edges, market_id, at(1, 1), at(1, 18)) == until


def test_days_that_left_the_store_count(store: Store, edges: Edges, market_id: int) -> None:
    store.execute(LEFT, [market_id, at(-2).date(), at(-2, 23)])
    assert complete_until(store, edges, market_id, at(-1), at(-1, 6)) == at(-1, 6)
    assert complete_until(store, edges, market_id, at(-3), at(-1, 6)) is None
    store.execute(LEFT, [market_id, at(12).date(), at(12, 23)])
    assert complete_until(store, edges, market_id, at(9), at(20)) == at(12, 23)


def test_a_market_whose_ids_are_not_consecutive_proves_nothing(
    store: Store, edges: Edges, market_id: int
) -> None:
    store.execute("UPDATE markets SET counts_trades = false")
    assert complete_until(store, edges, market_id, at(0, 12), at(0, 13)) is None
    assert complete_until(store, Edges(), -1, at(0, 12), at(0, 13)) is None
