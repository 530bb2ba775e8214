"""Partitions of the archive: one per UTC day and market, keyed `2026-11-21|coinbase/BTC-USD`."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import dagster as dg
from msgspec import Struct

from alphapulse.day import MarketDay
from alphapulse.trade import Market

MARKETS = "markets"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
RUN_MARKETS = (
    25  # of one run: a run costs 5 CPU-seconds and 150 MB, a market a fraction of a second
)

FORBIDDEN = ("...", "|", ",", "[", "]")  # by Dagster, in keys of a multi-partition


class Range(Struct, frozen=True):
    """Some markets' partitions of one day, exported by one run; both ends are included."""

    first: str
    last: str

    @property
    def tags(self) -> dict[str, str]:
        return {RANGE_START: self.first, RANGE_END: self.last}


def market_days(first_day: str) -> dg.MultiPartitionsDefinition:
    """The running day is a partition too, so that it can be looked at before it is over."""
    return dg.MultiPartitionsDefinition(
        {"date": utc_days(first_day), "market": dg.DynamicPartitionsDefinition(name=MARKETS)}
    )


def utc_days(first_day: str) -> dg.DailyPartitionsDefinition:
    """Every UTC day from the first to the running one."""
    return dg.DailyPartitionsDefinition(first_day, timezone="UTC", end_offset=1)


def register(instance: dg.DagsterInstance, markets: Iterable[Market]) -> list[str]:
    """Make every market a partition; gives all of them in the order that ranges follow."""
    fresh = unregistered(instance, markets)
    if fresh:
        instance.add_dynamic_partitions(MARKETS, fresh)
    return list(instance.get_dynamic_partitions(MARKETS))


def unregistered(instance: dg.DagsterInstance, markets: Iterable[Market]) -> list[str]:
    known = set(instance.get_dynamic_partitions(MARKETS))
    return [market.key for market in markets if market.key not in known and is_allowed(market.key)]


def is_allowed(key: str) -> bool:
    """Dagster would refuse the whole request for one such key."""
    return not any(text in key for text in FORBIDDEN)


def ranges(registered: Sequence[str], days: Iterable[MarketDay]) -> Iterator[Range]:
    """As few runs as reach all of `days`.

    A range follows the order of registration and has no holes: a market between two wanted ones is
    exported too.
    """
    places = {key: place for place, key in enumerate(registered)}
    wanted = sorted((day.date, places[day.market.key]) for day in days if day.market.key in places)
    for (date, _), slot in groupby(wanted, key=lambda pair: (pair[0], pair[1] // RUN_MARKETS)):
        found = [place for _, place in slot]
        yield Range(f"{date}|{registered[found[0]]}", f"{date}|{registered[found[-1]]}")
