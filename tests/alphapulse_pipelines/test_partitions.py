from datetime import date, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.day import MarketDay
from alphapulse.trade import Market
from alphapulse_pipelines.partitions import (
    MARKETS,
    RANGE_END,
    RANGE_START,
    RUN_MARKETS,
    Range,
    market_days,
    ranges,
    register,
    unregistered,
)
from tests.stored import BTC, DAY, ETH, SOL

NAMES = [f"kraken/M{n}" for n in range(60)]
TOMORROW = DAY + timedelta(days=1)


def days_of(*places: int, on: date = DAY) -> list[MarketDay]:
    return [MarketDay(on, Market.from_key(NAMES[place])) for place in places]


def test_partition_keys_are_those_of_market_days(instance: dg.DagsterInstance) -> None:
    register(instance, [BTC, ETH])
    found = market_days("2024-08-08")
    keys = found.get_partition_keys(dynamic_partitions_store=instance)
    assert MarketDay(DAY, BTC).key in keys
    assert MarketDay(TOMORROW, ETH).key in keys


def test_keys_are_made_anew_when_a_market_comes(instance: dg.DagsterInstance) -> None:
    found = market_days("2024-08-08")
    register(instance, [BTC])
    before = found.get_partition_keys(dynamic_partitions_store=instance)
    assert found.get_partition_keys(dynamic_partitions_store=instance) is before
    register(instance, [ETH])
    after = found.get_partition_keys(dynamic_partitions_store=instance)
    assert len(after) == 2 * len(before) and set(before) < set(after)


def test_the_running_day_is_a_partition() -> None:
    days = market_days("2024-01-01").get_partitions_def_for_dimension("date")
    at = MarketDay(DAY, BTC).starts_at + timedelta(hours=1)
    assert days.get_partition_keys(current_time=at)[-1] == str(DAY)


def test_a_market_is_registered_once(instance: dg.DagsterInstance) -> None:
    assert register(instance, [ETH, BTC]) == [ETH.key, BTC.key]
    assert register(instance, [SOL, BTC]) == [ETH.key, BTC.key, SOL.key]
    assert unregistered(instance, [BTC, ETH, SOL]) == []


@pytest.mark.parametrize("name", ["a|b", "a,b", "[a]", "a...b", "a\nb", "a/b", "50%", "Ü"])
def test_an_odd_symbol_stops_no_other_market(instance: dg.DagsterInstance, name: str) -> None:
    register(instance, [Market("kraken", name), BTC])
    assert BTC.key in instance.get_dynamic_partitions(MARKETS)


def test_one_day_of_a_few_markets_is_one_range() -> None:
    assert list(ranges(NAMES, days_of(3, 4, 9))) == [
        Range("2024-08-08|kraken/M3", "2024-08-08|kraken/M9")
    ]


def test_a_range_is_told_to_dagster_by_tags() -> None:
    assert Range("a", "b").tags == {RANGE_START: "a", RANGE_END: "b"}


def test_two_days_are_two_ranges() -> None:
    found = list(ranges(NAMES, days_of(1, 2) + days_of(1, on=TOMORROW)))
    assert [part.first for part in found] == ["2024-08-08|kraken/M1", "2024-08-09|kraken/M1"]


def test_many_markets_are_parted_into_runs() -> None:
    found = list(ranges(NAMES, days_of(*range(60))))
    assert [part.first for part in found] == [
        "2024-08-08|kraken/M0",
        "2024-08-08|kraken/M25",
        "2024-08-08|kraken/M50",
    ]


def test_a_market_that_dagster_does_not_know_is_left_out() -> None:
    assert list(ranges(NAMES, [MarketDay(DAY, BTC)])) == []


@given(st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59)))
def test_ranges_reach_every_wanted_day_and_stay_small(today: set[int], later: set[int]) -> None:
    wanted = days_of(*today) + days_of(*later, on=TOMORROW)
    reached: list[str] = []
    for part in ranges(NAMES, wanted):
        day, _, first = part.first.partition("|")
        last = part.last.removeprefix(f"{day}|")
        markets = NAMES[NAMES.index(first) : NAMES.index(last) + 1]
        assert 1 <= len(markets) <= RUN_MARKETS
        reached += [f"{day}|{market}" for market in markets]
    assert {day.key for day in wanted} <= set(reached)
    assert len(reached) == len(set(reached))
