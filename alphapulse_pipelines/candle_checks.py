"""Checks of candles, over the partitions of the run: unpartitioned, as those of the trades."""

from collections.abc import Iterable

import dagster as dg

from alphapulse.archive.audit import Offence
from alphapulse.archive.candle_audit import compare_with_minutes, compare_with_trades
from alphapulse.candles import WIDER, BarSize
from alphapulse_pipelines.candles import CANDLES
from alphapulse_pipelines.checks import days_of
from alphapulse_pipelines.house import House
from alphapulse_pipelines.recording import partitions_table


@dg.asset_check(
    asset=CANDLES[BarSize.ONE_MINUTE],
    blocking=True,
    description="Each file of the run, recomputed from the trades' file by other code: bars, "
    "prices, volumes, counts, ids. Wider bars are not made of wrong ones.",
)
def candles_agree_with_trades(
    context: dg.AssetCheckExecutionContext, house: dg.ResourceParam[House]
) -> dg.AssetCheckResult:
    return judgement(compare_with_trades(house.parquet, house.candles, days_of(context, house)))


def wider_check(size: BarSize) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=CANDLES[size],
        name=f"candles_{size}_agree_with_1m",
        description=f"Each file of the run holds the bars of one minute, merged to {size}: none "
        "is missing, none counted twice.",
    )
    def agrees(
        context: dg.AssetCheckExecutionContext, house: dg.ResourceParam[House]
    ) -> dg.AssetCheckResult:
        return judgement(compare_with_minutes(house.candles, days_of(context, house), size))

    return agrees


def judgement(offences: Iterable[Offence]) -> dg.AssetCheckResult:
    """An error that lists the market-days; blocking where the check says so."""
    found = {offence.day.key: offence.reason for offence in offences}
    if not found:
        return dg.AssetCheckResult(passed=True)
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"offences": len(found), "list": partitions_table(found)},
    )


CANDLE_CHECKS = [candles_agree_with_trades, *(wider_check(size) for size in WIDER)]
