"""What benchmarks stand on: a PostgreSQL and processes that end with them, medians."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from alphapulse.migrate import migrate
from alphapulse.postgres import Server, ensure_database
from alphapulse.settings import Endpoint, Settings, environment_of
from alphapulse.store.connect import connect


@contextmanager
def server() -> Iterator[Server]:
    """An embedded PostgreSQL in an empty directory, with commit times tracked."""
    home = Path(tempfile.mkdtemp(prefix="alphapulse-bench-"))
    found = Server(home, free_port())
    try:
        found.start()
        with connect(found.url("postgres"), "bench") as store:
            store.execute("ALTER SYSTEM SET track_commit_timestamp = on")
            store.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
        found.stop()
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(home, ignore_errors=True)


def fresh_database(found: Server, name: str) -> str:
    with connect(found.url("postgres"), "bench") as store:
        store.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # our names
    url = ensure_database(found.url("postgres"), name)
    with connect(url, "bench") as store:
        migrate(store, simulated=True)
        store.execute("CHECKPOINT")
    return url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(found: Server, url: str, exchange: str, symbol: str, replay_port: int) -> Settings:
    base = f"127.0.0.1:{replay_port}/{exchange}"
    path = "/stream" if exchange == "binance" else ""
    shutil.rmtree(found.home / "bench" / "journal", ignore_errors=True)  # of another database
    return Settings(
        home=found.home / "bench",
        database_url=url,
        simulated=True,
        markets={exchange: (symbol,)},
        endpoints={exchange: Endpoint(ws=f"ws://{base}{path}", rest=f"http://{base}")},
        stream_port=free_port(),
        replay_port=replay_port,
        stream_buffer_bytes=2**28,
    )


@contextmanager
def process(
    *command: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A child that is stopped with the block; its last words are shown when it fails."""
    with subprocess.Popen(
        command, env=dict(os.environ) | dict(environment or {}), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as child:  # fmt: skip
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def own(settings: Settings, *words: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return process(sys.executable, "-m", "launcher", *words, environment=environment_of(settings))


def module(name: str, *words: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return process(sys.executable, "-m", name, *words)


def median(values: list[float]) -> float:
    return statistics.median(values)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
