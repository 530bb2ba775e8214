"""The assets of candles: bars of one minute from the trades' file, and wider ones from those."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import dagster as dg

from alphapulse.archive.candles import Made, NotMade, Outcome, make_days, widen_days
from alphapulse.candles import WIDER, BarSize, Candle
from alphapulse.day import MarketDay
from alphapulse.lake.candle_files import bars_of
from alphapulse_pipelines.assets import OWNERS, POOL_OF_ONE_RUN
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import market_days
from alphapulse_pipelines.plots import markdown_table, plain, sparkline
from alphapulse_pipelines.pools import LAKE
from alphapulse_pipelines.recording import record

TRADES = dg.AssetKey("trades_parquet")
CANDLES = {size: dg.AssetKey(f"candles_{size}") for size in BarSize}
SHOWN = 3  # bars at each end of a day's preview

PRICE = "exact, in quote currency"
COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("exchange", "string"),
        dg.TableColumn("symbol", "string", "the exchange's own spelling"),
        dg.TableColumn("opened_at", "timestamp[us, UTC]", "where the bar begins"),
        dg.TableColumn("open", "decimal128(38, 18)", PRICE),
        dg.TableColumn("high", "decimal128(38, 18)", PRICE),
        dg.TableColumn("low", "decimal128(38, 18)", PRICE),
        dg.TableColumn("close", "decimal128(38, 18)", PRICE),
        dg.TableColumn("volume", "decimal128(38, 18)", "exact, in base currency"),
        dg.TableColumn("buy_volume", "decimal128(38, 18)", "of it: the taker bought"),
        dg.TableColumn("quote_volume", "decimal128(38, 18)", "sum of price x size"),
        dg.TableColumn("trades", "int64", "how many"),
        dg.TableColumn("first_id", "int64", "smallest trade id"),
        dg.TableColumn("last_id", "int64", "largest trade id"),
    ]
)

PRICES = ["open", "high", "low", "close"]
FROM_TRADES = {
    "exchange": ["exchange"],
    "symbol": ["symbol"],
    "opened_at": ["traded_at"],
    "open": ["price", "traded_at", "trade_id"],
    "high": ["price"],
    "low": ["price"],
    "close": ["price", "traded_at", "trade_id"],
    "volume": ["size"],
    "buy_volume": ["size", "side"],
    "quote_volume": ["price", "size"],
    "trades": ["trade_id"],
    "first_id": ["trade_id"],
    "last_id": ["trade_id"],
}
FROM_MINUTES = {column.name: [column.name] for column in COLUMNS.columns} | {
    name: [name, "opened_at"] for name in ("open", "close")
}


def build_candles(first_day: str) -> list[dg.AssetsDefinition]:
    """`candles_1m` to `candles_1d`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
        return [candles_1m(first_day), *(wider_candles(first_day, size) for size in WIDER)]


def candles_1m(first_day: str) -> dg.AssetsDefinition:
    def make(house: House, days: Sequence[MarketDay]) -> Iterable[Outcome]:
        return make_days(house.parquet, house.candles, days)

    return asset_of(first_day, BarSize.ONE_MINUTE, TRADES, FROM_TRADES, make)


def wider_candles(first_day: str, size: BarSize) -> dg.AssetsDefinition:
    def make(house: House, days: Sequence[MarketDay]) -> Iterable[Outcome]:
        return widen_days(house.candles, days, size)

    return asset_of(first_day, size, CANDLES[BarSize.ONE_MINUTE], FROM_MINUTES, make)


def asset_of(
    first_day: str,
    size: BarSize,
    source: dg.AssetKey,
    columns: dict[str, list[str]],
    make: Callable[[House, Sequence[MarketDay]], Iterable[Outcome]],
) -> dg.AssetsDefinition:
    @dg.asset(
        key=CANDLES[size],
        deps=[source],
        partitions_def=market_days(first_day),
        backfill_policy=dg.BackfillPolicy.multi_run(POOL_OF_ONE_RUN),
        pool=LAKE,
        group_name="core",
        kinds={"parquet", "duckdb"},
        owners=OWNERS,
        code_version="1",
        metadata={
            "dagster/column_schema": COLUMNS,
            "dagster/column_lineage": lineage(source, columns),
        },
        description=f"Bars of {size} of one market and UTC day, from `{source.to_user_string()}`: "
        f"candles/{size}/{{exchange}}/{{symbol}}/{{date}}.parquet, exact, read back and compared "
        "before it counts. Only bars with trades exist.",
    )
    def candles(context: dg.AssetExecutionContext, house: dg.ResourceParam[House]) -> None:
        tell(context, make(house, [MarketDay.from_key(key) for key in context.partition_keys]))

    return candles


def lineage(source: dg.AssetKey, columns: dict[str, list[str]]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            name: [dg.TableColumnDep(asset_key=source, column_name=column) for column in found]
            for name, found in columns.items()
        }
    )


def tell(context: dg.AssetExecutionContext, outcomes: Iterable[Outcome]) -> None:
    made: dict[str, dict[str, dg.MetadataValue]] = {}
    failed: dict[str, str] = {}
    for outcome in outcomes:
        if isinstance(outcome, NotMade):
            failed[outcome.day.key] = outcome.reason
        else:
            made[outcome.day.key] = numbers(outcome)
    record(context, made, failed)


def numbers(done: Made) -> dict[str, dg.MetadataValue]:
    """What one partition shows; a day without trades has no file."""
    if done.certificate is None or done.path is None:
        return {"dagster/partition_row_count": dg.MetadataValue.int(0)}
    words = done.certificate
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(words.bars),
        "trades": dg.MetadataValue.int(words.trades),
        "bytes": dg.MetadataValue.int(done.bytes),
        "dagster/uri": dg.MetadataValue.path(str(done.path)),
        "day_closed": dg.MetadataValue.bool(words.day_closed),
        "simulated": dg.MetadataValue.bool(words.simulated),
        "trades checksum": dg.MetadataValue.text(words.trades_checksum or ""),
        **day_of(list(bars_of(done.path))),
    }


def day_of(bars: Sequence[Candle]) -> dict[str, dg.MetadataValue]:
    """The whole day for people, rounded to what Dagster plots; file and preview are exact."""
    day = {
        "open": bars[0].open,
        "high": max(bar.high for bar in bars),
        "low": min(bar.low for bar in bars),
        "close": bars[-1].close,
        "volume": sum((bar.volume for bar in bars), Decimal(0)),
    }
    shown: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.float(float(number)) for name, number in day.items()
    }
    closes = [bar.close for bar in bars]
    return shown | {
        "closes": dg.MetadataValue.md(sparkline(closes, "closing prices of the day")),
        "preview": dg.MetadataValue.md(preview(bars)),
    }


def preview(bars: Sequence[Candle]) -> str:
    """The day's first and last bars, times in UTC."""
    ends = bars if len(bars) <= 2 * SHOWN else [*bars[:SHOWN], *bars[-SHOWN:]]
    rows = (
        [clock(bar), *(plain(getattr(bar, name)) for name in PRICES), plain(bar.volume),
         bar.trades]
        for bar in ends
    )  # fmt: skip
    return markdown_table(["UTC", *PRICES, "volume", "trades"], rows)


def clock(bar: Candle) -> str:
    minutes = bar.opened_at // 60_000_000 % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"
