"""Sensors of coverage: late rows reopen a day, and days are judged again until they are settled."""

from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import sha256

import dagster as dg
import msgspec
from msgspec import Struct

from alphapulse.day import MarketDay
from alphapulse.store.connect import connect
from alphapulse.store.days import market_ids
from alphapulse.store.judgements import days_to_judge, judge_again, today_of
from alphapulse.store.reopening import Reopened, look_for_late_rows, reopened_days
from alphapulse.store.stream import epoch
from alphapulse_pipelines.house import House
from alphapulse_pipelines.jobs import nightly_export
from alphapulse_pipelines.partitions import MARKETS, ranges
from alphapulse_pipelines.sensors import RUNNING


class Place(Struct, frozen=True):
    """The sensor's cursor: where the next look begins, and the exports it asked for already.

    `life`: of which database `since` speaks; after a restore transactions are counted anew.
    """

    since: int | None = None
    asked: tuple[str, ...] = ()
    life: str = ""

    @classmethod
    def read(cls, text: str | None) -> "Place":
        return msgspec.json.decode(text, type=cls) if text else cls()

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


def reopened_days_sensor(first_day: str) -> dg.SensorDefinition:
    @dg.sensor(
        job=nightly_export,
        name="reopened_days",
        minimum_interval_seconds=60,
        default_status=RUNNING,
        description="Looks for rows that came after their day was exported, whoever inserted them, "
        "and asks for another export; once for each file that is out of date.",
    )
    def reopened(
        context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
    ) -> dg.SensorResult:
        place = Place.read(context.cursor)
        with connect(house.url(), "dagster") as store:
            life = epoch(store)
            since = look_for_late_rows(store, place.since if place.life == life else None)
            waiting = reopened_days(store)
        markets = context.instance.get_dynamic_partitions(MARKETS)
        first = date.fromisoformat(first_day)
        known = [r for r in waiting if r.day.date >= first and r.day.market.key in markets]
        fresh = [found for found in known if found.key not in place.asked]
        return dg.SensorResult(
            run_requests=list(requests(markets, fresh)),
            cursor=str(Place(since, tuple(found.key for found in known), life)),
        )

    return reopened


def requests(markets: Sequence[str], fresh: Sequence[Reopened]) -> Iterator[dg.RunRequest]:
    """The run key tells states of files apart, so that a tick that is repeated asks for nothing."""
    state = sha256("".join(found.key for found in fresh).encode()).hexdigest()[:16]
    for part in ranges(markets, [found.day for found in fresh]):
        key = f"reopened {state}: {part.first} to {part.last}"
        yield dg.RunRequest(run_key=key, tags=part.tags | {"alphapulse/reopened": state})


@dg.sensor(
    minimum_interval_seconds=600,
    default_status=RUNNING,
    description="Judges yesterday and today of every market, and again the days of the last week "
    "that are not complete: a repair, or the next trade, may have settled them. Starts no run.",
)
def judge_days(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SkipReason:
    with connect(house.url(), "dagster") as store:
        ids = market_ids(store)
        days = days_to_judge(store, today_of(store))
        for day in days:
            judge_again(store, ids[day.market], day)
    return dg.SkipReason(f"judged {count(days)}")


def count(days: Sequence[MarketDay]) -> str:
    return "1 market-day" if len(days) == 1 else f"{len(days)} market-days"
