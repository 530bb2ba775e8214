import os
import time
from datetime import timedelta

import dagster as dg
import duckdb
import pytest

from alphapulse import lake
from alphapulse.archive import compaction
from alphapulse.store.connect import Store
from alphapulse_pipelines.export import export
from alphapulse_pipelines.house import House
from tests.stored import BTC, DAY, ETH, store_day

DAYS = [DAY + timedelta(days=n) for n in range(2)]


def files(house: House) -> list[str]:
    return [str(file.path.relative_to(house.parquet)) for file in lake.files(house.parquet)]


def test_months_are_compacted_and_their_days_go_the_next_night(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    for day in DAYS:
        store_day(store, BTC, day)
    store_day(store, ETH)
    assert export(definitions, instance, house)
    job = definitions.resolve_job_def("compaction")
    assert job.execute_in_process(instance=instance).success
    assert len(files(house)) == 5, "each month's file beside its days' own"
    for market in (BTC, ETH):
        month = house.parquet / market.key / "2024-08.parquet"
        yesterday = time.time() - compaction.GRACE - 60
        os.utime(month, (yesterday, yesterday))
    assert job.execute_in_process(instance=instance).success
    assert files(house) == ["coinbase/BTC-USD/2024-08.parquet", "kraken/ETH_USD/2024-08.parquet"]
    with duckdb.connect(str(house.archive), read_only=True) as duck:
        assert duck.execute("SELECT count(*) FROM trades").fetchall() == [(9,)]
        assert duck.execute("SELECT count(*) FROM coverage").fetchall() == [(3,)]
    assert export(definitions, instance, house)
    assert len(files(house)) == 2, "nothing is exported anew"


def test_a_month_that_fails_fails_the_run_and_leaves_its_days(
    store: Store,
    house: House,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_day(store, BTC)
    assert export(definitions, instance, house)

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(lake, "put_in_place", fail)
    job = definitions.resolve_job_def("compaction")
    assert not job.execute_in_process(instance=instance, raise_on_error=False).success
    assert files(house) == ["coinbase/BTC-USD/2024-08-08.parquet"]
