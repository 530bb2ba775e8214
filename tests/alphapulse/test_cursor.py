"""A cursor is compared with what it stands for: a plain set of (tx, seq)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.cursor import LARGEST, Cursor, CursorError, Heard, Snapshot, join

IDS = st.integers(1, 30)  # no transaction has id 0
SETS = st.frozensets(IDS)
TOP = 32


def cursor_of(txs: frozenset[int], tx: int = 0, seq: int = 0) -> Cursor:
    """The cursor that holds exactly `txs`, of ids from 1."""
    xmax = max(txs, default=0) + 1
    lacking = [(id, id + 1) for id in range(1, xmax) if id not in txs]
    return Cursor("a1", xmax, tuple(join(lacking)), tx, seq)


def held(cursor: Cursor) -> set[int]:
    return {id for id in range(1, TOP) if cursor.holds(id, 1)}


@given(SETS, IDS, st.integers(0, 5))
def test_a_cursor_comes_back_from_its_text(txs: frozenset[int], tx: int, seq: int) -> None:
    cursor = cursor_of(txs, tx, seq if tx else 0)
    assert Cursor.parse(str(cursor)) == cursor
    assert set(str(cursor)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-,:;.")


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("a1-7", Cursor("a1", 7)),
        ("a1-7,3", Cursor("a1", 7, ((3, 4),))),
        ("a1-9,3,5:7;12.40", Cursor("a1", 9, ((3, 4), (5, 8)), 12, 40)),
        ("0-0", Cursor("0", 0)),
    ],
)
def test_the_text_of_a_cursor_is_short(text: str, cursor: Cursor) -> None:
    assert Cursor.parse(text) == cursor
    assert str(cursor) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a1",
        "a1-",
        "a1-x",
        "A1-7",
        "a1-7;3",
        "a1-7;3.",
        "a1-7;0.3",
        "a1-7,",
        "a1-7,9",
        "a1-7,5,3",
        "a1-7,5:3",
        "a1-7,3:4,4",
        "a1-07",
        "a1-٧",
        "a1-7 ",
        "a1-7\n",
        "-7",
        "a1-" + "9" * 5000,
        "a1-9999999999999999999",
        f"a1-{LARGEST}",
        "a" * 41 + "-7",
    ],
)
def test_a_text_that_is_no_cursor_is_refused_by_name(text: str) -> None:
    with pytest.raises(CursorError, match="is not a cursor"):
        Cursor.parse(text)


@given(st.text(max_size=40) | st.text("a1-,:;.0", max_size=20))
def test_any_text_is_a_cursor_or_a_cursor_error(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except CursorError:
        return
    assert Cursor.parse(str(cursor)) == cursor


@given(SETS)
def test_a_cursor_holds_its_transactions_and_no_other(txs: frozenset[int]) -> None:
    assert held(cursor_of(txs)) == txs


def test_a_cursor_holds_the_rows_of_its_transaction_up_to_its_seq() -> None:
    cursor = Cursor("a1", 7, (), 9, 40)
    assert [cursor.holds(9, seq) for seq in (39, 40, 41)] == [True, True, False]


@given(SETS, SETS, st.integers(0, 31))
def test_what_is_missing_is_the_difference(
    ours: frozenset[int], more: frozenset[int], tx: int
) -> None:
    place, upto = cursor_of(ours, tx), cursor_of(ours | more)
    missing = place.missing(upto)
    found = {id for lo, hi in missing for id in range(lo, min(hi, TOP))}
    assert found == {id for id in ours | more if id not in ours or (id == tx and tx)}
    assert all(before[1] < after[0] for before, after in pairwise(missing))


@given(SETS, SETS, st.integers(0, 31))
def test_a_filled_cursor_holds_everything_below(
    ours: frozenset[int], more: frozenset[int], tx: int
) -> None:
    place, upto = cursor_of(ours), cursor_of(ours | more)
    filled = place.filled(upto, tx)
    assert held(filled) == ours | {id for id in more if id < tx}
    assert filled.is_sane()


@given(SETS, st.integers(1, 31), SETS)
def test_a_cursor_fits_a_snapshot_that_saw_all_of_it(
    ours: frozenset[int], xmax: int, open_ids: frozenset[int]
) -> None:
    snapshot = Snapshot(0, xmax, frozenset(id for id in open_ids if id < xmax))
    ended = {id for id in range(1, xmax) if id not in open_ids}
    assert cursor_of(ours).fits(snapshot) == (ours <= ended)


def test_a_cursor_inside_a_transaction_that_never_ended_here_does_not_fit() -> None:
    snapshot = Snapshot(5, 9, frozenset([5]))
    assert Cursor("a1", 5, (), 6, 1).fits(snapshot)
    assert not Cursor("a1", 5, (), 5, 1).fits(snapshot)
    assert not Cursor("a1", 5, (), 9, 1).fits(snapshot)


def test_a_snapshot_is_read_from_postgresqls_text() -> None:
    assert Snapshot.parse("10:20:10,14") == Snapshot(10, 20, frozenset([10, 14]))
    assert Snapshot.parse("10:10:") == Snapshot(10, 10, frozenset())


def test_a_snapshot_holds_what_had_ended() -> None:
    snapshot = Snapshot.parse("10:20:10,14")
    assert [id for id in range(8, 22) if snapshot.holds(id)] == [
        8,
        9,
        11,
        12,
        13,
        15,
        16,
        17,
        18,
        19,
    ]


@given(st.lists(IDS))
def test_hearing_adds_each_transaction_once(ids: list[int]) -> None:
    heard = Heard("a1", Snapshot(3, 8, frozenset([3, 5])))
    known = {1, 2, 4, 6, 7}
    for id in ids:
        assert heard.hear(id) == (id not in known)
        known.add(id)
        assert {each for each in range(1, TOP) if heard.holds(each)} == known
        assert held(heard.cursor()) == known
        assert Cursor.parse(str(heard.cursor())) == heard.cursor()


@given(st.permutations(range(1, 13)), st.data())
def test_settling_keeps_what_is_open_and_forgets_what_has_ended(
    order: list[int], data: st.DataObject
) -> None:
    """Transactions end in any order; some have trades and are heard at once, others never are.

    At every mark the set is exactly what had ended at its snapshot, and what was heard since.
    """
    announcing = data.draw(st.frozensets(st.integers(1, 12)))
    heard = Heard("a1", Snapshot(1, 1, frozenset()))
    ended: set[int] = set()
    snapshot = Snapshot(1, 1, frozenset())
    for id in order:
        ended.add(id)
        if id in announcing:
            heard.hear(id)
        match data.draw(st.sampled_from(["nothing", "snapshot", "mark"])):
            case "snapshot":
                xmax = max(ended) + 1
                snapshot = Snapshot(1, xmax, frozenset(range(1, xmax)) - ended)
            case "mark":
                heard.settle(snapshot)
                assert held(heard.cursor()) >= {each for each in ended if snapshot.holds(each)}
        held_now = held(heard.cursor())
        assert held_now <= ended
        assert ended & announcing <= held_now


@given(SETS)
def test_a_heard_set_begins_at_a_cursor(txs: frozenset[int]) -> None:
    cursor = cursor_of(txs)
    assert Heard.at(cursor).cursor() == cursor
