"""The list of everything: Dagster drops what it does not find without a word."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from alphapulse.candles import BarSize
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
        "candles_1m",
        "candles_5m",
        "candles_15m",
        "candles_1h",
        "candles_1d",
        "coverage",
        "market_data",
        "backup",
        "restore_drill",
        "retention",
        "dagster_events",
    }
    assert {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys} == {
        ("trades_parquet", "rows_match_store"),
        ("trades_parquet", "ids_match_store"),
        ("trades_parquet", "certificate_verifies"),
        ("trades_parquet", "times_inside_day"),
        ("trades_parquet", "ids_do_not_repeat"),
        ("trades_parquet", "prices_and_sizes_positive"),
        ("trades_parquet", "coverage_is_complete"),
        ("trades", "fresh_by_own_rhythm"),
        ("candles_1m", "candles_agree_with_trades"),
        ("candles_5m", "candles_5m_agree_with_1m"),
        ("candles_15m", "candles_15m_agree_with_1m"),
        ("candles_1h", "candles_1h_agree_with_1m"),
        ("candles_1d", "candles_1d_agree_with_1m"),
        ("restore_drill", "drill_passes"),
        ("retention", "old_days_leave"),
    }
    assert {schedule.name for schedule in found.schedule_defs} == {
        "nightly_export",
        "nightly_compaction",
        "nightly_backup",
        "weekly_drill",
        "nightly_coverage",
        "nightly_retention",
    }
    assert {sensor.name for sensor in found.sensor_defs} == {
        "new_markets",
        "observe_trades",
        "archive_behind",
        "reopened_days",
        "judge_days",
        "open_gaps",
        "market_rhythm",
        "silent_markets",
        "collectors_alive",
        "disk_space",
        "failed_runs",
        "failed_checks",
        "failed_ticks",
        "tell",
        "candles_behind",
        "changed_verdicts",
    }
    assert set(found.job_names) - {"__ASSET_JOB"} == {
        "nightly_export",
        "renew_market_data",
        "repair_gaps",
        "renew_candles",
        "compaction",
        "make_backup",
        "drill_backup",
        "judge_coverage",
        "nightly_retention",
    }


def test_the_archive_hangs_together() -> None:
    graph = build_definitions(Settings()).resolve_asset_graph()
    parents = {
        key.to_user_string(): graph.get(key).parent_keys for key in graph.get_all_asset_keys()
    }
    assert parents["trades"] == set()
    assert parents["trades_parquet"] == {dg.AssetKey("trades")}
    assert parents["candles_1m"] == {dg.AssetKey("trades_parquet")}
    for size in ("5m", "15m", "1h", "1d"):
        assert parents[f"candles_{size}"] == {dg.AssetKey("candles_1m")}
    assert parents["coverage"] == {dg.AssetKey("trades_parquet")}
    made_of = {"trades_parquet", "coverage", *(f"candles_{size}" for size in BarSize)}
    assert parents["market_data"] == {dg.AssetKey(name) for name in made_of}
    assert graph.get(dg.AssetKey("trades")).is_external


@pytest.mark.parametrize(
    "name",
    [
        "trades",
        "trades_parquet",
        "candles_1m",
        "candles_1d",
        "coverage",
        "market_data",
        "backup",
        "restore_drill",
        "retention",
        "dagster_events",
    ],
)
def test_every_asset_says_what_it_is_and_whose(name: str) -> None:
    node = build_definitions(Settings()).resolve_asset_graph().get(dg.AssetKey(name))
    assert node.description and node.owners and node.kinds
    assert node.group_name in {"raw", "core", "quality", "out", "operations"}


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


@pytest.mark.slow
def test_dagsters_own_command_finds_nothing_wrong(tmp_path: Path) -> None:
    """As an owner would ask it, with the workspace that we ship."""
    (tmp_path / "dagster").mkdir()
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dagster")),
            *("definitions", "validate", "-w", str(ROOT / "workspace.yaml")),
        ],
        env=os.environ
        | {"ALPHAPULSE_HOME": str(tmp_path / "home"), "DAGSTER_HOME": str(tmp_path / "dagster")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Validation successful for code location alphapulse" in said
