"""The hub alone: who gets what, once, under which cursor."""

import json
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from alphapulse.cursor import Cursor, Snapshot
from alphapulse.notice import GapNotice, GapState, Row
from alphapulse.trade import Market, Side, Source
from streamer.hub import Hub
from streamer.subscription import EVERYTHING, Filter, Wanted

BITCOIN, ETHER = Market("kraken", "BTC/USD"), Market("kraken", "ETH/USD")
ONLY_ETHER: Filter = frozenset([Wanted(symbol="ETH/USD")])


class MemoryMember:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.count = 0

    def send(self, frames: bytes, count: int) -> None:
        self.pieces.append(frames)
        self.count += count

    @property
    def trades(self) -> list[dict[str, str]]:
        texts = b"".join(self.pieces).split(b'{"type"')[1:]
        return [json.loads((b'{"type"' + text)[: text.rindex(b"}") + 8]) for text in texts]

    @property
    def ids(self) -> list[int]:
        return [int(trade["id"]) for trade in self.trades]

    @property
    def places(self) -> list[Cursor]:
        return [Cursor.parse(trade["cursor"]) for trade in self.trades]


def row(seq: int, market: int = 1) -> Row:
    return Row(seq, market, seq, 0, 0, Side.BUY, Source.LIVE, "1", "2")


def rows(seqs: Iterable[int], market: int = 1) -> list[Row]:
    return [row(seq, market) for seq in seqs]


def started(xmax: int = 10, open_ids: frozenset[int] = frozenset()) -> Hub:
    hub = Hub()
    hub.learn({1: BITCOIN, 2: ETHER}, simulated=False)
    hub.start("a1", Snapshot(1, xmax, open_ids))
    return hub


def joined(hub: Hub, filter: Filter = EVERYTHING) -> MemoryMember:
    member = MemoryMember()
    hub.join(member, filter)
    return member


def test_what_is_ready_is_handed_over_in_one_piece() -> None:
    hub = started()
    member = joined(hub)
    hub.hear(10, rows([1, 2, 3]))
    hub.hear(11, rows([4]))
    assert member.pieces == []
    hub.flush()
    assert (len(member.pieces), member.ids, member.count) == (1, [1, 2, 3, 4], 4)
    hub.flush()
    assert len(member.pieces) == 1


def test_members_with_one_filter_share_the_bytes() -> None:
    hub = started()
    one, two = joined(hub), joined(hub)
    hub.hear(10, rows([1]))
    hub.flush()
    assert one.pieces[0] is two.pieces[0]


def test_the_cursor_of_a_frame_is_the_place_of_its_row() -> None:
    hub = started(10, frozenset([4]))
    member = joined(hub)
    hub.hear(12, rows([1, 2]))
    hub.hear(4, rows([3]))
    hub.flush()
    assert [str(place) for place in member.places] == [
        "a1-10,4;12.1",
        "a1-10,4;12.2",
        "a1-13,4,10:11;4.3",
    ]
    assert str(hub.place()) == "a1-13,4,10:11;4.3"


def test_a_transaction_in_several_notices_is_one() -> None:
    hub = started()
    member = joined(hub)
    hub.hear(10, rows([1, 2]))
    assert hub.hear(10, rows([3])) == 1
    hub.flush()
    assert {place.xmax for place in member.places} == {10}
    assert member.ids == [1, 2, 3]


def test_rows_that_were_given_are_not_given_again() -> None:
    hub = started()
    member = joined(hub)
    hub.hear(10, rows([1, 2]))
    assert hub.hear(10, rows([1, 2, 3])) == 1
    hub.hear(11, rows([4]))
    assert hub.hear(10, rows([1, 2, 3])) == 0
    assert hub.hear(9, rows([9])) == 0
    hub.flush()
    assert member.ids == [1, 2, 3, 4]


def test_before_the_first_start_nothing_is_given() -> None:
    hub = Hub()
    assert hub.place() is None
    assert hub.hear(5, rows([1])) == 0
    hub.settle(Snapshot(1, 9, frozenset()))
    hub.flush()
    assert hub.sent_place == ""


def test_a_member_gets_nothing_from_before_it_joined() -> None:
    hub = started()
    first = joined(hub)
    hub.hear(10, rows([1]))
    second = joined(hub)
    hub.hear(10, rows([2]))
    hub.flush()
    assert (first.ids, second.ids) == ([1, 2], [2])


def test_whoever_left_gets_nothing_more() -> None:
    hub = started()
    one, two = joined(hub), joined(hub)
    hub.hear(10, rows([1]))
    hub.leave(one)
    hub.leave(one)
    hub.flush()
    assert (one.ids, two.ids) == ([], [1])
    assert hub.groups[EVERYTHING].members == {two}


def test_a_filter_chooses_markets_and_learns_new_ones() -> None:
    hub = started()
    everything, ether = joined(hub), joined(hub, ONLY_ETHER)
    hub.hear(10, [row(1, 1), row(2, 2)])
    assert not hub.knows([row(3, 3)])
    hub.learn({1: BITCOIN, 2: ETHER, 3: Market("coinbase", "ETH/USD")}, simulated=True)
    hub.hear(11, [row(3, 3)])
    hub.flush()
    assert (everything.ids, ether.ids) == ([1, 2, 3], [2, 3])
    assert [trade.get("simulated", False) for trade in ether.trades] == [False, True]
    assert list(hub.chosen(ONLY_ETHER)) == [2, 3]


def test_no_frame_is_made_that_nobody_wants() -> None:
    hub = started()
    joined(hub, ONLY_ETHER)
    hub.hear(10, rows([1, 2]))
    assert not hub.waiting
    assert hub.trades == 2


def test_another_filter_replaces_the_first() -> None:
    hub = started()
    member = joined(hub)
    hub.hear(10, rows([1]))
    hub.join(member, ONLY_ETHER)
    hub.hear(11, [row(2, 1), row(3, 2)])
    hub.flush()
    assert member.ids == [1, 3]
    assert len(hub.groups) == 1


def test_the_place_that_was_sent_is_behind_while_sending() -> None:
    hub = started()

    class Witness(MemoryMember):
        def send(self, frames: bytes, count: int) -> None:
            super().send(frames, count)
            self.place = hub.sent_place

    witness = Witness()
    hub.join(witness, EVERYTHING)
    hub.hear(10, rows([1]))
    hub.flush()
    assert witness.place == "a1-10"
    assert hub.sent_place == "a1-10;10.1"


def test_a_new_start_forgets_the_old_life() -> None:
    hub = started()
    hub.hear(10, rows([1]))
    hub.start("b2", Snapshot(1, 5, frozenset()))
    assert str(hub.place()) == "b2-5"
    assert hub.hear(5, rows([1])) == 1


def test_settling_ends_the_current_transaction_and_forgets_gaps() -> None:
    hub = started()
    hub.hear(15, rows([1]))
    hub.settle(Snapshot(1, 15, frozenset([12])))
    assert str(hub.place()) == "a1-16,12"
    assert hub.hear(15, rows([2])) == 0


def gap(id: int, market: int = 1) -> GapNotice:
    return GapNotice(id, market, GapState.SUSPECTED, 1, None, 0, None, "restart")


def test_a_gap_keeps_its_place_among_the_trades_and_moves_no_cursor() -> None:
    hub = started()
    member, ether = joined(hub), joined(hub, ONLY_ETHER)
    hub.hear(10, rows([1]))
    hub.hear_gap(gap(7))
    hub.hear(10, rows([2]))
    hub.flush()
    assert [frame.get("gap_id") or frame["id"] for frame in member.trades] == ["1", 7, "2"]
    assert (member.count, ether.count) == (3, 0)
    assert str(hub.place()) == "a1-10;10.2"


def test_a_gap_that_nobody_wants_is_remembered_all_the_same() -> None:
    hub = started()
    hub.hear_gap(gap(7))
    hub.hear_gap(gap(8, market=99))
    assert not hub.waiting
    assert list(hub.gaps.open) == [7, 8]
    hub.start("b2", Snapshot(1, 5, frozenset()), [gap(3)])
    assert list(hub.gaps.open) == [3]


def test_a_catch_up_keeps_cursors_short() -> None:
    hub = started(10)
    member = joined(hub)
    upto = Cursor("a1", 500)
    for tx in range(11, 400, 2):
        hub.fill(upto, tx)
        hub.hear(tx, rows([tx]), replayed=True)
    hub.flush()
    assert [str(place) for place in member.places[:2]] == ["a1-11;11.11", "a1-13;13.13"]
    assert all(not place.pending for place in member.places)


@given(st.permutations(range(10, 18)), st.data())
def test_each_row_once_and_every_cursor_says_exactly_what_was_given(
    order: list[int], data: st.DataObject
) -> None:
    """Transactions commit in any order, in notices of any size, heard once or twice."""
    hub = started()
    member = joined(hub)
    expected: list[int] = []
    for tx in order:
        seqs = [tx * 100 + n for n in range(data.draw(st.integers(1, 4)))]
        cut = data.draw(st.integers(0, len(seqs)))
        for part in (seqs[:cut], seqs[data.draw(st.integers(0, cut)) :]):
            hub.hear(tx, rows(part))
        expected += seqs
    hub.flush()
    assert member.ids == expected
    for at, place in enumerate(member.places):
        given_then = set(expected[: at + 1])
        assert {seq for seq in expected if place.holds(seq // 100, seq)} == given_then
