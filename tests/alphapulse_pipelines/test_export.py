import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from alphapulse import lake
from alphapulse.archive.market_data import write_archive
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse_pipelines.export import export, parser
from alphapulse_pipelines.house import House
from tests.conftest import ROOT
from tests.stored import BTC, DAY, ETH, SOL, store_day, store_trades

TOMORROW = DAY + timedelta(days=1)


def archived(house: House) -> list[MarketDay]:
    return sorted(lake.read_certificate(file.path).day for file in lake.files(house.parquet))


def test_without_a_choice_everything_is_exported(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    days = [store_day(store, market, day) for day in (DAY, TOMORROW) for market in (BTC, ETH)]
    assert export(definitions, instance, house)
    assert archived(house) == sorted(days)
    assert instance.get_runs_count() == 2
    assert export(definitions, instance, house)
    assert instance.get_runs_count() == 2, "nothing is left to do"


def test_a_row_that_came_late_is_exported_without_any_sensor(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    day = store_day(store, BTC)
    assert export(definitions, instance, house)
    store_trades(store, BTC, [(99, f"{DAY} 13:00:00", "1", "1")])
    assert export(definitions, instance, house)
    assert lake.read(lake.path_of(house.parquet, day)).num_rows == 4


def test_days_and_markets_can_be_chosen(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    for day in (DAY, TOMORROW):
        for market in (BTC, ETH, SOL):
            store_day(store, market, day)
    assert export(definitions, instance, house, first=TOMORROW, last=TOMORROW, markets=[ETH])
    assert archived(house) == [MarketDay(TOMORROW, ETH)]


def test_a_failed_run_is_told_and_the_rest_is_in_the_archive(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    good = store_day(store, BTC)
    store_trades(store, ETH, [(1, f"{DAY} 12:00:00", "NaN", "1")])
    assert not export(definitions, instance, house)
    assert archived(house) == [good]
    with duckdb.connect(str(house.archive), read_only=True) as duck:
        assert duck.execute("SELECT symbol FROM files").fetchall() == [("BTC-USD",)]


def test_an_empty_store_makes_an_empty_archive(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    assert export(definitions, instance, house)
    assert house.archive.exists()


def test_an_archive_that_is_up_to_date_costs_no_run(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    write_archive(house.archive, house.parquet)
    assert export(definitions, instance, house)
    assert instance.get_runs_count() == 0


def test_the_words_of_the_command() -> None:
    given = parser().parse_args(["--first", "2024-08-08", "--market", ETH.key, "--market", BTC.key])
    assert (given.first, given.last, given.market) == (DAY, None, [ETH, BTC])


@pytest.mark.parametrize("words", [["--first", "yesterday"], ["--market", "BTCUSDT"], ["--all"]])
def test_other_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(words)
    assert "usage: python -m alphapulse_pipelines.export" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_archives_and_records_on_the_instance(
    store: Store, database_url: str, tmp_path: Path, dagster_home: Path
) -> None:
    day = store_day(store, ETH)
    home = tmp_path / "home"
    environment = {"ALPHAPULSE_HOME": str(home), "ALPHAPULSE_DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, "-m", "alphapulse_pipelines.export"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert lake.read(lake.path_of(home / "parquet", day)).num_rows == 3
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("trades_parquet")) == {day.key}
