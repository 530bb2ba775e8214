"""Dagster as the launcher starts it: web server and daemon over a real instance."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from alphapulse.migrate import migrate
from alphapulse.postgres import dagster_url
from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from alphapulse.trade import Market
from launcher.part import Part
from launcher.parts import dagster_parts, environment_for, prepare_dagster
from tests.conftest import ROOT
from tests.launcher.stage import free_port
from tests.stored import BTC, ETH, SOL, store_trades

Found = TypeVar("Found")

MARKETS = (BTC, ETH, SOL)
START = 120.0  # seconds in which the code location must be loaded
BACKFILL = 180.0  # seconds for a backfill: the daemon looks each 30 s


class Running(Struct, frozen=True):
    """A running Dagster: where its page is, the settings behind it, and the stored days."""

    address: str
    settings: Settings
    database_url: str
    days: tuple[date, ...]

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """One GraphQL request; what is under `data`."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.address}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = json.load(answer)
        assert "errors" not in said, said["errors"]
        found: dict[str, Any] = said["data"]
        return found


def wait_for(look: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """The first thing that `look` finds."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.5)


@contextmanager
def running_dagster(url: str, folder: Path) -> Iterator[Running]:
    """Web server and daemon over the database of `url`, with days of three markets stored."""
    today = datetime.now(UTC).date()
    days = tuple(today - timedelta(days=back) for back in (6, 5, 4, 3, 2, 1))
    settings = Settings(
        home=folder,
        database_url=url,
        simulated=True,
        dagster_port=free_port(),
        first_day=str(today - timedelta(days=9)),
    )
    with connect(url, "test") as store:
        migrate(store, simulated=True)
        for number, market in enumerate(MARKETS):
            for day in days:
                store_trades(store, market, trades_of(market, day, number))
    environment = environment_for(settings, url) | prepare_dagster(settings, dagster_url(url))
    with ExitStack() as stack:
        for part in dagster_parts(settings, environment):
            stack.enter_context(started(part, folder))
        running = Running(f"http://{settings.host}:{settings.dagster_port}", settings, url, days)
        wait_for(lambda: is_loaded(running), START, "Dagster's page and its code location")
        yield running


def trades_of(market: Market, day: date, number: int) -> list[tuple[int, str, str, str]]:
    """A trade each ten minutes; ids go on from day to day."""
    first = day.toordinal() * 144
    price = (65000, 3200, 150)[number]
    return [
        (
            first + n,
            f"{day} {n // 6:02}:{n % 6 * 10:02}:00",
            f"{price + price * ((n * 7) % 23 - 11) / 1000:.2f}",
            f"0.{1 + n % 9}",
        )
        for n in range(144)
    ]


@contextmanager
def started(part: Part, folder: Path) -> Iterator[None]:
    with (
        (folder / f"{part.name}.log").open("w") as log,
        subprocess.Popen(
            part.command,
            env=dict(part.environment),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def is_loaded(running: Running) -> bool:
    try:
        found = running.ask("{ assetNodes { assetKey { path } } }")
    except (OSError, AssertionError):
        return False
    return bool(found["assetNodes"])
