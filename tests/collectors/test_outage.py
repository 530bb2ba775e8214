"""PostgreSQL away, frames coming on: they wait in the journal, and in the end each is stored."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from alphapulse.migrate import migrate
from alphapulse.status import read_status
from alphapulse.store.connect import connect
from collectors.collector import Collector, find_exchange
from collectors.deadletters import read_letters
from collectors.exchanges import kraken
from collectors.journal import FULL, OPEN
from collectors.journal_folder import JournalTaken, read_committed
from collectors.journal_reader import Reader
from collectors.segments import Batch
from replay.faults import Cut, Drop, Fault, Garbage, Hole
from replay.server import Replay
from tests.collectors.stage import (
    collecting,
    locked_trades,
    settings_for,
    stored_rows,
    until,
    until_equal,
)
from tests.collectors.test_collector import process, until_stored

MARKETS = {"binance": ("BTCUSDT", "ETHUSDT")}
NOWHERE = "postgresql://127.0.0.1:1/nowhere"


def run(work: Coroutine[Any, Any, None], seconds: float = 90) -> None:
    asyncio.run(asyncio.wait_for(work, seconds))


def take_away(collector: Collector, url: str) -> None:
    """PostgreSQL, from this collector's sink."""
    collector.sink.deposit.url = NOWHERE
    with connect(url, "admin") as admin:
        process = collector.sink.deposit.server_process
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


def count(url: str) -> int:
    with connect(url, "test") as store:
        return sum(len(stored_rows(store, "binance", symbol)) for symbol in MARKETS["binance"])


def unclosed_gaps(url: str) -> int:
    with connect(url, "test") as store:
        ((found,),) = store.execute("SELECT count(*) FROM gaps WHERE closed_at IS NULL")
        return int(found)


def test_what_comes_while_postgresql_is_away_is_stored_once_afterwards(
    database_url: str, tmp_path: Path
) -> None:
    run(be_away(database_url, tmp_path, []))


def test_gaps_that_are_made_while_postgresql_is_away_are_repaired_afterwards(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.lag.NOTES", 3)  # more than fit into memory
    run(be_away(database_url, tmp_path, [Drop(frames=5), Cut(), Drop(frames=9), Hole(trades=2)]))


async def be_away(url: str, home: Path, faults: list[Fault]) -> None:
    async with Replay(MARKETS, seed=9, rate=250.0, trades=1500) as replay:
        settings = settings_for(home, replay, MARKETS, queue_rows=40)
        async with collecting(settings, url, "binance") as collector:
            await until_stored(url, "binance", "BTCUSDT", 50)
            take_away(collector, url)
            before = count(url)
            await until(lambda: collector.sink.is_behind, "it is behind")
            for fault in faults:
                replay.inject(fault)
                await asyncio.sleep(0.3)
            heard = collector.runner.counters.trades
            await until(lambda: collector.runner.counters.trades > heard + 500, "it hears on")
            assert collector.runner.counters.connections == 1 + faults.count(Cut())
            assert len(collector.sink.queue) < 300  # not in memory
            assert count(url) == before
            collector.sink.deposit.url = url
            await replay.wait_finished()
            if faults:
                replay.inject(Cut())
            await until_equal(url, replay)
            await until(lambda: unclosed_gaps(url) == 0, "every gap is closed")
            await until(lambda: not collector.sink.is_behind, "it has caught up")
            facts = cast("dict[str, Any]", collector.facts())
            assert facts["sink"]["drained"] > 300
            assert facts["sink"]["times_behind"] >= 1
            assert facts["journal"]["state"] == OPEN


def test_a_table_that_is_locked_for_long_is_no_reason_to_stop_listening(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with Replay(MARKETS, seed=9, rate=250.0, trades=1200) as replay:
            settings = settings_for(tmp_path, replay, MARKETS, queue_rows=40)
            async with collecting(settings, database_url, "binance") as collector:
                await until_stored(database_url, "binance", "BTCUSDT", 50)
                with locked_trades(database_url):
                    await until(lambda: collector.sink.is_behind, "it is behind")
                    heard = collector.runner.counters.trades
                    await until(lambda: collector.runner.counters.trades > heard + 300, "hears")
                await replay.wait_finished()
                await until_equal(database_url, replay)
                assert collector.runner.counters.connections == 1

    run(story())


@pytest.mark.slow
def test_a_killed_collector_stores_from_the_journal_what_it_had_received(
    empty_database: str, tmp_path: Path
) -> None:
    run(kill_with_a_tail(empty_database, tmp_path))


async def kill_with_a_tail(url: str, home: Path) -> None:
    async with Replay(MARKETS, seed=4, rate=100.0, trades=1000) as replay:
        settings = settings_for(home, replay, MARKETS)
        async with process(settings, url, "binance") as found:
            await until_stored(url, "binance", "BTCUSDT", 50)
            with locked_trades(url):
                replay.inject(Drop(frames=7))
                kept = frames_kept(home)
                await until(lambda: frames_kept(home) > kept + 200, "frames are kept")
                found.send_signal(signal.SIGKILL)
                await found.wait()
                replay.inject(Drop(frames=200))  # while nobody listens, nothing is sent anyway
        received = newest_received(home)
        async with process(settings, url, "binance"):
            await replay.wait_finished()
            await until_equal(url, replay)
            await until(lambda: unclosed_gaps(url) == 0, "every gap is closed")
    with connect(url, "test") as store:
        late = "SELECT count(*) FROM trades WHERE source = 'l' AND received_at <= to_timestamp(%s)"
        ((live,),) = store.execute(late, [received / 1e6])
        assert live >= kept + 200 - 10  # from the journal, not from REST: with the time they came


def frames_kept(home: Path) -> int:
    return int(read_status(home)["collector-binance"]["journal"]["kept"])


def newest_received(home: Path) -> int:
    found = Reader(home / "journal" / "binance").read()
    return max(item.received_at for item in found if isinstance(item, Batch))


def test_with_postgresql_away_at_the_start_it_listens_at_once(
    empty_database: str, tmp_path: Path
) -> None:
    with connect(empty_database, "test") as store:
        migrate(store, simulated=True)
    run(start_without(empty_database, tmp_path))


async def start_without(url: str, home: Path) -> None:
    async with Replay(MARKETS, seed=4, rate=150.0, trades=1200) as replay:
        settings = settings_for(home, replay, MARKETS)
        async with collecting(settings, url, "binance") as first:
            await until_stored(url, "binance", "BTCUSDT", 50)
            await until_stored(url, "binance", "ETHUSDT", 50)
        edges = first.runner.edges()
        await asyncio.sleep(0.5)  # nobody listens: a gap
        async with collecting(settings, NOWHERE, "binance") as second:
            await until(lambda: second.runner.counters.trades > 300, "it listens")
            assert second.runner.last.keys() == edges.keys()
            second.sink.deposit.url = second.repair.url = url
            await until_equal_soon(url, replay, second)


async def until_equal_soon(url: str, replay: Replay, collector: Collector) -> None:
    await replay.wait_finished()
    await until(lambda: collector.sink.counters.stored > 300, "it stores")
    await until_equal(url, replay)
    await until(lambda: unclosed_gaps(url) == 0, "every gap is closed")


def test_with_journal_and_postgresql_both_refusing_nothing_is_read_and_nothing_lost(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(refuse_both(database_url, tmp_path, monkeypatch))


async def refuse_both(url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    is_full = False

    def refuse(fd: int, data: bytes) -> int:
        if is_full:
            raise OSError(28, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr("collectors.journal.os.write", refuse)
    monkeypatch.setattr("collectors.journal.Journal.free_bytes", lambda _: 0 if is_full else 2**30)
    async with Replay(MARKETS, seed=9, rate=250.0, trades=1500) as replay:
        settings = settings_for(home, replay, MARKETS, queue_rows=100)
        async with collecting(settings, url, "binance") as collector:
            await until_stored(url, "binance", "BTCUSDT", 50)
            is_full = True
            journal = collector.journal
            assert journal
            await until(lambda: journal.counters.state == FULL, "it is full")
            stored = count(url)
            await until(lambda: count(url) > stored + 50, "it stores without a journal")
            take_away(collector, url)
            await until(lambda: collector.runner.counters.pauses > 0, "it stops reading")
            await asyncio.sleep(1.5)
            assert len(collector.sink.queue) < 1000
            is_full = False  # with room, it reads on though PostgreSQL is away
            heard = collector.runner.counters.trades
            await until(lambda: collector.runner.counters.trades > heard + 300, "it reads on")
            assert journal.counters.state == OPEN
            collector.sink.deposit.url = url
            await replay.wait_finished()
            await until_equal(url, replay)
            assert collector.runner.counters.connections == 1
        assert read_committed(journal.folder) == journal.head


def test_without_a_journal_nothing_is_written(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with Replay(MARKETS, seed=9, rate=250.0, trades=200) as replay:
            settings = settings_for(tmp_path, replay, MARKETS, journal_bytes=0)
            async with collecting(settings, database_url, "binance") as collector:
                await replay.wait_finished()
                await until_equal(database_url, replay)
                assert collector.facts()["journal"] is None
        assert not (tmp_path / "journal").exists()

    run(story())


def test_garbage_is_kept_as_dead_letters_with_the_reason(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with Replay(MARKETS, seed=9, rate=100.0, trades=300) as replay:
            settings = settings_for(tmp_path, replay, MARKETS)
            async with collecting(settings, database_url, "binance") as collector:
                await until_stored(database_url, "binance", "BTCUSDT", 5)
                replay.inject(Garbage(kind="malformed"))
                replay.inject(Garbage(kind="unknown"))
                await until(lambda: collector.letters.counters.kept >= 2, "two letters")
                await replay.wait_finished()
                await until_equal(database_url, replay)
                assert collector.facts()["dead_letters"] == {"kept": 2, "left_out": 0}
        letters = list(read_letters(tmp_path / "journal" / "binance"))
        assert len(letters) == 2
        assert all(letter.reason and letter.raw for letter in letters)

    run(story())


def test_a_journal_that_another_process_writes_is_refused(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with Replay({"kraken": ("BTC/USD",)}, rate=10.0) as replay:
            settings = settings_for(tmp_path, replay, {"kraken": ("BTC/USD",)})
            holding = Collector(settings, database_url, find_exchange("kraken"))
            assert holding.journal
            holding.journal.open("pid 99 on elsewhere")
            second = Collector(settings, database_url, kraken)
            with pytest.raises(JournalTaken, match="pid 99 on elsewhere"):
                await second.run()
            with suppress(AttributeError):
                holding.journal.close()
            third = Collector(settings, database_url, kraken)
            task = asyncio.create_task(third.run())  # the second let go of both
            await until(lambda: third.runner.counters.is_connected, "it is connected")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(story())
