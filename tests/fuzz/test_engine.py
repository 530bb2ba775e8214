"""The engine without atheris, and the whole of `python -m fuzz` with whatever is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.engine import drawn
from fuzz.targets import Target
from tests.conftest import ROOT


def test_what_breaks_a_law_is_kept(tmp_path: Path) -> None:
    def obey(data: bytes) -> None:
        assert data == b'{"a":1}', "bent"

    with pytest.raises(AssertionError, match="bent"):
        drawn("toy", Target(obey, [b'{"a":1}']), 20, tmp_path)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() != b'{"a":1}'


@pytest.mark.parametrize("seconds", ["1", "2"], ids=["here", "in a process of its own"])
def test_a_target_runs_and_says_how_many_inputs_it_had(seconds: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "--seconds", seconds, "cursor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"cursor +[1-9][0-9,]* inputs +ok", done.stdout)


def test_an_input_can_be_given_again(tmp_path: Path) -> None:
    (tmp_path / "frame").write_bytes(b"{")
    command = [sys.executable, "-m", "fuzz", "kraken.parse", "--input", str(tmp_path / "frame")]
    assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == 0
