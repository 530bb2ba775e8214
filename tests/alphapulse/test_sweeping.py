"""What is swept is old, and nobody's any more."""

import os
import time
from pathlib import Path

from alphapulse.postgres.cluster import LOG_BYTES
from alphapulse.sweeping import Swept, empty_logs, sweep_asides, sweep_run_output

DAY = 86_400


def write(path: Path, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    at = time.time() - age * DAY
    os.utime(path, (at, at))
    return path


def test_old_output_of_runs_goes_and_its_folders_with_it(tmp_path: Path) -> None:
    old = [write(tmp_path / "run" / "compute_logs" / f"a.{kind}", 91) for kind in ("out", "err")]
    young = write(tmp_path / "other" / "compute_logs" / "a.err", 89)
    config = write(tmp_path / "dagster.yaml", 500)
    assert sweep_run_output(tmp_path, 90) == Swept(2, 10)
    assert not old[0].parent.parent.exists()
    assert young.exists() and config.exists()
    assert sweep_run_output(tmp_path, 0) == Swept()


def test_what_killed_exports_wrote_aside_goes(tmp_path: Path) -> None:
    folder = tmp_path / "parquet" / "kraken" / "BTC_USD"
    name = f".2024-08-08.parquet.{'0' * 32}"
    gone = [write(folder / name, 3), write(folder / f"{name}.csv", 3)]
    kept = [
        write(folder / f".2024-08-08.parquet.{'1' * 32}", 1),
        write(folder / "2024-08-08.parquet", 300),
        write(folder / ".note", 300),
    ]
    assert sweep_asides(tmp_path / "parquet", tmp_path / "none") == Swept(2, 10)
    assert not any(path.exists() for path in gone) and all(path.exists() for path in kept)


def test_only_an_endless_log_of_postgresql_is_emptied(tmp_path: Path) -> None:
    log = tmp_path / "postgres" / "log"
    small, large = write(log / "Mon.log", 1), write(log / "Tue.log", 1)
    os.truncate(large, LOG_BYTES + 1)  # a sparse file: nothing is written
    assert empty_logs(tmp_path) == 1
    assert (small.stat().st_size, large.stat().st_size) == (5, 0)
    assert empty_logs(tmp_path / "none") == 0
