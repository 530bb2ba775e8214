"""Walking through trades page by page: each is told once, whatever is stored meanwhile."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.api.conftest import Site
from tests.stored import BTC, store_market

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
INSERT = """
INSERT INTO trades (market_id, trade_id, traded_at, received_at, side, price, size)
VALUES (%s, %s, %s, now(), 'b', 1, 1) ON CONFLICT DO NOTHING"""
# Few moments on both sides of a midnight: many trades share one, and then their ids decide.
PLACES = st.tuples(st.integers(-3, 3), st.integers(1, 9))


def key(trade: dict[str, Any]) -> tuple[datetime, int]:
    return datetime.fromisoformat(trade["time"]), int(trade["id"])


def moment(place: tuple[int, int]) -> tuple[datetime, int]:
    return MIDNIGHT + timedelta(microseconds=place[0]), place[1]


@pytest.mark.parametrize("order", ["asc", "desc"])
@given(
    stored=st.sets(PLACES, min_size=1, max_size=25),
    limit=st.integers(1, 6),
    meanwhile=st.lists(st.sets(PLACES, max_size=4), max_size=8),
)
@examples(max_examples=25)
def test_nothing_is_lost_or_told_twice_while_trades_are_stored_and_backfilled(
    site: Site, order: str, stored: set[tuple[int, int]], limit: int,
    meanwhile: list[set[tuple[int, int]]],
) -> None:  # fmt: skip
    market_id = store_market(site.store, BTC)
    site.store.execute("DELETE FROM trades")
    site.forget()
    insert(site, market_id, stored)
    due = {moment(place) for place in stored}
    found: list[tuple[datetime, int]] = []
    coming = iter(meanwhile)
    asked: dict[str, Any] = {"limit": limit, "order": order}
    while True:
        page = site.get("/v1/markets/coinbase/BTC-USD/trades", **asked).json()
        found += map(key, page["trades"])
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]
        more = next(coming, set())
        insert(site, market_id, more)
        is_ahead = found[-1].__lt__ if order == "asc" else found[-1].__gt__
        due |= {moment(place) for place in more if is_ahead(moment(place))}
    steps = pairwise(found if order == "asc" else found[::-1])
    assert all(one < other for one, other in steps)
    assert set(found) == due


def insert(site: Site, market_id: int, places: set[tuple[int, int]]) -> None:
    rows = [(market_id, id, at) for at, id in map(moment, places)]
    with site.store.cursor() as cursor:
        cursor.executemany(INSERT, rows)


def test_a_walk_ends_where_now_was_when_it_began(site: Site) -> None:
    market_id = store_market(site.store, BTC)
    site.store.execute("DELETE FROM trades")
    site.forget()
    insert(site, market_id, {(0, 1), (1, 2)})
    path = "/v1/markets/coinbase/BTC-USD/trades"
    first = site.get(path, limit=1).json()
    site.store.execute(
        "INSERT INTO trades (market_id, trade_id, traded_at, received_at, side, price, size) "
        "VALUES (%s, 3, now() + interval '1 second', now(), 'b', 1, 1)",
        [market_id],
    )
    second = site.get(path, limit=5, cursor=first["next_cursor"]).json()
    assert [t["id"] for t in second["trades"]] == ["2"] and second["next_cursor"] is None
    assert second["end"] == first["end"]


def test_complete_until_ends_at_the_first_open_gap_and_at_the_newest_trade(site: Site) -> None:
    market_id = store_market(site.store, BTC)
    site.store.execute("DELETE FROM trades")
    insert(site, market_id, {(0, 1), (1, 2), (3, 9)})
    path = "/v1/markets/coinbase/BTC-USD/trades"

    def until(**query: Any) -> str | None:
        site.forget()
        found: str | None = site.get(path, **query).json()["complete_until"]
        return found

    assert until() == "2026-11-21T00:00:00.000003Z"  # nothing proves what follows the newest
    assert until(end="2026-11-21T00:00:00.000002Z") == "2026-11-21T00:00:00.000002Z"
    assert until(start="2026-11-20") is None  # its trades began later
    site.store.execute(
        "INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, cause) "
        "VALUES (%s, 2, 9, %s, %s, 'disconnect')",
        [market_id, MIDNIGHT + timedelta(microseconds=1), MIDNIGHT + timedelta(microseconds=3)],
    )
    assert until() == "2026-11-21T00:00:00.000001Z"
    site.store.execute("UPDATE gaps SET state = 'absent', closed_at = now()")
    assert until() == "2026-11-21T00:00:00.000003Z"
    site.store.execute("UPDATE gaps SET state = 'unrecoverable'")
    assert until() == "2026-11-21T00:00:00.000001Z"
    site.store.execute("UPDATE markets SET counts_trades = false")
    assert until() is None
