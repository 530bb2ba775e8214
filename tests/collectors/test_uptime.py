"""When connections were alive: what is claimed, and that it reaches the database."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alphapulse.store.connect import Store, connect
from alphapulse.store.uptime import Served
from alphapulse.trade import Market
from collectors.exchange import Subscribed
from collectors.exchanges import kraken
from collectors.session import Session
from collectors.uptime import Uptime, grouped
from replay.server import Replay
from tests.collectors.stage import collecting, settings_for, until
from tests.stored import store_market

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def serving(*symbols: str, now: float = 0.0) -> Session:
    session = Session(kraken, ("A", "B"), {}, now)
    session.hear(Subscribed(symbols), now, [])
    return session


def at(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def test_a_market_is_served_from_when_it_was_seen_until_it_was_last_heard() -> None:
    uptime, session = Uptime(NOWHERE, kraken), serving("A")
    uptime.look(session, 1.0, 1001.0)
    session.alive(5.0)
    uptime.look(session, 9.0, 1009.0)
    assert grouped(uptime.untold) == [Served(["A"], at(1000), at(1005))]


def test_silence_is_not_claimed() -> None:
    uptime, session = Uptime(NOWHERE, kraken), serving("A", "B")
    for second in (1.0, 20.0, 29.0):
        uptime.look(session, second, 1000.0 + second)
    assert grouped(uptime.untold) == [Served(["A", "B"], at(1000), at(1000))]


def test_what_is_not_served_or_refused_is_not_claimed() -> None:
    uptime, session = Uptime(NOWHERE, kraken), serving("A", "B")
    session.quarantine("B", "unknown", [])
    uptime.look(session, 1.0, 1001.0)
    assert grouped(uptime.untold) == [Served(["A"], at(1000), at(1000))]


def test_another_connection_is_another_interval() -> None:
    uptime = Uptime(NOWHERE, kraken)
    uptime.look(serving("A"), 0.0, 1000.0)
    uptime.look(None, 5.0, 1005.0)
    uptime.look(serving("A", now=9.0), 9.0, 1009.0)
    assert [one.since for one in grouped(uptime.untold)] == [at(1000), at(1009)]


def test_what_could_not_be_told_goes_with_the_next(store: Store, database_url: str) -> None:
    market_id = store_market(store, Market(kraken.NAME, "A"))
    uptime, session = Uptime(NOWHERE, kraken), serving("A")
    uptime.look(session, 0.0, 1000.0)
    uptime.close(30)
    uptime.url = database_url
    session.alive(7.0)
    uptime.look(session, 7.0, 1007.0)
    uptime.close(30)
    rows = store.execute("SELECT market_id, since, until FROM uptime").fetchall()
    assert rows == [(market_id, at(1000), at(1007))]
    assert not uptime.told and not uptime.untold


def test_whether_ids_count_trades_is_told_too(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_market(store, Market(kraken.NAME, "A"))
    uptime = Uptime(database_url, kraken)
    monkeypatch.setattr(kraken, "COUNTS_TRADES", False)
    uptime.look(serving("A"), 0.0, 1000.0)
    uptime.close(30)
    assert store.execute("SELECT counts_trades FROM markets").fetchone() == (False,)


def test_a_collector_tells_of_its_connection(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.collector.TELL", 0.1)
    asyncio.run(asyncio.wait_for(collect_a_while(database_url, tmp_path), 90))


async def collect_a_while(url: str, home: Path) -> None:
    markets = {"kraken": ("BTC/USD",)}
    with connect(url, "test") as store:

        def seconds() -> float:
            (found,) = store.execute(
                "SELECT coalesce(sum(extract(epoch FROM until - since)), 0)::float8 FROM uptime"
            ).fetchone() or (0.0,)
            return float(found)

        async with (
            Replay(markets, rate=50.0) as replay,
            collecting(settings_for(home, replay, markets), url, "kraken"),
        ):
            await until(lambda: seconds() > 1, "more than a second is told")
        told = seconds()
        rows = store.execute("SELECT count(*) FROM uptime").fetchone()
        assert rows == (1,)
        assert told < 90
