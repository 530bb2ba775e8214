"""A whole platform for a browser: simulated exchanges, collectors, streamer, API; no Dagster."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from alphapulse.postgres import Server
from tests.launcher.stage import ROOT, command, environment, wait_until

PATIENCE = 120.0  # seconds


class Platform(Struct, frozen=True):
    home: Path
    api: str  # addresses, without a slash at the end
    replay: str
    postgres_port: int

    @property
    def database(self) -> str:
        return Server(self.home, self.postgres_port).url()

    def asked(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.api}{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def strike(self, words: str) -> None:
        """A fault of the simulated exchanges (docs/replay.md)."""
        with urllib.request.urlopen(f"{self.replay}/control/inject?{words}", timeout=30) as answer:
            assert answer.status == 200

    @contextmanager
    def frozen(self, word: str) -> Iterator[None]:
        """The process of `alphapulse WORD` stands still, as on a machine that swaps."""
        pid = process_of(self.home, word)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill(self, word: str) -> None:
        os.kill(process_of(self.home, word), signal.SIGKILL)


def process_of(home: Path, word: str) -> int:
    mark = str(home).encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if word.encode() in words and mark in (folder / "environ").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no process of `alphapulse {word}` below {home}")


@contextmanager
def running_platform(home: Path) -> Iterator[Platform]:
    env = environment(home, dagster=False)
    port = {name: env[f"ALPHAPULSE_{name.upper()}_PORT"] for name in ("api", "replay", "postgres")}
    said = home.parent / "demo.log"
    with (
        said.open("wb") as log,
        subprocess.Popen(command("demo"), cwd=ROOT, env=env, stderr=log, stdout=log) as demo,
    ):
        platform = Platform(
            home / "demo",
            f"http://127.0.0.1:{port['api']}",
            f"http://127.0.0.1:{port['replay']}",
            int(port["postgres"]),
        )
        try:
            wait_until(lambda: has_traded(platform), PATIENCE, f"trades in the API; see {said}")
            yield platform
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(60)


def has_traded(platform: Platform) -> bool:
    """Every market has: the markets come one after the other."""
    try:
        markets = platform.asked("/v1/markets")["markets"]
    except OSError:
        return False
    return len(markets) == 9 and all(market["last_trade"] for market in markets)
