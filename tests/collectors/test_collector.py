"""The whole collector: as a process that is killed, told to stop, or refused; and what it says."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from alphapulse.settings import Endpoint, Settings, environment_of
from alphapulse.status import read_status
from alphapulse.store.claims import AlreadyCollected
from alphapulse.store.connect import connect
from alphapulse.trade import Trade
from collectors.action import Serve
from collectors.collector import (
    Collector,
    SinkDied,
    UnknownExchange,
    collect,
    find_exchange,
    label,
    rest_address,
    symbols_of,
    ws_address,
)
from collectors.exchanges import kraken
from replay.server import Replay
from tests.collectors.stage import (
    collecting,
    locked_trades,
    settings_for,
    stored_rows,
    until,
    until_equal,
)

ROOT = Path(__file__).parents[2]
MARKETS = {"binance": ("BTCUSDT", "ETHUSDT"), "coinbase": ("BTC-USD",), "kraken": ("BTC/USD",)}


def run(work: Coroutine[Any, Any, None], seconds: float = 90) -> None:
    asyncio.run(asyncio.wait_for(work, seconds))


async def start(settings: Settings, url: str, exchange: str) -> Process:
    """`alphapulse collect` with these settings and no others."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ALPHAPULSE_")}
    own = environment_of(settings) | {"ALPHAPULSE_DATABASE_URL": url}
    words = ["-m", "launcher", "collect", "--exchange", exchange]
    return await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, env=inherited | own, stderr=PIPE, limit=2**24
    )


@asynccontextmanager
async def process(settings: Settings, url: str, exchange: str) -> AsyncIterator[Process]:
    """One that has begun to store, or to wait; killed with the block."""
    found = await start(settings, url, exchange)
    try:
        yield found
    finally:
        with suppress(ProcessLookupError):
            found.kill()
        await found.communicate()


async def until_stored(url: str, exchange: str, symbol: str, rows: int) -> None:
    def are_stored() -> bool:
        with suppress(Exception), connect(url, "test") as store:
            return len(stored_rows(store, exchange, symbol)) >= rows
        return False  # not even migrated

    await until(are_stored, f"{rows} rows of {symbol}", 40)


@pytest.mark.slow
@pytest.mark.parametrize("exchange", MARKETS)
def test_after_three_kills_each_trade_is_stored_once(
    exchange: str, empty_database: str, tmp_path: Path
) -> None:
    run(kill_thrice(empty_database, tmp_path, exchange))


async def kill_thrice(url: str, home: Path, exchange: str) -> None:
    markets = {exchange: MARKETS[exchange]}
    symbol = markets[exchange][0]
    async with Replay(markets, seed=11, rate=80.0, trades=1600) as replay:
        settings = settings_for(home, replay, markets)
        for life in range(1, 4):
            async with process(settings, url, exchange):
                await until_stored(url, exchange, symbol, 250 * life)
        async with process(settings, url, exchange) as last:
            await asyncio.wait_for(replay.wait_finished(), 60)
            await until_equal(url, replay)
            await stops_cleanly(last, home, exchange)
    with connect(url, "test") as store:
        causes = {cause for (cause,) in store.execute("SELECT cause FROM gaps")}
        assert "restart" in causes


async def stops_cleanly(found: Process, home: Path, exchange: str) -> None:
    """SIGTERM: exit code 0 within seconds, and its status is taken away."""
    assert read_status(home)[f"collector-{exchange}"]["pid"] == found.pid
    told_at = monotonic()
    found.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(found.wait(), 8) == 0
    assert monotonic() - told_at < 8
    assert read_status(home) == {}


def test_a_second_process_stops_at_once_and_names_the_holder(
    empty_database: str, tmp_path: Path
) -> None:
    run(start_twice(empty_database, tmp_path))


async def start_twice(url: str, home: Path) -> None:
    markets = {"kraken": MARKETS["kraken"]}
    async with Replay(markets, rate=50.0) as replay:
        settings = settings_for(home, replay, markets)
        async with process(settings, url, "kraken") as first:
            await until_stored(url, "kraken", "BTC/USD", 10)
            second = await start(settings, url, "kraken")
            _, said = await asyncio.wait_for(second.communicate(), 20)
            assert second.returncode == 1
            assert f"already being collected by {holder(first.pid)}" in said.decode()
            assert b"Traceback" not in said
            assert read_status(home)["collector-kraken"]["pid"] == first.pid
            await stops_cleanly(first, home, "kraken")


def holder(pid: int) -> str:
    return f"alphapulse collector kraken, pid {pid} on "


def test_a_process_whose_sink_died_ends_with_an_error(empty_database: str, tmp_path: Path) -> None:
    run(drop_the_table(empty_database, tmp_path))


async def drop_the_table(url: str, home: Path) -> None:
    markets = {"kraken": MARKETS["kraken"]}
    async with (
        Replay(markets, rate=50.0) as replay,
        process(settings_for(home, replay, markets), url, "kraken") as found,
    ):
        await until_stored(url, "kraken", "BTC/USD", 10)
        with connect(url, "vandal") as vandal:
            vandal.execute("DROP TABLE trades CASCADE")
        _, said = await asyncio.wait_for(found.communicate(), 20)
        assert found.returncode == 1
        assert "trades" in said.decode()


def test_what_is_queued_when_told_to_stop_is_stored(database_url: str, tmp_path: Path) -> None:
    run(stop_with_a_queue(database_url, tmp_path))


async def stop_with_a_queue(url: str, home: Path) -> None:
    markets = {"binance": MARKETS["binance"]}
    async with (
        Replay(markets, rate=200.0) as replay,
        collecting(settings_for(home, replay, markets), url, "binance") as collector,
    ):
        await until_stored(url, "binance", "BTCUSDT", 10)
        with locked_trades(url):
            await until(lambda: len(collector.sink.queue) > 100, "a queue")
            waiting = [item for item in list(collector.sink.queue) if isinstance(item, Trade)]
            queued = {(trade.symbol, trade.id) for trade in waiting}
    with connect(url, "test") as store:
        stored = set(store.execute("SELECT symbol, trade_id FROM market_trades").fetchall())
    assert stored >= queued


def test_it_says_how_it_is_while_it_lives(database_url: str, tmp_path: Path) -> None:
    run(look_at_status(database_url, tmp_path))


async def look_at_status(url: str, home: Path) -> None:
    markets = {"kraken": MARKETS["kraken"]}
    async with Replay(markets, rate=50.0) as replay:
        async with collecting(settings_for(home, replay, markets), url, "kraken"):
            await until(lambda: stored_by_status(home) > 10, "its status tells of rows")
            facts = read_status(home)["collector-kraken"]
            assert facts["is_fresh"]
            assert (facts["exchange"], facts["symbols"]) == ("kraken", ["BTC/USD"])
            assert facts["feed"]["is_connected"]
            assert facts["queue_rows"] == 50_000
        assert read_status(home) == {}


def stored_by_status(home: Path) -> int:
    return int(read_status(home).get("collector-kraken", {}).get("sink", {}).get("stored", 0))


def test_a_full_disk_does_not_stop_the_collecting(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "status").write_text("no folder can be made here")

    async def story() -> None:
        markets = {"kraken": MARKETS["kraken"]}
        async with Replay(markets, rate=100.0, trades=100) as replay:
            settings = settings_for(tmp_path, replay, markets)
            async with collecting(settings, database_url, "kraken"):
                await replay.wait_finished()
                await until_equal(database_url, replay)

    run(story())


def test_the_failure_of_a_part_is_the_collectors(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        settings = Settings(home=tmp_path, endpoints={"kraken": Endpoint("ws://[", "http://x")})
        collector = Collector(settings, database_url, kraken)
        collector.runner.exchange = None  # type: ignore[assignment]  # a bug of ours
        with pytest.raises(AttributeError):
            await collector.run()
        again = Collector(settings, database_url, kraken)
        again.sink.open()  # it was let go of
        again.sink.close(1)

    run(story())


def test_a_dead_sink_is_the_collectors_end(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        endpoints = {"kraken": Endpoint("ws://127.0.0.1:1", "http://127.0.0.1:1")}
        settings = Settings(home=tmp_path, endpoints=endpoints)
        collector = Collector(settings, database_url, kraken)
        task = asyncio.create_task(collector.run())
        await until(collector.sink.thread.is_alive, "it runs")
        with connect(database_url, "vandal") as vandal:
            vandal.execute("DROP TABLE markets CASCADE")
        collector.sink.put([Serve("BTC/USD")])
        with pytest.raises(SinkDied, match="markets"):
            await asyncio.wait_for(task, 20)

    run(story())


def test_an_unknown_exchange_is_told_which_there_are(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownExchange, match="'krake'; there are binance, coinbase, coinbase-"):
        run(collect(Settings(home=tmp_path), database_url, "krake"))


def test_a_held_exchange_is_refused(database_url: str, tmp_path: Path) -> None:
    holding = Collector(Settings(home=tmp_path), database_url, find_exchange("kraken"))
    holding.sink.open()
    with pytest.raises(AlreadyCollected, match=f"pid {os.getpid()} on "):
        run(collect(Settings(home=tmp_path), database_url, "kraken"))
    holding.sink.close(1)


def test_settings_choose_addresses_and_markets() -> None:
    plain = Settings()
    assert (ws_address(plain, kraken), rest_address(plain, kraken)) == (kraken.URL, kraken.REST)
    assert symbols_of(plain, kraken) == kraken.MARKETS
    other = Settings(markets={"kraken": ("A/B",)}, endpoints={"kraken": Endpoint("ws://a", "b")})
    assert (ws_address(other, kraken), rest_address(other, kraken)) == ("ws://a", "b")
    assert symbols_of(other, kraken) == ("A/B",)


def test_a_label_fits_into_what_postgresql_keeps_of_a_name() -> None:
    assert len(("alphapulse " + label("x" * 100)).encode()) <= 63
    assert str(os.getpid()) in label("kraken")
