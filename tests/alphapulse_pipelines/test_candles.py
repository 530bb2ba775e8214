from typing import Any

import dagster as dg
import pytest

from alphapulse import lake
from alphapulse.archive.candles import make_days, widen_days
from alphapulse.archive.export import export_days
from alphapulse.candles import WIDER, BarSize, fold
from alphapulse.lake.candle_files import CANDLE_SCHEMA, path_of_candles
from alphapulse.lake.trades import trades_of
from alphapulse.store.connect import Store
from alphapulse.trade import Market
from alphapulse_pipelines.candles import CANDLES, COLUMNS, FROM_MINUTES, FROM_TRADES, preview
from alphapulse_pipelines.house import House
from alphapulse_pipelines.jobs import nightly_export, renew_candles
from alphapulse_pipelines.partitions import Range, register
from tests.alphapulse.archive.test_candle_audit import tamper
from tests.archived import archive_trades, archived_bars, trade
from tests.stored import BTC, BTC_DAY, DAY, ETH, SOL, store_day, store_market

MARKETS = (BTC, ETH, SOL)
ONE = BarSize.ONE_MINUTE


def run_range(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    *markets: Market,
    job: str = renew_candles.name,
) -> dg.ExecuteInProcessResult:
    keys = register(instance, markets)
    tags = Range(f"{DAY}|{keys[0]}", f"{DAY}|{keys[-1]}").tags
    found = definitions.resolve_job_def(job)
    return found.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def shown(
    instance: dg.DagsterInstance, size: BarSize = ONE
) -> dict[str | None, dict[str, dg.MetadataValue[Any]]]:
    """What each partition's newest materialization says."""
    records = instance.fetch_materializations(CANDLES[size], limit=100).records
    return {
        record.partition_key: dict(record.asset_materialization.metadata)
        for record in records
        if record.asset_materialization
    }


def evaluations(done: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {found.check_name: found for found in done.get_asset_check_evaluations()}


def test_the_nightly_run_makes_candles_of_what_it_exports(
    store: Store, house: House, definitions: dg.Definitions, postgres_instance: dg.DagsterInstance
) -> None:
    days = [store_day(store, market, trades=n + 6) for n, market in enumerate(MARKETS)]
    done = run_range(definitions, postgres_instance, *MARKETS, job=nightly_export.name)
    assert done.success
    keys = {day.key for day in days}
    for size in BarSize:
        assert postgres_instance.get_materialized_partitions(CANDLES[size]) == keys
        for day in days:
            expected = fold(trades_of(lake.path_of(house.parquet, day)), size)
            assert archived_bars(house.candles, size, day) == expected
    found = evaluations(done)
    names = {"candles_agree_with_trades", *(f"candles_{size}_agree_with_1m" for size in WIDER)}
    assert names <= found.keys()
    assert all(found[name].passed for name in names)


def test_a_partition_shows_its_day(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    tape = [trade(n, n * 70_000_000, f"{100 + n % 3}.5", "0.25") for n in range(1, 10)]
    archive_trades(house.parquet, tape)
    assert run_range(definitions, instance, BTC).success
    said = shown(instance)[BTC_DAY.key]
    path = path_of_candles(house.candles, ONE, BTC_DAY)
    assert said["dagster/partition_row_count"].value == 9
    assert said["dagster/uri"].value == str(path)
    assert said["bytes"].value == path.stat().st_size
    prices = [said[name].value for name in ("open", "high", "low", "close")]
    assert prices == [101.5, 102.5, 100.5, 100.5]
    assert (said["volume"].value, said["trades"].value) == (2.25, 9)
    assert said["closes"].value.startswith("![closing prices of the day](data:image/svg+xml")
    table = said["preview"].value.splitlines()
    assert len(table) == 2 + 6
    assert table[2] == "| 00:01 | 101.5 | 101.5 | 101.5 | 101.5 | 0.25 | 1 |"
    assert table[-1].startswith("| 00:10 |")
    assert shown(instance, BarSize.ONE_DAY)[BTC_DAY.key]["dagster/partition_row_count"].value == 1


def test_the_good_partitions_of_a_failed_run_count_and_wider_bars_wait(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    days = [archive_trades(house.parquet, [trade(1, 0, market=market)]) for market in MARKETS]
    lake.path_of(house.parquet, days[1]).write_bytes(b"no longer a file")
    done = run_range(definitions, instance, *MARKETS)
    assert not done.success
    good = {days[0].key, days[2].key}
    assert instance.get_materialized_partitions(CANDLES[ONE]) == good
    assert shown(instance)[days[2].key]["dagster/partition_row_count"].value == 1
    assert not instance.get_materialized_partitions(CANDLES[BarSize.ONE_HOUR])
    failure = done.failure_data_for_node(CANDLES[ONE].to_python_identifier())
    assert failure is not None and failure.user_failure_data is not None
    table = failure.user_failure_data.metadata["failed"]
    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert record.data["partition"] == days[1].key
    assert "is no file of this archive" in str(record.data["reason"])


def test_a_day_without_trades_is_materialised_with_no_rows(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    store_market(store, BTC)
    assert run_range(definitions, instance, BTC, job=nightly_export.name).success
    for size in BarSize:
        (said,) = shown(instance, size).values()
        assert {name: value.value for name, value in said.items()} == {
            "dagster/partition_row_count": 0
        }
    assert not house.candles.exists()


def test_wrong_candles_block_the_wider_ones(
    house: House,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if the fast way had a fault: its file is tampered with before the check looks."""

    def faulty(*words: Any) -> Any:
        yield from make_days(*words)
        tamper(house.candles, ONE, volume=1)

    archive_trades(house.parquet, [trade(1, 0), trade(2, 1)])
    monkeypatch.setattr("alphapulse_pipelines.candles.make_days", faulty)
    done = run_range(definitions, instance, BTC)
    assert not done.success
    found = evaluations(done)["candles_agree_with_trades"]
    assert not found.passed and found.severity is dg.AssetCheckSeverity.ERROR
    table = found.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert record.data["partition"] == BTC_DAY.key
    assert "recomputed, a bar is" in str(record.data["reason"])
    assert not instance.get_materialized_partitions(CANDLES[BarSize.ONE_HOUR])
    assert not path_of_candles(house.candles, BarSize.ONE_HOUR, BTC_DAY).exists()


def test_a_check_run_alone_looks_at_the_newest_days(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    list(make_days(house.parquet, house.candles, [BTC_DAY]))
    list(widen_days(house.candles, [BTC_DAY], BarSize.ONE_HOUR))
    tamper(house.candles, BarSize.ONE_HOUR, trades=9)
    name = "candles_1h_agree_with_1m"
    check = dg.AssetCheckKey(CANDLES[BarSize.ONE_HOUR], name)
    alone = dg.define_asset_job("alone", dg.AssetSelection.checks(check))
    job = dg.Definitions.merge(definitions, dg.Definitions(jobs=[alone])).resolve_job_def("alone")
    (found,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert (found.check_name, found.passed) == (name, False)
    assert found.metadata["offences"].value == 1


def test_the_column_schema_and_its_lineage_are_those_of_the_files() -> None:
    assert [column.name for column in COLUMNS.columns] == CANDLE_SCHEMA.names
    assert list(FROM_TRADES) == list(FROM_MINUTES) == CANDLE_SCHEMA.names
    assert {name for found in FROM_TRADES.values() for name in found} <= set(lake.SCHEMA.names)
    assert {name for found in FROM_MINUTES.values() for name in found} <= set(CANDLE_SCHEMA.names)


def test_a_preview_of_a_short_day_shows_every_bar_once() -> None:
    bars = fold([trade(n, n * ONE.micros, "0.00001234") for n in range(4)], ONE)
    table = preview(bars).splitlines()
    assert [row[2:7] for row in table[2:]] == ["00:00", "00:01", "00:02", "00:03"]
    assert "0.00001234" in table[2]
