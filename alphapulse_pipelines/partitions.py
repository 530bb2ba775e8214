"""Partitions of the archive: one per UTC day and market, keyed `2026-11-21|coinbase/BTC-USD`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.instance import DynamicPartitionsStore
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


class MarketDays(dg.MultiPartitionsDefinition):
    """Remembers its keys while days and markets are the same.

    Dagster asks for all of them in each step that is not partitioned itself, and makes 18,250 anew
    each time (a year of 50 markets: a third of a second).
    """

    _of: tuple[Sequence[str], ...] = ()
    _keys: Sequence[dg.MultiPartitionKey] = ()

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[dg.MultiPartitionKey]:
        with partition_loading_context(current_time, dynamic_partitions_store):
            found = tuple(part.partitions_def.get_partition_keys() for part in self.partitions_defs)
            if found != self._of:
                self._keys = super().get_partition_keys()
                self._of = found
        return self._keys


@cache
def market_days(first_day: str) -> MarketDays:
    """The running day is a partition too, so that it can be looked at before it is over."""
    return MarketDays(
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
