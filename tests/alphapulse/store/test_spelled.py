"""PostgreSQL's own spelling of a page is what Python would have made of its rows."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from alphapulse.columns import json_of_trades
from alphapulse.store.connect import Store
from alphapulse.store.pages import Stretch, read_page
from alphapulse.store.spelled import read_spelled
from tests.stored import BTC, DAY, store_trades

START = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
TRADES = [
    (1, f"{DAY} 00:00:00", "61000.10", "0.00000001"),
    (2, f"{DAY} 00:00:00.5", "1E+3", "12345678901234567890.123456789012345678"),
    (3, f"{DAY} 00:00:00.000001", "0.000000000000000001", "7"),
    (4, f"{DAY} 23:59:59.999999", "99999999999999999999", "0.50"),
]


def stretch(store: Store, *, is_descending: bool = False, hours: int = 24) -> Stretch:
    (market_id,) = store.execute("SELECT market_id FROM markets").fetchone() or (0,)
    return Stretch(market_id, START, START + timedelta(hours=hours), None, is_descending)


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 4, 5])
def test_both_shapes_are_those_of_the_rows(store: Store, limit: int, is_descending: bool) -> None:
    store_trades(store, BTC, TRADES)
    asked = stretch(store, is_descending=is_descending)
    _, columns = read_page(store, asked, limit)
    rows = read_spelled(store, asked, limit, "rows")
    wide = read_spelled(store, asked, limit, "columns")
    assert rows is not None and wide is not None
    assert rows.json == json_of_trades(columns)
    assert msgspec.json.decode(wide.json) == columns
    expected = None
    if limit < len(TRADES):
        expected = (datetime.fromisoformat(columns["time"][-1]), int(columns["id"][-1]))
    assert rows.place == wide.place == expected


def test_nothing_is_spelled_where_nothing_is_or_a_day_has_left(store: Store) -> None:
    store_trades(store, BTC, TRADES)
    empty = Stretch(stretch(store).market_id, START - timedelta(days=1), START)
    assert read_spelled(store, empty, 10, "rows") is None
    store.execute(
        "INSERT INTO dropped_days (market_id, day, rows, checksum, last_id, last_at, last_tx,"
        " first_ids, last_ids) SELECT market_id, %s, 4, 1, 4, now(), 1, '{}', '{}' FROM markets",
        [DAY],
    )
    assert read_spelled(store, stretch(store), 10, "rows") is None


@pytest.mark.parametrize("shape", ["rows", "columns"])
@pytest.mark.parametrize("is_descending", [False, True])
def test_a_page_of_many_days_is_walked_to_its_end(
    store: Store, shape: str, is_descending: bool
) -> None:
    times = [START + timedelta(days=days, hours=n) for days in (0, 1, 9) for n in range(3)]
    rows = [(n, str(at.replace(tzinfo=None)), "1", "1") for n, at in enumerate(times)]
    store_trades(store, BTC, rows)
    whole = replace(stretch(store, is_descending=is_descending), end=START + timedelta(days=20))
    found: list[str] = []
    place = None
    while True:
        page = read_spelled(store, replace(whole, place=place), 2, shape)
        if page is None:
            break
        told = msgspec.json.decode(page.json)
        found += told["id"] if shape == "columns" else [one["id"] for one in told]
        place = page.place
        if place is None:
            break
    expected = [str(n) for n in range(len(rows))]
    assert found == (expected[::-1] if is_descending else expected)
