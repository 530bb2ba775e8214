"""The jobs: what is made together in one run."""

import dagster as dg

nightly_export = dg.define_asset_job(
    "nightly_export",
    dg.AssetSelection.assets("trades_parquet", "market_data"),
    description="Exports the partitions of a range and renews market_data.duckdb.",
)

renew_market_data = dg.define_asset_job(
    "renew_market_data",
    dg.AssetSelection.assets("market_data"),
    description="Renews market_data.duckdb alone.",
)
