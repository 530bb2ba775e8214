"""Pools: how many runs may do one thing at once, all limits in one table.

The daemon starts as `python -m alphapulse_pipelines.pools COMMAND…`: the table is told to the
instance, runs that no longer live are told to it too, and the process becomes COMMAND. Whoever
starts the daemon by itself loses nothing but that: an unknown pool has the limit of dagster.yaml.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

# Whoever replaces files of the lake, one run at a time: exports, candles, months' files, and late
# rows of days that left. None of them takes away what another has just written, and an export keeps
# every core busy anyway. Exchanges' REST APIs are shared by a tag, see dagster.yaml.
LAKE = "lake"

LIMITS = {LAKE: 1}

UNFINISHED = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])


def set_limits(instance: dg.DagsterInstance) -> None:
    """Make the instance's limits those of LIMITS; others, which an owner made, stay."""
    storage = instance.event_log_storage
    known = {pool.name: pool.limit for pool in storage.get_pool_limits() if not pool.from_default}
    for name, limit in LIMITS.items():
        if known.get(name) != limit:
            storage.set_concurrency_slots(name, limit)


def bury_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark as failed the runs whose process is gone; gives their ids.

    Killed with its machine or by force, a run stays STARTED: Dagster's launcher for one machine
    cannot look after it, and its place in a pool and in the queue would be taken for six hours.
    """
    dead = [
        record.dagster_run
        for record in instance.get_run_records(UNFINISHED)
        if not is_alive(instance, record)
    ]
    for run in dead:
        instance.report_run_failed(run, "its process is gone: killed, or the machine was")
    return [run.run_id for run in dead]


def is_alive(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    """Whether the process that began the run is there, and is no younger than the run."""
    begun = instance.all_logs(record.dagster_run.run_id, of_type=dg.DagsterEventType.RUN_START)
    pids = [entry.dagster_event.pid for entry in begun if entry.dagster_event]
    if not pids or pids[-1] is None or record.start_time is None:
        return False
    try:
        os.kill(pids[-1], 0)
        return born(pids[-1]) < record.start_time
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's: the number was used again
        return False


def born(pid: int) -> float:
    """When the process began, in seconds since the epoch; 0 where the system does not tell."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return 0.0
    return datetime.now(UTC).timestamp() - uptime + ticks / os.sysconf("SC_CLK_TCK")


def main(command: Sequence[str]) -> None:
    """Prepare the instance of DAGSTER_HOME, then become `command`."""
    with dg.DagsterInstance.get() as instance:
        set_limits(instance)
        for run_id in bury_dead_runs(instance):
            print(f"run {run_id} is marked as failed: its process is gone", flush=True)
    if command:
        os.execv(command[0], list(command))  # noqa: S606  # our own argument list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
