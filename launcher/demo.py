"""`alphapulse demo`: the whole platform on simulated exchanges, with a client and an export."""

import asyncio
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from alphapulse.postgres import Server
from alphapulse.settings import Endpoint, Settings
from alphapulse.store.connect import connect
from alphapulse.store.summary import count_gaps, count_trades
from collectors.exchanges import DEFAULT, EXCHANGES
from launcher.part import Keeper, Part
from launcher.parts import export_part
from launcher.status import is_ready
from launcher.supervisor import Supervisor, hold, told_to_stop
from launcher.up import addresses, is_set_within, narrate
from launcher.watcher import Watcher

EXPORT_AFTER = 5.0  # seconds of trading before the first export
EXPORT_EVERY = 300.0  # seconds between two exports of the running day
EXPORT_PATIENCE = 180.0  # seconds that a timed demo waits for its first export
REPLAY_PATHS = {"binance": "binance/stream"}  # the combined stream


async def run_demo(settings: Settings, seconds: float | None) -> dict[str, Any] | None:
    """Simulated exchanges on an empty stage, until told to stop; after `seconds`: a summary."""
    settings = demo_settings(settings)
    clear(settings)
    click.echo(
        f"SIMULATED DATA, not a real market. It lies in {settings.home}; each demo empties it.",
        err=True,
    )
    start = datetime.now(UTC).isoformat(timespec="seconds")
    with told_to_stop() as stop:
        async with Supervisor(settings, start) as platform:
            click.echo(addresses(settings), err=True)
            watcher = Watcher(f"ws://{settings.host}:{settings.stream_port}")
            exports = Exports(platform, watcher)
            tasks = [
                asyncio.create_task(part)
                for part in (watcher.watch(), narrate(platform, stop), exports.run())
            ]
            try:
                if not await is_set_within(stop, seconds):
                    await is_set_within(exports.done, EXPORT_PATIENCE)
                summary = summarise(platform, watcher, exports)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    click.echo("stopped", err=True)
    return summary if seconds is not None else None


def demo_settings(settings: Settings) -> Settings:
    """The same settings on simulated exchanges, in a home of their own."""
    base = f"{settings.host}:{settings.replay_port}"
    endpoints = {
        name: Endpoint(
            ws=f"ws://{base}/{REPLAY_PATHS.get(name, name)}", rest=f"http://{base}/{name}"
        )
        for name in EXCHANGES
    }
    return msgspec.structs.replace(
        settings,
        home=settings.home / "demo",
        database_url=None,
        simulated=True,
        backup_to=None,  # where real trades go
        public_stream_url=None,
        public_dagster_url=None,
        public_grafana_url=None,
        endpoints=endpoints,
        markets=settings.markets or {name: tuple(EXCHANGES[name].MARKETS) for name in DEFAULT},
    )


def clear(settings: Settings) -> None:
    """An empty stage; raises AlreadyRunning while a demo plays on it."""
    with hold(settings.home):
        Server(
            settings.home, settings.postgres_port
        ).stop()  # left behind by a demo that was killed
        shutil.rmtree(settings.home)


class Exports:
    """Exports the running day now and then, each time as a recorded Dagster run."""

    def __init__(self, platform: Supervisor, watcher: Watcher) -> None:
        self.platform = platform
        self.watcher = watcher
        self.done = asyncio.Event()  # the first one has ended
        self.failures = 0

    async def run(self) -> None:
        await self.watcher.seen.wait()
        await asyncio.sleep(EXPORT_AFTER)
        while True:
            keeper = Keeper(self.part(), self.platform.logs)
            try:
                self.failures += await keeper.live() != 0
            finally:
                await keeper.stop()
            self.done.set()
            await asyncio.sleep(EXPORT_EVERY)

    def part(self) -> Part:
        return export_part(self.platform.settings, self.platform.url, self.platform.dagster)

    def files(self) -> list[str]:
        """`exchange/symbol/date` of each partition on disk."""
        root = self.platform.settings.parquet
        return sorted(
            str(path.relative_to(root).with_suffix("")) for path in root.glob("*/*/[0-9]*.parquet")
        )


def summarise(platform: Supervisor, watcher: Watcher, exports: Exports) -> dict[str, Any]:
    """What the demo did, for people and programs; `ok`: every part of the way was seen to work."""
    trades: dict[str, int] = {}
    gaps: dict[str, int] = {}
    with suppress(ConnectionError), connect(platform.url, "demo", read_only=True) as store:
        trades, gaps = count_trades(store), count_gaps(store)
    files = exports.files()
    is_api_ready = is_ready(platform.settings)
    archive = platform.settings.archive.exists()
    return {
        "simulated": True,
        "ok": all(
            (
                trades,
                *trades.values(),
                watcher.trades,
                files,
                archive,
                is_api_ready,
                not exports.failures,
            )
        ),
        "api": is_api_ready,
        "trades": trades,
        "streamed": watcher.trades,
        "streamed_twice": watcher.repeats,
        "exported_partitions": files,
        "archive": str(platform.settings.archive) if archive else None,
        "gaps": gaps,
        "restarts": {each.part.name: each.restarts for each in platform.keepers if each.restarts},
    }
