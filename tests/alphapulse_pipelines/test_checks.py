from datetime import timedelta

import dagster as dg

from alphapulse import lake
from alphapulse.archive.audit import Offence
from alphapulse.archive.export import export_days
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse_pipelines.checks import completeness, verdict
from alphapulse_pipelines.house import House
from tests.alphapulse.test_lake import Row, certify, write
from tests.stored import BTC, BTC_DAY, DAY, store_day, store_trades


def evaluate(
    definitions: dg.Definitions, instance: dg.DagsterInstance, name: str
) -> dg.AssetCheckEvaluation:
    """One check run alone, as a person does from its page."""
    check = dg.AssetCheckKey(dg.AssetKey("trades_parquet"), name)
    alone = dg.define_asset_job("alone", dg.AssetSelection.checks(check))
    job = dg.Definitions.merge(definitions, dg.Definitions(jobs=[alone])).resolve_job_def("alone")
    (evaluation,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    return evaluation


def test_a_late_trade_makes_the_rows_differ(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    assert evaluate(definitions, instance, "rows_match_store").passed
    store_trades(store, BTC, [(99, "2024-08-08 12:00:00", "1", "1")])
    found = evaluate(definitions, instance, "rows_match_store")
    assert not found.passed
    assert found.metadata["offences"].value == 1


def test_a_file_that_was_tampered_with_is_not_whole(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    write(lake.path_of(house.parquet, BTC_DAY), [Row(1), Row(3)], certify())
    assert not evaluate(definitions, instance, "certificate_verifies").passed


def test_an_incomplete_day_is_a_warning_that_names_it(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    whole, first = store_days(store)
    list(export_days(house.url(), house.parquet, [whole]))
    assert evaluate(definitions, instance, "coverage_is_complete").passed
    list(export_days(house.url(), house.parquet, [first]))
    found = evaluate(definitions, instance, "coverage_is_complete")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (found.metadata["rows"].value, found.metadata["expected"].value) == (4, 4)
    table = found.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert (record.data["partition"], record.data["verdict"]) == (first.key, "incomplete")
    assert "nobody saw its beginning" in str(record.data["reason"])


def store_days(store: Store) -> list[MarketDay]:
    """A day that is whole, and the one before it, whose beginning nobody saw."""
    times = ["2024-08-07 23:00:00", "2024-08-08 01:00:00", "2024-08-08 02:00:00"]
    later = ["2024-08-08 03:00:00", "2024-08-09 01:00:00"]
    rows = [(id, at, "1", "1") for id, at in enumerate(times + later, 1)]
    store_trades(store, BTC, rows)
    return [MarketDay(DAY - timedelta(days=back), BTC) for back in (0, 1)]


def test_absent_ids_pass_and_a_file_of_version_1_is_not_judged() -> None:
    assert completeness([certify(verdict="complete with absences", absent=2)]).passed
    found = completeness([certify(), certify(verdict="complete")])
    assert not found.passed
    table = found.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    assert table.records[0].data["reason"] == "certificate of version 1"


def test_a_verdict_lists_every_offence() -> None:
    found = verdict([Offence(BTC_DAY, "one"), Offence(BTC_DAY, "two")])
    assert not found.passed
    table = found.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["reason"] for record in table.records] == ["one", "two"]


def test_no_offence_is_a_pass() -> None:
    assert verdict([]).passed
