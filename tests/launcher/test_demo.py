"""`alphapulse demo`, as README promises it."""

import json
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from tests.launcher.stage import ROOT, command, environment, processes_naming, run, wait_until

QUICK = 10.0  # seconds in which Ctrl-C must have ended everything


@pytest.mark.slow
@pytest.mark.embedded
def test_a_timed_demo_brings_trades_from_sockets_to_parquet_and_ends_by_itself(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    done = run(environment(home), "demo", "--seconds", "12", seconds=280)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["simulated"] is True and summary["ok"] is True
    assert {market.split("/")[0] for market in summary["trades"]} == {
        "binance",
        "coinbase",
        "kraken",
    }
    assert all(count > 0 for count in summary["trades"].values())
    assert 0 < summary["streamed"] <= sum(summary["trades"].values())
    assert summary["streamed_twice"] == 0
    assert len(summary["exported_partitions"]) == len(summary["trades"])
    with duckdb.connect(summary["archive"], read_only=True) as archive:
        (rows,) = archive.execute("SELECT count(*) FROM trades").fetchone() or (0,)
    assert 0 < rows <= summary["streamed"]
    assert "SIMULATED" in done.stderr
    assert processes_naming(home) == []


@pytest.mark.slow
@pytest.mark.embedded
def test_ctrl_c_ends_a_demo_cleanly_and_leaves_no_process(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = environment(home, dagster=False)
    with subprocess.Popen(
        command("demo"), cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
    ) as demo:
        wait_until(
            (home / "demo" / "status" / "collector-kraken.json").exists, 60, "collectors report"
        )
        demo.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, said = demo.communicate(timeout=60)
        assert demo.returncode == 0, said
        assert "Traceback" not in said
        assert (
            time.monotonic() - began < 3 * QUICK
        )  # README says 10 s; here other tests share the machine
    assert processes_naming(home) == []


@pytest.mark.slow
@pytest.mark.embedded
def test_a_second_demo_in_the_same_home_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = environment(home, dagster=False)
    with subprocess.Popen(command("demo"), cwd=ROOT, env=env, stderr=subprocess.DEVNULL) as demo:
        wait_until((home / "demo" / "supervisor.lock").exists, 30, "the first one runs")
        time.sleep(1)
        second = run(environment(home, dagster=False), "demo")
        assert second.returncode == 1
        assert "already run by process" in second.stderr
        demo.terminate()
        demo.wait(60)
