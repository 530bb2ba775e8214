from decimal import Decimal
from functools import reduce
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.candles import WIDER, BarSize, BarTooLarge, bar_of, fold, merge, quote_of, widen
from alphapulse.trade import Side, Trade
from tests.archived import micros_of, tapes, trade
from tests.stored import DAY

MINUTE = 60_000_000
MIDNIGHT = micros_of(DAY)


def test_a_bar_holds_what_its_trades_say() -> None:
    tape = [
        trade(1, 0, "10", "1"),
        trade(2, 1, "12", "0.5", Side.SELL),
        trade(3, 59_999_999, "9", "2"),
        trade(4, MINUTE, "11", "1"),
    ]
    first, second = fold(tape, BarSize.ONE_MINUTE)
    assert (first.opened_at, second.opened_at) == (MIDNIGHT, MIDNIGHT + MINUTE)
    assert [first.open, first.high, first.low, first.close] == [10, 12, 9, 9]
    assert (first.volume, first.buy_volume) == (Decimal("3.5"), Decimal(3))
    assert first.quote_volume == 10 + 6 + 18
    assert (first.trades, first.first_id, first.last_id) == (3, 1, 3)
    assert second.trades == 1


def test_there_is_no_bar_where_nobody_traded() -> None:
    opened = [bar.opened_at for bar in fold([trade(1, 0), trade(2, 3 * MINUTE)], BarSize("1m"))]
    assert opened == [MIDNIGHT, MIDNIGHT + 3 * MINUTE]
    assert fold([], BarSize.ONE_DAY) == []


def test_in_one_microsecond_the_ids_decide_what_opened_and_closed() -> None:
    (bar,) = fold([trade(9, 5, "3"), trade(7, 5, "1"), trade(8, 5, "2")], BarSize.ONE_MINUTE)
    assert (bar.open, bar.close) == (Decimal(1), Decimal(3))


def test_ids_out_of_order_do_not_reorder_time() -> None:
    (bar,) = fold([trade(1, 20, "2"), trade(5, 10, "1")], BarSize.ONE_MINUTE)
    assert (bar.open, bar.close) == (Decimal(1), Decimal(2))
    assert (bar.first_id, bar.last_id) == (1, 5)


@given(tapes(), st.randoms(use_true_random=False))
def test_the_order_in_which_trades_are_given_does_not_matter(
    tape: list[Trade], random: Random
) -> None:
    shuffled = random.sample(tape, len(tape))
    assert fold(shuffled, BarSize.FIVE_MINUTES) == fold(tape, BarSize.FIVE_MINUTES)


@given(tapes(), st.sampled_from(WIDER))
def test_bars_of_bars_are_the_bars_of_the_trades(tape: list[Trade], size: BarSize) -> None:
    assert widen(fold(tape, BarSize.ONE_MINUTE), size) == fold(tape, size)


@given(tapes())
def test_bars_may_be_widened_in_steps(tape: list[Trade]) -> None:
    bars = fold(tape, BarSize.ONE_MINUTE)
    for size in WIDER:
        bars = widen(bars, size)
        assert bars == fold(tape, size)


@given(tapes(), st.data())
def test_merging_is_associative(tape: list[Trade], data: st.DataObject) -> None:
    ordered = sorted(tape, key=lambda t: (t.traded_at, t.id))
    bars = [bar_of(one, BarSize.ONE_DAY) for one in ordered]
    cut = data.draw(st.integers(0, len(bars)))
    parts = [reduce(merge, part) for part in (bars[:cut], bars[cut:]) if part]
    assert reduce(merge, parts) == reduce(merge, bars)


@given(tapes())
def test_no_bar_contradicts_itself(tape: list[Trade]) -> None:
    bars = fold(tape, BarSize.FIFTEEN_MINUTES)
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert 0 <= bar.buy_volume <= bar.volume
        assert bar.opened_at % BarSize.FIFTEEN_MINUTES.micros == 0
    assert sum(bar.trades for bar in bars) == len(tape)


@pytest.mark.parametrize(
    ("price", "size", "worth"),
    [
        ("61837.63", "0.00000001", "0.0006183763"),
        ("0.000000000000000001", "0.5", "0"),
        ("0.000000000000000003", "0.5", "0.000000000000000002"),
        ("0.000000000000000001", "0.51", "0.000000000000000001"),
        ("99999999999999999999.999999999999999999", "1", "99999999999999999999.999999999999999999"),
    ],
)
def test_a_worth_of_more_than_18_decimals_is_rounded_half_to_even(
    price: str, size: str, worth: str
) -> None:
    assert quote_of(Decimal(price), Decimal(size)) == Decimal(worth)


def test_a_worth_that_no_column_holds_is_an_error_that_names_it() -> None:
    with pytest.raises(BarTooLarge, match="price 50000000000000000000 x size 2 is 1e20 or more"):
        quote_of(Decimal("5e19").quantize(Decimal(1)), Decimal(2))


def test_a_sum_that_no_column_holds_is_an_error_that_names_the_bar() -> None:
    tape = [trade(1, 0, "1", "6e19"), trade(2, 1, "1", "6e19")]
    with pytest.raises(BarTooLarge, match=f"the bar at {MIDNIGHT}"):
        fold(tape, BarSize.ONE_MINUTE)


@pytest.mark.parametrize("size", BarSize)
def test_every_size_divides_a_day(size: BarSize) -> None:
    assert 86_400_000_000 % size.micros == 0
    assert size.micros % BarSize.ONE_MINUTE.micros == 0
    assert size.opening_of(MIDNIGHT + size.micros - 1) == MIDNIGHT
