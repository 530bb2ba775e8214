"""Coinbase Advanced Trade end to end: its frames are numbered, so a lost one shows at once."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alphapulse.store.connect import connect
from collectors.collector import Collector
from replay.faults import Drop, Fault
from replay.server import Replay
from tests.collectors.stage import collecting, gaps_of, settings_for, until, until_equal

NAME = "coinbase-advanced"
MARKETS = {NAME: ("BTC-USD", "ETH-USD")}
TRADES = 300  # of each market


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 90))


@asynccontextmanager
async def stage(url: str, home: Path, markets: tuple[str, ...]) -> AsyncIterator[Replay]:
    """Replay and a collector of `markets`, once a few trades of each were published."""
    async with Replay(MARKETS, seed=3, rate=120.0, trades=TRADES) as replay:
        settings = settings_for(home, replay, {NAME: markets})
        async with collecting(settings, url, NAME) as collector:
            await until(lambda: has_begun(replay, collector), "the markets have begun")
            yield replay


def has_begun(replay: Replay, collector: Collector) -> bool:
    tapes = [tape for tapes in replay.tapes.values() for tape in tapes.values()]
    return collector.sink.counters.stored > 20 and all(len(tape) > 10 for tape in tapes)


async def play(url: str, home: Path, *faults: Fault) -> list[tuple[str, str]]:
    """Afterwards the rows equal the tape without another connection; gives the gaps."""
    async with stage(url, home, MARKETS[NAME]) as replay:
        for fault in faults:
            replay.inject(fault)
        await asyncio.wait_for(replay.wait_finished(), 30)
        await until_equal(url, replay)
        await until(lambda: all_closed(url), "every gap is closed")
        with connect(url, "test") as store:
            return gaps_of(store)


def all_closed(url: str) -> bool:
    with connect(url, "test") as store:
        return store.execute("SELECT count(*) FROM gaps WHERE closed_at IS NULL").fetchone() == (0,)


def test_what_is_published_is_stored_and_nothing_seems_missing(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        assert await play(database_url, tmp_path) == []

    run(story())


def test_a_lost_frame_is_a_gap_of_every_market_and_is_repaired(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        gaps = await play(database_url, tmp_path, Drop(frames=3))
        assert {cause for _, cause in gaps} == {"sequence hole"}
        assert {state for state, _ in gaps} == {"repaired"}

    run(story())


def test_a_lost_end_shows_by_the_numbers_of_heartbeats_alone(
    database_url: str, tmp_path: Path
) -> None:
    """No later trade shows the jump in ids, and the connection goes on."""

    async def story() -> None:
        assert await play(database_url, tmp_path, Drop(frames=10 * TRADES))

    run(story())


def test_an_alias_is_stored_once_under_the_product_behind_it(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with stage(database_url, tmp_path, ("BTC-USDC", "ETH-USD")) as replay:
            await asyncio.wait_for(replay.wait_finished(), 30)
            await until_equal(database_url, replay)

    run(story())
