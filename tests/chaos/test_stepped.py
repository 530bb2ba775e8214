"""The clock that chaos sets: it jumps when told to, and back, and never breaks its reader."""

import subprocess
import sys
from pathlib import Path

from chaos.stepped import Step, read_step, true_time_ns
from tests.launcher.stage import ROOT

HOUR = 3_600_000_000_000  # nanoseconds


def test_the_clock_shows_the_step_of_its_file(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+3600")
    assert HOUR <= Step(clock).now() - true_time_ns() + 10**9 < HOUR + 2 * 10**9
    clock.write_text("-3600")
    assert -HOUR <= Step(clock).now() - true_time_ns() + 10**9 < -HOUR + 2 * 10**9


def test_a_file_that_is_not_there_or_half_written_changes_nothing(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    assert read_step(clock, 5) == 5
    clock.write_text("")
    assert read_step(clock, 5) == 5


def test_whatever_is_imported_afterwards_sees_the_stepped_clock(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+1000000000")
    program = (
        "import sys, time; from pathlib import Path; from chaos.stepped import install;"
        f"install(Path({str(clock)!r}));"
        "from time import time as clock, time_ns;"
        "true = time.clock_gettime_ns(time.CLOCK_REALTIME);"
        "print(round((time_ns() - true) / 1e9), round(clock() - true / 1e9))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1000000000", "1000000000"]
