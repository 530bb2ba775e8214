"""What Dagster made, Dagster gives back: any partition, in the type that is asked for."""

from decimal import Decimal
from pathlib import Path

import dagster as dg
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from duckdb import DuckDBPyConnection

from alphapulse import lake
from alphapulse.archive.candles import Made, make_days
from alphapulse.archive.export import Exported, export_days
from alphapulse.archive.market_data import write_archive
from alphapulse.store.connect import Store
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import register
from alphapulse_pipelines.reading import ArchiveReader, NothingToLoad
from tests.stored import BTC, BTC_DAY, DAY, ETH, SOL, store_day

PARQUET = dg.AssetKey("trades_parquet")
KEY = "2024-08-08|coinbase/BTC-USD"


@pytest.fixture
def archived(store: Store, house: House, instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """Three markets' day in the archive, as partitions."""
    days = [store_day(store, market, trades=n) for n, market in enumerate((BTC, ETH, SOL), 1)]
    assert all(isinstance(done, Exported) for done in export_days(house.url(), house.parquet, days))
    write_archive(house.archive, house.parquet)
    register(instance, (BTC, ETH, SOL))
    return instance


def test_a_partition_is_a_frame_of_pandas(
    definitions: dg.Definitions, archived: dg.DagsterInstance
) -> None:
    assert BTC_DAY.key == KEY
    frame = definitions.load_asset_value(
        PARQUET, python_type=pd.DataFrame, partition_key=KEY, instance=archived
    )
    assert isinstance(frame, pd.DataFrame)
    assert list(frame["trade_id"]) == [1]
    assert frame["price"].iloc[0] == Decimal("100.1")


def test_a_partition_is_what_is_asked_for(
    definitions: dg.Definitions, archived: dg.DagsterInstance
) -> None:
    with definitions.get_asset_value_loader(instance=archived) as loader:
        for kind in (pa.Table, ds.Dataset, pl.DataFrame, pl.LazyFrame):
            found = loader.load_asset_value(PARQUET, python_type=kind, partition_key=KEY)
            assert isinstance(found, kind)


def test_a_range_is_one_frame_market_by_market(
    definitions: dg.Definitions, archived: dg.DagsterInstance
) -> None:
    with definitions.get_asset_value_loader(instance=archived) as loader:
        table = loader.load_asset_value(
            PARQUET,
            python_type=pa.Table,
            partition_key_range=dg.PartitionKeyRange(f"{DAY}|{BTC.key}", f"{DAY}|{SOL.key}"),
        )
    assert isinstance(table, pa.Table)
    assert table.schema.equals(lake.SCHEMA)
    assert table["exchange"].to_pylist() == ["binance"] * 3 + ["coinbase"] + ["kraken"] * 2


def test_candles_are_read_from_their_own_place(
    house: House, definitions: dg.Definitions, archived: dg.DagsterInstance
) -> None:
    (made,) = make_days(house.parquet, house.candles, [BTC_DAY])
    assert isinstance(made, Made)
    frame = definitions.load_asset_value(
        "candles_1m", python_type=pl.DataFrame, partition_key=KEY, instance=archived
    )
    assert isinstance(frame, pl.DataFrame)
    assert frame["close"].to_list() == [Decimal("100.1")]


def test_the_archive_is_an_open_duckdb_or_its_path(
    house: House, definitions: dg.Definitions, archived: dg.DagsterInstance
) -> None:
    duck = definitions.load_asset_value("market_data", instance=archived)
    assert isinstance(duck, DuckDBPyConnection)
    assert duck.execute("SELECT count(*) FROM trades").fetchall() == [(6,)]
    duck.close()
    path = definitions.load_asset_value("market_data", python_type=Path, instance=archived)
    assert path == house.archive


def test_what_was_not_made_is_said(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    register(instance, [BTC])
    with pytest.raises(NothingToLoad, match=r"no file of 2024-08-08\|coinbase/BTC-USD: material"):
        definitions.load_asset_value(PARQUET, partition_key=KEY, instance=instance)
    with pytest.raises(NothingToLoad, match="trades has no files; look at it with"):
        ArchiveReader(House(Path(), Path(), str)).days_of("trades", [])
    with pytest.raises(NothingToLoad, match="name one"):
        definitions.load_asset_value(PARQUET, instance=instance)
    with pytest.raises(NothingToLoad, match=r"no market_data.duckdb yet"):
        definitions.load_asset_value("market_data", instance=instance)


def test_an_asset_that_returns_something_is_refused(house: House) -> None:
    @dg.asset
    def heavy() -> int:
        return 1

    done = dg.materialize(
        [heavy], resources={"io_manager": ArchiveReader(house)}, raise_on_error=False
    )
    assert not done.success
    failure = done.failure_data_for_node("heavy")
    assert failure is not None and failure.error is not None
    assert "heavy returned a int: assets of this archive write their files themselves" in str(
        failure.error
    )
