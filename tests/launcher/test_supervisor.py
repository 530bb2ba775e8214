from pathlib import Path

import pytest

from launcher.supervisor import AlreadyRunning, hold


def test_one_supervisor_runs_a_home(tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(AlreadyRunning, match="is already run by process"):
        hold(tmp_path)
    hold(tmp_path).close()
