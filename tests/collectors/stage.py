"""A collector on replay's stage: real sockets, a real database, and the tape as the truth."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import TypeAlias

import msgspec

from alphapulse.settings import Settings
from alphapulse.store.connect import Store, connect
from collectors.collector import Collector, find_exchange
from replay.server import Replay

Row: TypeAlias = tuple[int, int, Decimal, Decimal, str]

ROWS = """
SELECT trade_id, (extract(epoch FROM traded_at) * 1000000)::bigint, price, size, side
FROM market_trades WHERE exchange = %s AND symbol = %s ORDER BY trade_id"""

PATIENCE = 30.0  # seconds


def stored_rows(store: Store, exchange: str, symbol: str) -> list[Row]:
    return [tuple(row) for row in store.execute(ROWS, [exchange, symbol])]


def tape_rows(replay: Replay, exchange: str, symbol: str) -> list[Row]:
    tape = replay.tapes[exchange][symbol]
    whole = len(tape.columns.sides)  # the column that grows last: we may be in another thread
    prints = tape.prints(0, whole)
    return [(p.id, p.traded_at, Decimal(p.price), Decimal(p.size), p.side.value) for p in prints]


def gaps_of(store: Store) -> list[tuple[str, str]]:
    """(state, cause) of each gap."""
    return [(state, cause) for state, cause in store.execute("SELECT state, cause FROM gaps")]


def settings_for(
    home: Path, replay: Replay, markets: Mapping[str, tuple[str, ...]], **others: object
) -> Settings:
    endpoints = {name: replay.endpoint(name) for name in markets}
    given = Settings(home=home, simulated=True, markets=dict(markets), endpoints=endpoints)
    return msgspec.structs.replace(given, **others)


@asynccontextmanager
async def collecting(settings: Settings, url: str, exchange: str) -> AsyncIterator[Collector]:
    """A collector that runs for as long as the block; a failure of its own fails the test."""
    collector = Collector(settings, url, find_exchange(exchange))
    collector.repair.mender.looks = (0.2, 0.4)
    task = asyncio.create_task(collector.run())
    try:
        yield collector
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(is_so: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Poll in a thread, so that the sockets of this loop go on."""
    deadline = monotonic() + seconds
    while not await asyncio.to_thread(is_so):
        assert monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)


async def until_equal(url: str, replay: Replay, seconds: float = PATIENCE) -> None:
    """Until the store holds exactly what replay published, each trade once."""
    with connect(url, "test") as store:
        for exchange, tapes in replay.tapes.items():
            for symbol in tapes:
                what = Comparison(store, replay, exchange, symbol)
                await until(what.is_equal, str(what), seconds)


class Comparison:
    def __init__(self, store: Store, replay: Replay, exchange: str, symbol: str) -> None:
        self.store = store
        self.replay = replay
        self.market = (exchange, symbol)

    def __str__(self) -> str:
        return f"rows of {self.market} equal the tape"

    def is_equal(self) -> bool:
        stored = stored_rows(self.store, *self.market)
        return bool(stored) and stored == tape_rows(self.replay, *self.market)


@contextmanager
def locked_trades(url: str) -> Iterator[None]:
    """Nobody can store a trade meanwhile."""
    with connect(url, "test lock") as store, store.transaction():
        store.execute("LOCK TABLE trades IN EXCLUSIVE MODE")
        yield
