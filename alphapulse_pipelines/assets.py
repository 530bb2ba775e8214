"""The assets. A body says what is told to Dagster; the work is in `alphapulse.archive`."""

import warnings
from collections.abc import Iterable

import dagster as dg

from alphapulse import lake
from alphapulse.archive.export import Exported, Failed, export_days
from alphapulse.archive.market_data import write_archive
from alphapulse.archive.previewing import Look, previewing
from alphapulse.candles import BarSize
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import market_days
from alphapulse_pipelines.pools import LAKE
from alphapulse_pipelines.previews import shown
from alphapulse_pipelines.recording import record

OWNERS = ["team:alphapulse"]
POOL_OF_ONE_RUN = 100  # partitions: each is announced before the run starts, and thousands time out

COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("exchange", "string"),
        dg.TableColumn("symbol", "string", "the exchange's own spelling"),
        dg.TableColumn("trade_id", "int64", "the exchange's"),
        dg.TableColumn("traded_at", "timestamp[us, UTC]", "the exchange's clock; decides the day"),
        dg.TableColumn("price", "decimal128(38, 18)", "exact, in quote currency"),
        dg.TableColumn("size", "decimal128(38, 18)", "exact, in base currency"),
        dg.TableColumn("side", "string", "the taker's: buy or sell"),
        dg.TableColumn("received_at", "timestamp[us, UTC]", "our clock"),
        dg.TableColumn("source", "string", "live, snapshot or backfill"),
    ]
)

trades = dg.AssetSpec(
    "trades",
    description="Every public trade, as the collectors store it in PostgreSQL. "
    "Dagster observes it and never makes it.",
    group_name="raw",
    kinds={"postgres"},
    owners=OWNERS,
    metadata={"dagster/column_schema": COLUMNS, "dagster/table_name": "market_trades"},
)


def build_trades_parquet(first_day: str) -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
        return trades_parquet(first_day)


def trades_parquet(first_day: str) -> dg.AssetsDefinition:
    @dg.asset(
        deps=[trades],
        partitions_def=market_days(first_day),
        backfill_policy=dg.BackfillPolicy.multi_run(POOL_OF_ONE_RUN),
        pool=LAKE,
        group_name="core",
        kinds={"parquet", "duckdb"},
        owners=OWNERS,
        code_version="1",
        metadata={"dagster/column_schema": COLUMNS},
        description="One market's trades of one UTC day, by the exchange's clock: "
        "parquet/{exchange}/{symbol}/{date}.parquet, exact, in order, read back and compared "
        "before it counts.",
    )
    def trades_parquet(context: dg.AssetExecutionContext, house: dg.ResourceParam[House]) -> None:
        days = [MarketDay.from_key(key) for key in context.partition_keys]
        outcomes = list(export_days(house.url(), house.parquet, days))
        made = [done for done in outcomes if isinstance(done, Exported)]
        failed = {one.day.key: one.reason for one in outcomes if isinstance(one, Failed)}
        record(context, shown_days(made), failed)

    return trades_parquet


def shown_days(exported: Iterable[Exported]) -> dict[str, dict[str, dg.MetadataValue]]:
    with previewing() as look:
        return {done.day.key: look_into(look, done) | numbers(done) for done in exported}


def look_into(look: Look, done: Exported) -> dict[str, dg.MetadataValue]:
    """What people look at first; not where the file holds other days too."""
    if done.certificate is None or done.path is None or lake.is_month(done.path):
        return {}
    return shown(look(done.path, done.certificate.rows))


def numbers(done: Exported) -> dict[str, dg.MetadataValue]:
    """What one partition shows; a day without trades has no file."""
    shown: dict[str, dg.MetadataValue] = {"dagster/partition_row_count": dg.MetadataValue.int(0)}
    if done.certificate and done.path:
        words = done.certificate
        shown = {
            "dagster/partition_row_count": dg.MetadataValue.int(words.rows),
            "first_id": dg.MetadataValue.text(str(words.first_id)),
            "last_id": dg.MetadataValue.text(str(words.last_id)),
            "day_closed": dg.MetadataValue.bool(words.day_closed),
            "simulated": dg.MetadataValue.bool(words.simulated),
            "bytes": dg.MetadataValue.int(done.bytes),
            "bytes per row": dg.MetadataValue.float(round(done.bytes / words.rows, 2)),
            "dagster/uri": dg.MetadataValue.path(str(done.path)),
            "checksum": dg.MetadataValue.text(words.checksum or ""),
        }
        shown |= coverage_of(words)
    return shown


def coverage_of(words: Certificate) -> dict[str, dg.MetadataValue]:
    """What the file certifies of its completeness; numbers only where ids are consecutive."""
    shown: dict[str, dg.MetadataValue] = {
        "verdict": dg.MetadataValue.text(words.verdict or ""),
        "reason": dg.MetadataValue.text(words.reason or ""),
        "observed": dg.MetadataValue.float(words.observed or 0.0),
    }
    counts = {
        "expected": words.expected,
        "missing": words.missing,
        "absent": words.absent,
        "repaired": words.repaired,
        "unexplained": words.unexplained,
    }
    return shown | {
        name: dg.MetadataValue.int(count) for name, count in counts.items() if count is not None
    }


@dg.asset(
    deps=["trades_parquet", *(f"candles_{size}" for size in BarSize), "coverage"],
    group_name="out",
    kinds={"duckdb"},
    owners=OWNERS,
    code_version="1",
    description="market_data.duckdb: views, a macro and a list of files over the Parquet files. "
    "Replaced as a whole, so that notebooks read while it is written.",
)
def market_data(context: dg.AssetExecutionContext, house: dg.ResourceParam[House]) -> None:
    archived = write_archive(
        house.archive, house.parquet, candles=house.candles, store_url=house.url()
    )
    context.add_asset_metadata(
        {
            "dagster/row_count": archived.rows,
            "dagster/uri": dg.MetadataValue.path(str(house.archive)),
            "files": archived.files,
            "markets": archived.markets,
            "bytes": archived.bytes,
            "days": f"{archived.first_day} to {archived.last_day}",
        }
    )
