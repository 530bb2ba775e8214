"""Pools and runs that are left behind, on a real instance in PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from alphapulse.candles import BarSize
from alphapulse.settings import Settings
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.pools import (
    LAKE,
    LIMITS,
    born,
    bury_dead_runs,
    set_limits,
)
from tests.conftest import ROOT


def limits(instance: dg.DagsterInstance) -> dict[str, int]:
    return {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}


def test_whoever_replaces_files_of_the_lake_waits_for_the_others() -> None:
    found = build_definitions(Settings()).get_repository_def()
    graph = found.asset_graph
    writers = {"trades_parquet", "retention", *(f"candles_{size}" for size in BarSize)}
    for name in writers:
        assert graph.get(dg.AssetKey(name)).pools == {LAKE}, name
    assert found.get_job("compaction").get_node_named("compact_months").definition.pools == {LAKE}
    assert LIMITS == {LAKE: 1}


def test_the_limits_are_told_to_the_instance_and_nobody_elses_are_touched(
    postgres_instance: dg.DagsterInstance,
) -> None:
    postgres_instance.event_log_storage.set_concurrency_slots("the owners", 3)
    postgres_instance.event_log_storage.set_concurrency_slots(LAKE, 7)
    for _ in range(2):
        set_limits(postgres_instance)
        assert limits(postgres_instance) == LIMITS | {"the owners": 3}


def test_a_pool_without_a_limit_lets_one_run_pass(postgres_instance: dg.DagsterInstance) -> None:
    config = postgres_instance.get_concurrency_config().pool_config
    assert config.default_pool_limit == 1
    assert config.pool_granularity and config.pool_granularity.value == "run"


@dg.op
def linger() -> None:
    print("lingers", flush=True)
    sys.stdin.read()


@dg.job
def lingering() -> None:
    linger()


LINGER = """
import dagster as dg
from tests.alphapulse_pipelines.test_pools import lingering
with dg.DagsterInstance.get() as instance:
    lingering.execute_in_process(instance=instance)"""


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_marked_as_failed_and_a_living_one_is_not(
    postgres_instance: dg.DagsterInstance,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LINGER],
        cwd=ROOT,
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "lingers\n"
        (run,) = postgres_instance.get_runs()
        assert run.status is dg.DagsterRunStatus.STARTED
        assert bury_dead_runs(postgres_instance) == []
        process.kill()
        process.wait(30)
    assert bury_dead_runs(postgres_instance) == [run.run_id]
    found = postgres_instance.get_run_by_id(run.run_id)
    assert found and found.status is dg.DagsterRunStatus.FAILURE
    assert bury_dead_runs(postgres_instance) == []


def test_a_process_is_older_than_what_it_began() -> None:
    if Path("/proc/self/stat").exists():
        assert 0 < born(os.getpid()) <= Path("/proc/self").stat().st_mtime + 5


@pytest.mark.slow
def test_the_command_prepares_the_instance_and_becomes_what_it_was_given(
    postgres_instance: dg.DagsterInstance,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alphapulse_pipelines.pools", "/bin/echo", "now the daemon"],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "now the daemon\n"), done.stderr
    assert limits(postgres_instance) == LIMITS
