"""kill -9 of the collector, the streamer and PostgreSQL while an exchange of our own trades on."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from alphapulse.postgres import Server
from alphapulse.status import read_status
from alphapulse.store.connect import Store, connect
from launcher.watcher import Watcher
from replay.server import Replay
from tests.launcher.stage import ROOT, command, environment, kill, processes_naming, wait_until

MARKETS = {
    "binance": ("BTCUSDT", "ETHUSDT"),
    "coinbase": ("BTC-USD",),
    "kraken": ("BTC/USD", "ETH/USD"),
}
TRADES = 900  # per market
RATE = 45.0  # trades per second and market

Row: TypeAlias = tuple[int, Decimal, Decimal, str, int]

STORED = """
SELECT trade_id, price, size, side,
       (extract(epoch FROM traded_at) * 1000000)::bigint
FROM market_trades WHERE exchange = %s AND symbol = %s ORDER BY trade_id"""


@contextmanager
def platform(env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command("up"), cwd=ROOT, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


class KeepingWatcher(Watcher):
    """Remembers each trade it was given."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.seen_ids: list[tuple[str, str, int]] = []
        self.was_lost = False

    def hear(self, frame: dict[str, Any]) -> None:
        super().hear(frame)
        if frame["type"] == "trade":
            self.seen_ids.append((frame["exchange"], frame["symbol"], int(frame["id"])))
        if frame.get("recovered") is False and self.seen_ids:
            self.was_lost = True


def pid_of(home: Path, name: str) -> int:
    return int(read_status(home).get(name, {}).get("pid", 0))


@pytest.mark.slow
@pytest.mark.embedded
def test_after_kill_9_of_every_part_each_trade_served_is_stored_and_streamed_once(
    tmp_path: Path,
) -> None:
    asyncio.run(asyncio.wait_for(scenario(tmp_path / "home"), 240))


async def scenario(home: Path) -> None:
    async with Replay(MARKETS, seed=7, rate=RATE, trades=TRADES) as replay:
        endpoints = {
            name: {"ws": e.ws, "rest": e.rest} for name in MARKETS for e in [replay.endpoint(name)]
        }
        env = environment(home, markets=MARKETS, endpoints=endpoints, simulated=True, dagster=False)
        server = Server(home, int(env["ALPHAPULSE_POSTGRES_PORT"]))
        with platform(env) as process:
            watcher = KeepingWatcher(f"ws://127.0.0.1:{env['ALPHAPULSE_STREAM_PORT']}")
            watching = asyncio.create_task(watcher.watch())
            await asyncio.wait_for(watcher.seen.wait(), 60)
            await asyncio.to_thread(await_first_rows, server)
            await asyncio.to_thread(kill_everything_in_turn, home, server)
            await asyncio.wait_for(replay.wait_finished(), 120)
            await asyncio.to_thread(await_rows, server, replay)
            await asyncio.wait_for(all_streamed(watcher, replay), 60)
            watching.cancel()
            assert process.poll() is None
    assert processes_naming(home) == []


def kill_everything_in_turn(home: Path, server: Server) -> None:
    for name in (
        "collector-binance",
        "streamer",
        "postgres",
        "collector-kraken",
        "collector-coinbase",
        "streamer",
    ):
        pid = postmaster(server) if name == "postgres" else pid_of(home, name)
        assert pid, name
        kill(pid)
        if name == "postgres":
            wait_until(partial(has_new, partial(postmaster, server), pid), 60, "PostgreSQL is back")
        else:
            wait_until(partial(has_new, partial(pid_of, home, name), pid), 60, f"{name} is back")


def has_new(pid: Callable[[], int], old: int) -> bool:
    return pid() not in {0, old}


def postmaster(server: Server) -> int:
    found = server.find()
    return found.pid if found and found.is_ready else 0


def await_first_rows(server: Server) -> None:
    """Before any market's first row is stored, nobody could know that it had been missed."""
    with connect(server.url(), "test", read_only=True) as store:
        for exchange, symbols in MARKETS.items():
            for symbol in symbols:
                found = partial(stored, store, exchange, symbol)
                wait_until(found, 60, f"first row of {exchange} {symbol}")


def await_rows(server: Server, replay: Replay) -> None:
    """Every market holds exactly what was served: same ids, prices, sizes, sides and times."""
    with connect(server.url(), "test", read_only=True) as store:
        for exchange, symbols in MARKETS.items():
            for symbol in symbols:
                wanted = served(replay, exchange, symbol)
                found = partial(stored, store, exchange, symbol)
                wait_until(partial(is_long, found, len(wanted)), 90, f"{exchange} {symbol} whole")
                assert found() == wanted


def is_long(rows: Callable[[], list[Row]], wanted: int) -> bool:
    return len(rows()) >= wanted


def stored(store: Store, exchange: str, symbol: str) -> list[Row]:
    rows = store.execute(STORED, [exchange, symbol]).fetchall()
    return [(id, price, size, side, at) for id, price, size, side, at in rows]


def served(replay: Replay, exchange: str, symbol: str) -> list[Row]:
    return [
        (print.id, Decimal(print.price), Decimal(print.size), str(print.side), print.traded_at)
        for print in replay.tapes[exchange][symbol]
    ]


async def all_streamed(watcher: KeepingWatcher, replay: Replay) -> None:
    """The client, cut off and resumed, saw every trade since its first, each once."""
    while missing := never_streamed(watcher, replay):
        await asyncio.sleep(0.2)
        assert len(missing) < TRADES * 5
    assert not watcher.was_lost
    assert len(watcher.seen_ids) == len(set(watcher.seen_ids)), "a trade was streamed twice"


def never_streamed(watcher: KeepingWatcher, replay: Replay) -> set[tuple[str, str, int]]:
    seen = set(watcher.seen_ids)
    first: dict[tuple[str, str], int] = {}
    for exchange, symbol, id in seen:
        first[exchange, symbol] = min(id, first.get((exchange, symbol), id))
    return {
        (exchange, symbol, id)
        for (exchange, symbol), since in first.items()
        for id, *_ in served(replay, exchange, symbol)
        if id >= since
    } - seen
