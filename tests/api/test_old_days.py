"""Days that left the database answer as before: from their files, with what came late beside."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from alphapulse.archive.candles import Made, make_days, widen_days
from alphapulse.archive.compaction import Rules, compact
from alphapulse.archive.export import export_days
from alphapulse.archive.leaving import let_go
from alphapulse.candles import WIDER, BarSize
from alphapulse.day import MarketDay
from alphapulse.lake.candle_files import path_of_candles
from alphapulse.retention import Policy
from alphapulse.store.retention import Dropped
from tests.api.conftest import Site
from tests.stored import BTC, DAY, Row, store_trades

DAYS = [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]  # the last one stays
MARKET = "/v1/markets/coinbase/BTC-USD"
RANGE: dict[str, Any] = {"start": f"{DAY}", "end": f"{DAY + timedelta(days=4)}"}


def rows() -> Iterator[Row]:
    """Several of one microsecond, on both sides of midnights too."""
    for n, day in enumerate(DAYS):
        times = ["00:00:00", "00:00:00", "00:00:30.000001", "11:59:59", "23:59:59.999999"]
        for m, time in enumerate(times):
            id = 100 + 5 * n + m
            yield id, f"{day} {time}", f"10{m}.{n + 1}", f"0.{m + 1}5"


def walk(site: Site, limit: int, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = site.get(f"{MARKET}/trades", limit=limit, **RANGE, **query, **cursor).json()
        found += page["trades"]
        assert len(page["trades"]) <= limit
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def bars(site: Site, size: str, limit: int = 1000) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    cursor: dict[str, Any] = {}
    while True:
        page = site.get(f"{MARKET}/candles", size=size, limit=limit, **RANGE, **cursor).json()
        for name, values in page["candles"].items():
            found.setdefault(name, []).extend(values)
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.fixture(scope="module")
def before(site: Site) -> dict[str, Any]:
    """What the API says while everything is in the database; then two days leave it."""
    site.store.execute("SELECT make_days(%s, %s)", [DAYS[0], DAYS[-1]])
    store_trades(site.store, BTC, rows())
    site.forget()
    said: dict[str, Any] = {"trades": walk(site, 1000), "desc": walk(site, 1000, order="desc")}
    said |= {size.value: bars(site, size) for size in BarSize}
    days = [MarketDay(day, BTC) for day in DAYS]
    parquet, candles = site.settings.parquet, site.settings.candles
    list(export_days(site.url, parquet, days))
    made = [*make_days(parquet, candles, days[:2])]
    for size in WIDER:
        made += widen_days(candles, days[:2], size)
    assert all(isinstance(one, Made) for one in made), made
    gone = list(let_go(site.url, parquet, Policy(30, DAYS[1] + timedelta(days=31)), 5))
    assert all(isinstance(one, Dropped) for one in gone), gone
    left = site.store.execute("SELECT count(*) FROM trades").fetchone()
    assert left == (5,)
    site.forget()
    return said


def numbers(trades: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Zeros that only end a number are not in files."""
    exact = {"price": Decimal, "size": Decimal}
    return [{k: exact[k](v) if k in exact else v for k, v in one.items()} for one in trades]


@pytest.mark.parametrize("limit", [1, 2, 4, 1000])
def test_trades_of_days_that_left_are_told_as_before(
    site: Site, before: dict[str, Any], limit: int
) -> None:
    assert len(before["trades"]) == 15
    assert numbers(walk(site, limit)) == numbers(before["trades"])
    assert numbers(walk(site, limit, order="desc")) == numbers(before["desc"])
    assert before["desc"] == before["trades"][::-1]


@pytest.mark.parametrize("size", list(BarSize))
@pytest.mark.parametrize("limit", [2, 1000])
def test_bars_of_days_that_left_are_told_as_before(
    site: Site, before: dict[str, Any], size: BarSize, limit: int
) -> None:
    assert bars(site, size, limit) == before[size.value]


def test_an_old_day_alone_has_its_minutes_and_its_file(site: Site, before: dict[str, Any]) -> None:
    found = site.get(f"/v1/coverage/coinbase/BTC-USD/{DAY}").json()
    assert {n: c for n, c in enumerate(found["minutes"]) if c} == {0: 3, 719: 1, 1439: 1}
    assert site.get(f"/v1/datasets/coinbase/BTC-USD/{DAY}").content[:4] == b"PAR1"


def test_what_comes_late_for_an_old_day_stands_in_its_place(
    site: Site, before: dict[str, Any]
) -> None:
    late: Row = (99, f"{DAY} 12:00:00", "7", "1")
    store_trades(site.store, BTC, [late, (100, f"{DAY} 00:00:00", "100.1", "0.15")])  # and a repeat
    site.forget()
    for limit in (1, 1000):
        found = walk(site, limit)
        assert [t["id"] for t in found[:5]] == ["100", "101", "102", "103", "99"]
        assert len(found) == 16
    hours = bars(site, "1h")
    assert hours["trades"][hours["opened_at"].index(f"{DAY}T12:00:00.000000Z")] == 1
    assert sum(hours["trades"]) == 16
    site.store.execute("DELETE FROM trades WHERE traded_at < %s", [DAYS[1]])
    site.forget()


def test_without_its_candles_an_old_day_is_folded_from_its_trades(
    site: Site, before: dict[str, Any]
) -> None:
    path_of_candles(site.settings.candles, BarSize.ONE_HOUR, MarketDay(DAY, BTC)).unlink()
    site.forget()
    assert bars(site, "1h") == before["1h"]


def test_days_in_their_months_file_are_told_as_before(site: Site, before: dict[str, Any]) -> None:
    settings = site.settings
    list(
        compact(
            site.url, settings.parquet, settings.candles, Rules(below_bytes=2**40, after_days=0)
        )
    )
    assert list(settings.parquet.glob("*/*/2024-08.parquet"))
    for path in settings.parquet.glob("*/*/????-??-??.parquet"):
        path.unlink()
    site.forget()
    assert numbers(walk(site, 4)) == numbers(before["trades"])
    sent = site.get(f"/v1/datasets/coinbase/BTC-USD/{DAY}")
    assert sent.content[:4] == b"PAR1"
    (listed, *_) = site.get("/v1/datasets", start=str(DAY), end=str(DAYS[2])).json()["datasets"]
    assert listed["rows"] == 5 and date.fromisoformat(listed["day"]) == DAY
