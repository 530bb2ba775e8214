"""Dagster as the launcher starts it: web server and daemon over a real instance, days stored.

One for a whole session of tests, because it costs half a minute of both cores to start: each test
takes days of its own.
"""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any, TypeVar

from msgspec import Struct

from alphapulse.migrate import migrate
from alphapulse.postgres import dagster_url, ensure_database
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
START = 180.0  # seconds in which the code location and the markets must be there
BACKFILL = 400.0  # seconds for a few runs: the daemon looks each 30 s, and CI is crowded

LOADED = """{
    assetNodeOrError(assetKey: {path: ["trades_parquet"]}) {
        ... on AssetNode { partitionKeysByDimension { name partitionKeys } } }
}"""


class Running(Struct, frozen=True):
    """A running Dagster: where its page is, what is stored behind it.

    `days` are seven, oldest first: the first three are for a backfill by GraphQL, the fourth for
    a check that fails, the last three for a backfill by a person's clicks.
    """

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
def running_dagster(folder: Path) -> Iterator[Running]:
    """Web server and daemon over a PostgreSQL of their own, with days of three markets stored."""
    today = datetime.now(UTC).date()
    settings = Settings(
        home=folder / "home",
        simulated=True,
        dagster_port=free_port(),
        first_day=str(today - timedelta(days=9)),
    )
    days = tuple(today - timedelta(days=back) for back in range(7, 0, -1))
    with ExitStack() as stack:
        url = ensure_database(stack.enter_context(server(folder / "server")), "alphapulse_demo")
        store_days(url, days)
        environment = environment_for(settings, url) | prepare_dagster(settings, dagster_url(url))
        for part in dagster_parts(settings, environment):
            stack.enter_context(started(part, folder))
        running = Running(f"http://{settings.host}:{settings.dagster_port}", settings, url, days)
        wait_for(lambda: is_loaded(running), START, "Dagster's page with all markets")
        yield running


@contextmanager
def server(home: Path) -> Iterator[str]:
    """An embedded server that ends with us, however we end."""
    home.mkdir()
    command = [sys.executable, "-m", "tests.keeper", str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as keeper:
        assert keeper.stdin and keeper.stdout
        url = keeper.stdout.readline().strip()
        assert url, "the embedded server did not start; its error is above"
        yield url
        keeper.stdin.close()


def store_days(url: str, days: tuple[date, ...]) -> None:
    with connect(url, "test") as store:
        migrate(store, simulated=True)
        for number, market in enumerate(MARKETS):
            for day in days:
                store_trades(store, market, trades_of(market, day, number))


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
    """Whether the code location is there and `new_markets` has made every market a partition."""
    try:
        found = running.ask(LOADED)["assetNodeOrError"]
    except (OSError, AssertionError):
        return False
    dimensions = found.get("partitionKeysByDimension", [])
    keys = {key for dimension in dimensions for key in dimension["partitionKeys"]}
    return {market.key for market in MARKETS} <= keys
