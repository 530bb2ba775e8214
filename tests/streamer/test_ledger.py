"""The ledger alone: what is open, what is listed, and what has changed."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from alphapulse.notice import GapNotice, GapState
from streamer import ledger
from streamer.ledger import Ledger


def gap(id: int, state: GapState = GapState.SUSPECTED, market: int = 1) -> GapNotice:
    return GapNotice(id, market, state, id * 10, id * 10 + 5, 0, 0, "restart")


def holding(gaps: Iterable[GapNotice]) -> Ledger:
    found = Ledger()
    found.replace(gaps)
    return found


def by_id(*gaps: GapNotice) -> dict[int, GapNotice]:
    return {each.gap_id: each for each in gaps}


def test_only_open_gaps_are_kept() -> None:
    kept = holding(gap(id + 1, state) for id, state in enumerate(GapState))
    assert list(kept.open) == [1, 2]
    assert kept.newest == len(GapState)
    kept.note(gap(1, GapState.REPAIRED))
    kept.note(gap(1, GapState.REPAIRED))
    assert list(kept.open) == [2]


def test_the_list_has_the_newest_of_the_markets_oldest_first() -> None:
    kept = holding(gap(id, market=1 + id % 2) for id in range(1, 2 * ledger.MOST_LISTED + 2))
    found, has_more = kept.listed({2})
    assert [each.gap_id for each in found] == list(range(3, 2 * ledger.MOST_LISTED + 2, 2))
    assert has_more
    assert kept.listed({7}) == ([], False)
    found, has_more = kept.listed({1})
    assert (len(found), has_more) == (ledger.MOST_LISTED, False)


def test_beyond_its_bound_it_forgets_the_oldest_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger, "MOST_KEPT", 3)
    kept = holding(gap(id) for id in range(1, 4))
    assert kept.listed({1})[1] is False
    kept.note(gap(4))
    assert list(kept.open) == [2, 3, 4]
    assert kept.listed({9}) == ([], True)
    kept.replace([])
    assert kept.listed({9}) == ([], False)


def test_changes_are_what_differs_from_what_was_told() -> None:
    kept = holding([gap(1), gap(2), gap(3), gap(4)])
    wider = structs.replace(gap(3), before_id=99)
    now = by_id(gap(2, GapState.REPAIRED), wider, gap(4), gap(5), gap(6, GapState.ABSENT))
    assert kept.changes(now) == [
        gap(2, GapState.REPAIRED),
        wider,
        gap(5),
        gap(6, GapState.ABSENT),
        gap(1, GapState.DISMISSED),  # perhaps another took it in: that one comes first
    ]


states = st.lists(st.sampled_from(GapState), min_size=1, max_size=8)


@given(states, states)
def test_whoever_is_told_the_changes_knows_what_is_open(
    before: list[GapState], after: list[GapState]
) -> None:
    """Each list: the state of gap 1, 2, … at two times; dismissed: there is no such row."""
    kept = holding(gap(id, state) for id, state in enumerate(before, 1))
    rows = [gap(id, s) for id, s in enumerate(after, 1) if s is not GapState.DISMISSED]
    asked = by_id(*(r for r in rows if r.state.is_open or r.gap_id in kept.open))
    for change in kept.changes(asked):
        kept.note(change)
    assert sorted(kept.open) == [row.gap_id for row in rows if row.state.is_open]
    assert kept.changes(by_id(*kept.open.values())) == []
