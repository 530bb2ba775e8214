"""A part is started again when it ends, and stopped with all it had started."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from launcher.part import Keeper, Part
from tests.launcher.stage import wait_until

GRANDCHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print(child.pid, flush=True)
time.sleep(300)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(300)
"""

HEARING = """
import signal
told = (signal.SIGINT, signal.SIGTERM)
print("ignores" if signal.SIG_IGN in map(signal.getsignal, told) else "hears", flush=True)
"""


def part(code: str, patience: float = 5.0) -> Part:
    return Part("probe", (sys.executable, "-c", code), dict(os.environ), patience)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(keeper: Keeper, words: str) -> None:
    async with asyncio.timeout(30):
        while words not in keeper.last_words:
            await asyncio.sleep(0.02)


def test_a_part_that_ends_is_started_again(tmp_path: Path) -> None:
    async def scenario() -> int:
        keeper = Keeper(part("print('hello')"), tmp_path)
        task = asyncio.create_task(keeper.keep())
        async with asyncio.timeout(30):
            while keeper.restarts < 2:
                await asyncio.sleep(0.02)
        await keeper.stop()
        task.cancel()
        return keeper.restarts

    assert asyncio.run(scenario()) >= 2
    assert "hello" in (tmp_path / "probe.log").read_text()
    assert "starting again" in (tmp_path / "probe.log").read_text()


def test_a_stopped_part_takes_its_children_with_it(tmp_path: Path) -> None:
    async def scenario() -> int:
        keeper = Keeper(part(GRANDCHILD), tmp_path)
        task = asyncio.create_task(keeper.keep())
        async with asyncio.timeout(30):
            while not keeper.last_words.isdigit():
                await asyncio.sleep(0.02)
        await keeper.stop()
        await task
        return int(keeper.last_words)

    grandchild = asyncio.run(scenario())
    wait_until(lambda: not is_alive(grandchild), 10, "the grandchild is gone")


def test_a_part_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper(part(STUBBORN, patience=0.3), tmp_path)
        task = asyncio.create_task(keeper.keep())
        await until(keeper, "ready")
        await keeper.stop()
        await task
        assert not keeper.is_running

    asyncio.run(scenario())
    assert "killed" in (tmp_path / "probe.log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_parts_of_a_killed_supervisor_end_too(tmp_path: Path) -> None:
    script = f"""
import asyncio, os, sys
from pathlib import Path
from launcher.part import Keeper, Part
async def main():
    command = (sys.executable, "-c", "import time; time.sleep(300)")
    keeper = Keeper(Part("probe", command, dict(os.environ)), Path({str(tmp_path)!r}))
    task = asyncio.create_task(keeper.keep())
    while not keeper.is_running:
        await asyncio.sleep(0.01)
    print(keeper.process.pid, flush=True)
    await asyncio.sleep(300)
asyncio.run(main())
"""

    async def scenario() -> int:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout
        pid = int(await child.stdout.readline())
        child.kill()
        await child.wait()
        return pid

    pid = asyncio.run(scenario())
    wait_until(lambda: not is_alive(pid), 10, "the orphan is gone")


def test_a_part_hears_signals_that_we_were_started_to_ignore(tmp_path: Path) -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        keeper = Keeper(part(HEARING), tmp_path)
        assert asyncio.run(keeper.live()) == 0
        asyncio.run(keeper.stop())
    finally:
        signal.signal(signal.SIGINT, former)
    assert keeper.last_words == "hears"
