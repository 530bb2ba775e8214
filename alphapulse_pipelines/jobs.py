"""The jobs: what is made together in one run."""

import dagster as dg

from alphapulse.candles import BarSize

CANDLES = dg.AssetSelection.assets(*(f"candles_{size}" for size in BarSize))

nightly_export = dg.define_asset_job(
    "nightly_export",
    dg.AssetSelection.assets("trades_parquet", "market_data") | CANDLES,
    description="Exports the partitions of a range, makes their candles and renews "
    "market_data.duckdb.",
)

renew_market_data = dg.define_asset_job(
    "renew_market_data",
    dg.AssetSelection.assets("market_data"),
    description="Renews market_data.duckdb alone.",
)

renew_candles = dg.define_asset_job(
    "renew_candles",
    CANDLES,
    description="Makes the candles of a range from the files of trades that are there.",
)
