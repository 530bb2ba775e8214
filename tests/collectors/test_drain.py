"""What the journal holds beyond the store: the same trades, and the same gaps, as were received."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Trade
from collectors import drain as drains
from collectors.action import Edge, Late, Report
from collectors.drain import Drain, newest_edges
from collectors.journal import Journal
from collectors.journal_folder import NOWHERE
from collectors.lag import Item
from collectors.segments import Position, segment_path
from collectors.session import Session
from tests.collectors.toy import SECOND, Toy

AT = 1_723_118_400_000_000


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    found = Journal(tmp_path, "toy", 2**30, segment_bytes=300)
    found.open("test")
    yield found
    found.close()


class Live:
    """The sessions that receive what the journal keeps."""

    def __init__(self, journal: Journal, last: dict[str, Edge]) -> None:
        self.journal = journal
        self.session = Session(Toy(), (), last, 0.0)
        self.connection = 1
        self.said: list[Item] = []
        journal.edges = lambda: self.session.last

    def hear(self, *frames: str) -> Position:
        position = self.journal.append(AT, self.connection, [frame.encode() for frame in frames])
        assert position
        for frame in frames:
            actions = self.session.receive(frame.encode(), AT / 1e6, AT)
            self.said += [a for a in actions if isinstance(a, Trade | Report | Late)]
        return position

    def dial_again(self) -> None:
        self.connection += 1
        self.session = Session(Toy(), (), self.session.last, 0.0)


def drained(drain: Drain, after: Position, until: Position) -> list[Item]:
    items: list[Item] = []
    position = after
    for portion, position in drain.read(after, until):  # noqa: B007 - the last is asserted
        items += portion
    assert position == until
    return items


def change(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def ids(items: Sequence[Item]) -> list[int]:
    return [item.id for item in items if isinstance(item, Trade)]


def gaps(items: Sequence[Item]) -> list[tuple[int, int | None]]:
    return [(i.gap.after_id, i.gap.before_id) for i in items if isinstance(i, Report)]


def test_trades_come_back_in_portions_from_any_position_on(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drains, "MOST", 3)
    live = Live(journal, {})
    positions = [live.hear(f"A:{id} A:{id + 1}") for id in range(1, 60, 2)]
    for place, after in enumerate([NOWHERE, *positions]):
        drain = Drain(Toy(), journal)
        portions = list(drain.read(after, positions[-1]))
        assert [id for items, _ in portions for id in ids(items)] == list(range(2 * place + 1, 61))
        assert portions[-1][1] == positions[-1]
        assert all(len(items) <= 4 for items, _ in portions)


def test_a_drain_goes_on_where_it_stopped(journal: Journal) -> None:
    live = Live(journal, {})
    drain = Drain(Toy(), journal)
    after, found = NOWHERE, []
    for id in range(1, 40):
        until = live.hear(f"A:{id}")
        if id % 3 == 0:
            found += ids(drained(drain, after, until))
            after = until
    assert found == list(range(1, 40))


def test_gaps_of_this_process_are_not_told_twice_but_those_of_an_earlier_one_are(
    tmp_path: Path, journal: Journal
) -> None:
    live = Live(journal, {"A": Edge(5, AT)})
    middle = live.hear("A:6", "A:9")
    drain = Drain(Toy(), journal)
    assert gaps(drained(drain, NOWHERE, middle)) == []
    journal.close()

    later = Journal(tmp_path, "toy", 2**30)
    later.open("later")
    live = Live(later, live.session.last)
    drain = Drain(Toy(), later)
    drain.begin()
    end = live.hear("A:12")
    assert gaps(drained(drain, NOWHERE, end)) == [(6, 9)]  # (9, 12) is in the later one's memory
    drain = Drain(Toy(), later)
    drain.retell()
    assert gaps(drained(drain, NOWHERE, end)) == [(6, 9), (9, 12)]
    assert not drain.is_retelling
    later.close()


WORDS = st.lists(
    st.one_of(
        st.lists(st.integers(1, 30), min_size=1, max_size=3).map(
            lambda found: " ".join(f"{'AB'[id % 2]}:{id // 2}" for id in found)
        ),
        st.sampled_from(["beat", "surprise!", "ok A", "dial again"]),
    ),
    min_size=1,
    max_size=30,
)


@given(WORDS, st.integers(0, 29))
def test_a_replica_says_what_the_live_sessions_said(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], place: int
) -> None:
    """From the beginning of any segment, whatever the live ones heard."""
    journal = Journal(tmp_path_factory.mktemp("journal"), "toy", 2**30, segment_bytes=400)
    journal.open("test")
    live = Live(journal, {"A": Edge(3, 3 * SECOND)})
    for word in words:
        if word == "dial again":
            live.dial_again()
        elif word == "surprise!":
            journal.append(AT, live.connection, [b"surprise!"])
        else:
            live.hear(word)
    drain = Drain(Toy(), journal)
    drain.retell()
    found = drained(drain, NOWHERE, journal.head)
    assert [i for i in found if isinstance(i, Trade)] == [
        i for i in live.said if isinstance(i, Trade)
    ]
    assert gaps(found) == gaps(live.said)
    if journal.head != NOWHERE:
        assert newest_edges(Toy(), journal) == live.session.last
    journal.close()


def test_what_the_journal_could_not_take_is_known_from_the_next_header(journal: Journal) -> None:
    live = Live(journal, {"A": Edge(5, AT)})
    live.hear("A:6")
    journal.finish()
    live.session.receive(b"A:7 A:8", 0.0, AT)  # the disk was full
    end = live.hear("A:9")
    drain = Drain(Toy(), journal)
    drain.retell()
    found = drained(drain, NOWHERE, end)
    assert (ids(found), gaps(found)) == ([6, 9], [])


def test_a_second_outage_is_read_from_its_own_beginning(journal: Journal) -> None:
    live = Live(journal, {})
    positions = [live.hear(f"A:{id}") for id in range(1, 60)]
    drain = Drain(Toy(), journal)
    assert ids(drained(drain, positions[4], positions[9])) == list(range(6, 11))
    assert ids(drained(drain, positions[50], positions[-1])) == list(range(52, 60))
    assert drain.reader
    assert drain.reader.segment == positions[-1].segment


def test_where_markets_stood_is_known_though_the_last_file_has_no_header(
    tmp_path: Path, journal: Journal
) -> None:
    live = Live(journal, {"A": Edge(5, AT)})
    live.hear("A:6")
    segment_path(tmp_path, 77).write_bytes(b"")
    assert newest_edges(Toy(), journal) == live.session.last


def test_what_damage_takes_is_a_gap(
    tmp_path: Path, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(journal, {"A": Edge(5, AT)})
    positions = [live.hear(f"A:{id}") for id in range(6, 40)]
    change(segment_path(tmp_path, 1), positions[2].offset - 3)  # A:8, and what builds on it
    drain = Drain(Toy(), journal)
    found = drained(drain, NOWHERE, positions[-1])
    ((after_id, before_id),) = gaps(found)
    assert after_id == 7
    assert before_id
    assert ids(found) == [6, 7, *range(before_id, 40)]
    assert "segment 1 of the journal is damaged" in caplog.text


def test_damage_behind_which_a_market_is_quiet_is_a_gap_too(
    tmp_path: Path, journal: Journal
) -> None:
    live = Live(journal, {"A": Edge(5, AT), "B": Edge(2, AT)})
    live.hear("A:6")
    end = live.hear("A:7 A:8")
    change(segment_path(tmp_path, 1), end.offset - 3)
    drain = Drain(Toy(), journal)
    found = drained(drain, NOWHERE, end)
    assert (ids(found), gaps(found)) == ([6], [(6, 9)])
    later = live.hear("A:9 B:3")
    assert ids(drained(drain, end, later)) in ([], [9, 3])  # it may build on what is lost


def test_a_bug_of_a_parser_costs_its_frame_alone(journal: Journal) -> None:
    class Buggy(Toy):
        def parse(self, frame: bytes, received_at: int) -> list[object]:  # type: ignore[override]
            return [1 / 0] if b"bug" in frame else list(super().parse(frame, received_at))

    live = Live(journal, {})
    live.hear("A:1")
    journal.append(AT, 1, [b"bug"])
    end = live.hear("A:2")
    drain = Drain(Buggy(), journal)  # type: ignore[arg-type]  # its odd parse
    assert ids(drained(drain, NOWHERE, end)) == [1, 2]
