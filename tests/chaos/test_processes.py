"""Real processes are found, stopped for a while and killed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import processes
from tests.launcher.stage import wait_until

SLEEPER = "import time; time.sleep(60)"


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", SLEEPER, "collect", "--exchange", "toy"]
    with subprocess.Popen(command, env={"ALPHAPULSE_HOME": str(tmp_path)}) as process:
        wait_until(lambda: processes.find(tmp_path, "toy"), 10, "it has its environment")
        yield process
        process.kill()


def test_a_process_is_found_by_its_home_and_last_words(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert processes.find(tmp_path, "collect", "--exchange", "toy") == [sleeper.pid]
    assert processes.find(tmp_path, "collect", "--exchange", "other") == []
    assert processes.find(tmp_path / "elsewhere", "collect", "--exchange", "toy") == []


def test_a_killed_process_is_dead_though_nobody_has_waited_for_it(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert processes.kill([sleeper.pid]) == 1
    wait_until(lambda: not processes.is_alive(sleeper.pid), 10, "it is dead")
    assert processes.find(tmp_path, "toy") == []


def test_a_stalled_process_wakes_by_itself(sleeper: subprocess.Popen[bytes]) -> None:
    shell = processes.stall([sleeper.pid], 0.3)
    wait_until(lambda: processes.state_of(sleeper.pid).startswith("T"), 10, "it stands still")
    assert processes.is_alive(sleeper.pid)
    assert shell.wait(10) == 0
    assert processes.state_of(sleeper.pid)[0] in "SR"


def test_children_are_found(sleeper: subprocess.Popen[bytes]) -> None:
    import os

    assert sleeper.pid in processes.children(os.getpid())


def test_a_process_that_is_gone_is_no_error() -> None:
    with subprocess.Popen(["/bin/true"]) as gone:
        gone.wait()
    assert processes.kill([gone.pid]) == 0
    assert not processes.is_alive(gone.pid)
