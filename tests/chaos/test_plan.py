"""A plan is what its command says, and lies around a midnight."""

from datetime import UTC, datetime

import pytest

from chaos.__main__ import parser, plan_of
from chaos.plan import CLIENTS, MARKETS, PART, PAST, WEIGHTS, Plan, around_midnight


def make_plan(**words: object) -> Plan:
    given = {"seed": 1, "seconds": 60.0, "trades": 100_000, "faults": 50, "start": 0} | words
    return Plan(**given)  # type: ignore[arg-type]  # of a test


def test_the_latest_utc_midnight_lies_in_the_middle() -> None:
    start = around_midnight(datetime(2026, 11, 23, 7, 30, tzinfo=UTC), 600)
    assert datetime.fromtimestamp(start / 1e6, UTC) == datetime(2026, 11, 22, 23, 55, tzinfo=UTC)


@pytest.mark.parametrize("trades", [1000, 100_000, 5_000_000])
def test_at_least_so_many_trades_are_compared_as_were_asked_for(trades: int) -> None:
    plan = make_plan(trades=trades)
    live = sum(plan.trades_of(market.exchange) for market in MARKETS)
    past = sum(int(plan.trades_of(market.exchange) * PART) for market in PAST)
    assert trades - len(PAST) <= live + past < trades * 1.02


def test_the_command_gives_the_same_plan_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.__main__.lacking", dict)
    start = around_midnight(datetime(2026, 11, 23, tzinfo=UTC), 61.5)
    plan = make_plan(seconds=61.5, start=start)
    words = plan.command.removeprefix("python -m chaos ").split()
    again = plan_of(parser().parse_args(words))
    assert again == plan
    assert again.strikes == plan.strikes


def test_a_long_outage_is_one_more_strike_and_stands_in_the_command() -> None:
    plan = make_plan(faults=0, outage=120.0)
    assert [strike.kind for strike in plan.strikes] == ["PostgreSQL away"]
    assert plan.command.endswith("--outage 120")


def test_what_was_left_out_stands_in_the_command() -> None:
    plan = make_plan(without={"disk full": "needs root"})
    assert plan.command.endswith("--without 'disk full'")
    assert "disk full" not in {strike.kind for strike in plan.strikes}


def test_every_market_has_a_weight_and_every_client_knows_its_markets() -> None:
    assert {market.exchange for market in (*MARKETS, *PAST)} == set(WEIGHTS)
    assert all(set(wish.markets) <= {*MARKETS, *PAST} for wish in CLIENTS)
