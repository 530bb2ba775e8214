from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Market, Side
from replay.tape import Columns, Digits, Print, Tape, TapeError, fraction_digits, text, units

MARKET = Market("kraken", "BTC/USD")


def prints(*ids: int) -> list[Print]:
    return [Print(id, "10.50", "0.001", Side.BUY, id * 10) for id in ids]


def tape_of(*ids: int, limit: int = 1000) -> Tape:
    tape = Tape(MARKET, Digits(2, 3), limit)
    for print in prints(*ids):
        assert tape.add(print)
    return tape


def columns_of(*ids: int) -> Columns:
    return tape_of(*ids).columns


def test_a_print_comes_back_as_it_was_added() -> None:
    given = Print(7, "65000.10", "0.500", Side.SELL, 1_700_000_000_000_001)
    tape = Tape(MARKET, Digits(2, 3))
    tape.add(given)
    assert tape[0] == tape[-1] == tape.find(7) == given
    assert list(tape) == [given]


def test_a_place_outside_the_tape_is_an_error_that_names_the_market() -> None:
    with pytest.raises(IndexError, match="kraken/BTC_USD: no trade 3 among 2"):
        tape_of(1, 2)[3]


def test_ids_are_found_by_place_even_across_a_hole() -> None:
    tape = tape_of(1, 2, 5, 6)
    assert [tape.place(id) for id in (0, 1, 3, 5, 9)] == [0, 0, 2, 2, 4]
    assert tape.find(3) is None
    assert tape.find(9) is None


def test_trades_are_found_by_time() -> None:
    tape = tape_of(1, 2, 3)
    assert [tape.place_after(at) for at in (9, 10, 29, 30)] == [0, 1, 2, 3]


def test_the_latest_are_given_oldest_first() -> None:
    assert [p.id for p in tape_of(1, 2, 3).latest(2)] == [2, 3]
    assert [p.id for p in tape_of(1).latest(50)] == [1]
    assert tape_of().latest(5) == []


def test_an_empty_tape_knows_no_last_id() -> None:
    assert tape_of().last_id == 0
    assert tape_of(4).last_id == 4


def test_a_recorded_trade_takes_its_place_and_a_repeat_changes_nothing() -> None:
    tape = tape_of(1, 4)
    assert tape.add(prints(3)[0])
    assert not tape.add(prints(3)[0])
    assert [p.id for p in tape] == [1, 3, 4]


def test_columns_extend_a_tape_by_a_slice() -> None:
    tape = tape_of(1)
    tape.extend(columns_of(2, 3, 4), 1, 3)
    assert [p.id for p in tape] == [1, 3, 4]


def test_ids_that_do_not_rise_are_refused() -> None:
    with pytest.raises(TapeError, match="id 3 after 3; ids must rise"):
        tape_of(3).extend(columns_of(3), 0, 1)


def test_the_oldest_leave_once_the_limit_is_passed() -> None:
    tape = tape_of(limit=100)
    tape.extend(columns_of(*range(1, 201)), 0, 200)
    assert len(tape) == 100
    assert tape[0].id == 101


@given(st.integers(0, 10**15), st.integers(0, 12))
def test_text_and_units_are_inverse(count: int, digits: int) -> None:
    assert units(text(count, digits), digits) == count
    assert Decimal(text(count, digits)) == Decimal(count).scaleb(-digits)


def test_digits_are_never_lost() -> None:
    assert units("12.300", 1) == 123
    with pytest.raises(TapeError, match=r"'12\.345' has more than 2 digits"):
        units("12.345", 2)


def test_digits_behind_the_point_are_counted() -> None:
    assert [fraction_digits(t) for t in ("1", "1.0", "0.00001305")] == [0, 1, 8]
