"""The list of everything: Dagster drops what it does not find without a word."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from alphapulse.settings import Settings
from alphapulse_pipelines.build import build_definitions
from tests.conftest import ROOT


def test_everything_is_there_by_name() -> None:
    definitions = build_definitions(Settings())
    found = definitions.get_repository_def()
    graph = found.asset_graph
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == {
        "trades",
        "trades_parquet",
        "market_data",
        "retention",
        "dagster_events",
    }
    assert {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys} == {
        ("trades_parquet", "rows_match_store"),
        ("trades_parquet", "certificate_verifies"),
        ("trades_parquet", "coverage_is_complete"),
        ("retention", "old_days_leave"),
    }
    assert {schedule.name for schedule in found.schedule_defs} == {
        "nightly_export",
        "nightly_retention",
    }
    assert {sensor.name for sensor in found.sensor_defs} == {
        "new_markets",
        "observe_trades",
        "archive_behind",
        "reopened_days",
        "judge_days",
    }
    assert set(found.job_names) - {"__ASSET_JOB"} == {
        "nightly_export",
        "renew_market_data",
        "nightly_retention",
    }


def test_the_archive_hangs_together() -> None:
    graph = build_definitions(Settings()).resolve_asset_graph()
    parents = {
        key.to_user_string(): graph.get(key).parent_keys for key in graph.get_all_asset_keys()
    }
    assert parents["trades"] == set()
    assert parents["trades_parquet"] == {dg.AssetKey("trades")}
    assert parents["market_data"] == {dg.AssetKey("trades_parquet")}
    assert graph.get(dg.AssetKey("trades")).is_external


@pytest.mark.parametrize(
    "name", ["trades", "trades_parquet", "market_data", "retention", "dagster_events"]
)
def test_every_asset_says_what_it_is_and_whose(name: str) -> None:
    node = build_definitions(Settings()).resolve_asset_graph().get(dg.AssetKey(name))
    assert node.description and node.owners and node.kinds
    assert node.group_name in {"raw", "core", "out", "operations"}


def test_everything_runs_by_itself() -> None:
    found = build_definitions(Settings()).get_repository_def()
    assert all(sensor.default_status.value == "RUNNING" for sensor in found.sensor_defs)
    assert all(schedule.default_status.value == "RUNNING" for schedule in found.schedule_defs)


def test_definitions_load_without_a_database() -> None:
    nowhere = Settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    dg.Definitions.validate_loadable(build_definitions(nowhere))


def test_the_workspace_names_a_module_that_loads_without_an_effect(tmp_path: Path) -> None:
    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    module = entry["python_module"]["module_name"]
    code = f"import dagster, {module} as m; print(type(m.definitions) is dagster.Definitions)"
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"ALPHAPULSE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert not home.exists()
