"""How Dagster gives back what it made: `load_asset_value` for any partition of the archive.

    with definitions.get_asset_value_loader(instance=instance) as loader:
        loader.load_asset_value(
            AssetKey("trades_parquet"),
            python_type=pandas.DataFrame,
            partition_key="2026-11-21|coinbase/BTC-USD",
        )

The assets write their files themselves and return nothing: a day need not fit into memory.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from alphapulse import lake
from alphapulse.archive.reading import open_archive
from alphapulse.day import MarketDay
from alphapulse.lake.candle_files import CANDLE_SCHEMA
from alphapulse.lake.frames import days_at, read_as
from alphapulse_pipelines.house import House

CANDLES = "candles_"


class NothingToLoad(Exception):
    """There is no such value; the message says what to make or ask first."""


class ArchiveReader(dg.IOManager):
    """Reads what the assets have written; as pandas, Polars, an Arrow table or an Arrow dataset.

    Several partitions come market by market, and each market's in order of time.
    """

    def __init__(self, house: House) -> None:
        self.house = house

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        if obj is not None:
            raise TypeError(
                f"{context.asset_key.to_user_string()} returned a {type(obj).__name__}: assets of "
                "this archive write their files themselves and return None"
            )

    def load_input(self, context: dg.InputContext) -> Any:
        """Raises NothingToLoad."""
        asset = context.asset_key.to_user_string()
        kind = context.dagster_type.typing_type
        if asset == "market_data":
            return self.load_archive(kind)
        if not context.has_asset_partitions:
            raise NothingToLoad(f"{asset} has a partition for each market and day: name one")
        keys = context.asset_partition_keys
        dataset = self.days_of(asset, [MarketDay.from_key(key) for key in keys])
        if dataset is None:
            named = keys[0] if len(keys) == 1 else f"{keys[0]} to {keys[-1]}"
            raise NothingToLoad(
                f"{asset} has no file of {named}: materialize it first; "
                "a day without trades has none"
            )
        return read_as(dataset, kind)

    def days_of(self, asset: str, days: Sequence[MarketDay]) -> Any | None:
        if asset == "trades_parquet":
            folder, schema = self.house.parquet, lake.SCHEMA
        elif asset.startswith(CANDLES):
            folder, schema = self.house.candles / asset.removeprefix(CANDLES), CANDLE_SCHEMA
        else:
            raise NothingToLoad(f"{asset} has no files; look at it with alphapulse.open_archive()")
        return days_at(sorted(lake.path_of(folder, day) for day in days), schema)

    def load_archive(self, kind: Any) -> Any:
        """An open DuckDB over the archive; or its path, if that is asked for."""
        if not self.house.archive.exists():
            raise NothingToLoad("there is no market_data.duckdb yet: materialize market_data first")
        return self.house.archive if kind is Path else open_archive(self.house.archive)
