"""The asset `coverage`: each UTC day's verdicts as a table, renewed when one of them changed."""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import groupby

import dagster as dg
import msgspec
from msgspec import Struct

from alphapulse.coverage import Verdict
from alphapulse.store.connect import Store, connect
from alphapulse.store.days import market_ids, traded_days
from alphapulse.store.judgements import Judged, judge_again, list_coverage, today_of
from alphapulse.store.verdicts import verdict_stands
from alphapulse.trade import Market
from alphapulse_pipelines.assets import OWNERS
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import RANGE_END, RANGE_START, utc_days

AFTER_EXPORT = "40 0 * * *"  # half an hour after the nightly export began
REMEMBERED = timedelta(days=14)  # days whose verdicts the sensor compares; older: any new judgement

judge_coverage = dg.define_asset_job(
    "judge_coverage",
    dg.AssetSelection.assets("coverage"),
    description="Shows each market's verdict of the days asked for; judges what was not judged.",
)


def build_coverage(first_day: str) -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=dg.BetaWarning)
        return coverage_asset(first_day, mapping=dg.MultiToSingleDimensionPartitionMapping("date"))


def coverage_asset(first_day: str, mapping: dg.PartitionMapping) -> dg.AssetsDefinition:
    @dg.asset(
        deps=[dg.AssetDep("trades_parquet", partition_mapping=mapping)],
        partitions_def=utc_days(first_day),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="quality",
        kinds={"postgres"},
        owners=OWNERS,
        code_version="1",
        description="Of each market and UTC day: is every trade there, and if not, what is "
        "missing and why. The proof is in the table `coverage` and in the Parquet files.",
    )
    def coverage(context: dg.AssetExecutionContext, house: dg.ResourceParam[House]) -> None:
        with connect(house.url(), "dagster") as store:
            for key in context.partition_keys:
                found = verdicts_of(store, date.fromisoformat(key))
                context.add_asset_metadata(summary(found), partition_key=key)

    return coverage


def verdicts_of(store: Store, day: date) -> list[Judged]:
    """The day's verdicts; markets that traded and were not judged yet are judged now."""
    known = {Market(row.exchange, row.symbol) for row in list_coverage(store, day)}
    unjudged = [found for found in traded_days(store, day, day) if found.market not in known]
    ids = market_ids(store) if unjudged else {}
    for found in unjudged:
        judge_again(store, ids[found.market], found)
    return list_coverage(store, day)


def summary(found: Sequence[Judged]) -> dict[str, dg.MetadataValue]:
    """Counts that Dagster plots from day to day, then a row per market: what lacks comes first."""
    counts = Counter(row.verdict for row in found)
    numbers: dict[str, int] = {"markets": len(found)}
    numbers |= {verdict.value: counts[verdict.value] for verdict in Verdict}
    numbers |= {
        name: sum(getattr(row, name) or 0 for row in found)
        for name in ("missing", "absent", "repaired", "unexplained")
    }
    shown: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.int(count) for name, count in numbers.items()
    }
    order = sorted(found, key=lambda row: (-(row.missing or 0), row.exchange, row.symbol))
    if order:
        shown["verdicts"] = dg.MetadataValue.table([record(row) for row in order])
    return shown


def record(row: Judged) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "market": Market(row.exchange, row.symbol).key,
            "verdict": row.verdict,
            "stored": row.stored or row.rows or 0,
            "missing": row.missing or 0,
            "absent": row.absent or 0,
            "repaired": row.repaired or 0,
            "observed": "" if row.observed is None else f"{row.observed:.1%}",
            "exported": "no" if row.exported_at is None else "again" if row.reopened_at else "yes",
            "reason": row.reason,
        }
    )


@dg.schedule(
    cron_schedule=AFTER_EXPORT,
    execution_timezone="UTC",
    job=judge_coverage,
    name="nightly_coverage",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Shows yesterday's verdicts, once the nightly export has counted its rows.",
)
def nightly_coverage(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    yesterday = context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
    return dg.RunRequest(run_key=f"coverage {yesterday}", partition_key=str(yesterday))


class Seen(Struct, frozen=True):
    """The sensor's cursor: the newest judgement it saw, and how the last days' verdicts stood."""

    until: datetime | None = None
    stands: dict[date, str] = {}

    @classmethod
    def read(cls, text: str | None) -> "Seen":
        return msgspec.json.decode(text, type=cls) if text else cls()

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


def changed_verdicts_sensor(first_day: str) -> dg.SensorDefinition:
    @dg.sensor(
        job=judge_coverage,
        name="changed_verdicts",
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows the verdicts of days that are over again where one of them changed: a "
        "repair, a late row, an older day loaded. Judges nothing itself; `judge_days` does.",
    )
    def changed_verdicts(
        context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
    ) -> dg.SensorResult:
        seen = Seen.read(context.cursor)
        with connect(house.url(), "dagster", read_only=True) as store:
            recent = today_of(store) - REMEMBERED
            found = list(verdict_stands(store, recent, seen.until))
        first = date.fromisoformat(first_day)
        changed = {
            one.day: one.digest
            for one in found
            if one.day >= first and seen.stands.get(one.day) != one.digest
        }
        until = max((one.judged_at for one in found), default=seen.until)
        stands = {one.day: one.digest for one in found if one.day >= recent}
        return dg.SensorResult(
            run_requests=list(requests(changed)), cursor=str(Seen(until, stands))
        )

    return changed_verdicts


def requests(changed: Mapping[date, str]) -> Iterator[dg.RunRequest]:
    """One run for days that follow one another."""
    for days in stretches(sorted(changed)):
        state = sha256("".join(changed[day] for day in days).encode()).hexdigest()[:16]
        yield dg.RunRequest(
            run_key=f"verdicts {days[0]} to {days[-1]}: {state}",
            tags={RANGE_START: str(days[0]), RANGE_END: str(days[-1])},
        )


def stretches(days: Sequence[date]) -> Iterator[list[date]]:
    """Ordered days, parted where one is left out."""
    for _, group in groupby(enumerate(days), key=lambda pair: pair[1].toordinal() - pair[0]):
        yield [day for _, day in group]
