"""The judge must see every kind of wrong: it is given wrong rows here."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.judge import SHOWN, compare, unexplained, withheld
from chaos.rows import ROW, Rows, rows_of
from tests.chaos.tapes import FIRST, tape_of

SERVED = rows_of(tape_of(50))


def changed(place: int, name: str) -> Rows:
    rows = SERVED.copy()
    rows[name][place] = 1 - rows[name][place] if name == "side" else rows[name][place] + 1
    return rows


def test_the_same_rows_in_any_order_are_no_difference() -> None:
    found = compare(SERVED, SERVED[::-1])
    assert found.is_none
    assert (found.expected, found.found) == (50, 50)


def test_a_row_that_is_not_there_is_missing() -> None:
    found = compare(SERVED, np.delete(SERVED, 17))
    assert (found.missing, found.ids) == (1, {"missing": [FIRST + 17]})
    assert not found.is_none


def test_a_row_that_is_there_twice_is_repeated() -> None:
    found = compare(SERVED, np.concatenate([SERVED, SERVED[3:4]]))
    assert (found.repeated, found.ids) == (1, {"repeated": [FIRST + 3]})
    assert not found.is_none


@pytest.mark.parametrize("name", ["price", "size", "time", "side"])
def test_a_row_with_one_other_value_is_changed(name: str) -> None:
    found = compare(SERVED, changed(9, name))
    assert (found.changed, found.ids) == (1, {"changed": [FIRST + 9]})
    assert not found.is_none


def test_an_id_that_nobody_served_is_unserved() -> None:
    found = compare(SERVED[:-1], SERVED)
    assert (found.unserved, found.ids) == (1, {"unserved": [FIRST + 49]})
    assert not found.is_none


def test_a_swapped_id_is_both_missing_and_unserved() -> None:
    rows = SERVED.copy()
    rows["id"][5] = 7
    found = compare(SERVED, rows)
    assert (found.missing, found.unserved) == (1, 1)


def test_an_id_under_two_times_is_repeated_and_changed() -> None:
    found = compare(SERVED, np.concatenate([SERVED, changed(9, "time")[9:10]]))
    assert (found.repeated, found.changed, found.missing) == (1, 1, 0)


def test_nothing_found_is_all_missing_and_only_the_first_are_named() -> None:
    found = compare(SERVED, np.empty(0, ROW))
    assert found.missing == 50
    assert len(found.ids["missing"]) == SHOWN


def test_whatever_is_found_where_nothing_was_served_is_unserved() -> None:
    found = compare(np.empty(0, ROW), SERVED)
    assert (found.unserved, found.changed) == (50, 0)


DAMAGES: dict[str, Callable[[int], Rows]] = {
    "missing": lambda place: np.delete(SERVED, place),
    "repeated": lambda place: np.concatenate([SERVED, SERVED[place : place + 1]]),
    "changed": lambda place: changed(place, "price"),
}


@given(place=st.integers(0, 49), name=st.sampled_from(sorted(DAMAGES)), seed=st.integers(0, 99))
def test_one_damaged_row_anywhere_is_found_and_nothing_else(
    place: int, name: str, seed: int
) -> None:
    rows = np.random.default_rng(seed).permutation(DAMAGES[name](place))
    found = compare(SERVED, rows)
    assert found.ids == {name: [FIRST + place]}


def test_ids_that_never_happened_are_holes() -> None:
    holes = withheld(rows_of(tape_of(20, without=(4, 5, 11))))
    assert holes.tolist() == [FIRST + 4, FIRST + 5, FIRST + 11]
    assert withheld(np.empty(0, ROW)).tolist() == []


def test_a_hole_is_explained_by_a_gap_that_says_it_is_absent_and_only_inside_of_it() -> None:
    holes = np.array([FIRST + 4, FIRST + 5, FIRST + 11])
    assert unexplained(holes, [(FIRST + 3, FIRST + 6)]).tolist() == [FIRST + 11]
    assert unexplained(holes, [(FIRST + 4, FIRST + 6)]).tolist() == [FIRST + 4, FIRST + 11]
    assert unexplained(holes, []).tolist() == holes.tolist()
    assert unexplained(holes, [(FIRST, FIRST + 20)]).tolist() == []
