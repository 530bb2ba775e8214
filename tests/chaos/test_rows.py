"""Numbers as whole units: exact, or marked as not fitting."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.rows import UNFIT, rows_of, units
from tests.chaos.tapes import BEGIN, FIRST, tape_of


def test_a_tape_becomes_rows_of_whole_units() -> None:
    first, second = rows_of(tape_of(2))
    assert first.item() == (FIRST, 6_700_050_000_000, 0, BEGIN, 0)
    assert second.item() == (FIRST + 1, 6_700_150_000_000, 1, BEGIN + 1_000_000, 1)


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 10**8), ("1.5", 15 * 10**7), ("1.50000000", 15 * 10**7), ("0.00000001", 1)],
)
def test_equal_numbers_have_equal_units_however_they_are_written(text: str, count: int) -> None:
    assert units(text) == count


def test_a_digit_too_many_is_not_rounded_away() -> None:
    assert units("1.000000001") == UNFIT
    assert units("1.0000000010") == UNFIT
    assert units("1.0000000000") == 10**8


@given(st.decimals(0, 10**9, places=8))
def test_units_count_the_eighth_digit(number: Decimal) -> None:
    assert units(f"{number:f}") == int(number * 10**8)
