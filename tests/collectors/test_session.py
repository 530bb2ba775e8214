"""One life of one socket, told with the toy exchange."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Gap, Market, Source, Trade
from collectors.action import (
    CUT,
    DISCONNECT,
    HEARTBEAT,
    HOLE,
    RESTART,
    Action,
    Edge,
    HangUp,
    Late,
    Quarantine,
    Report,
    Send,
    Serve,
)
from collectors.exchange import UnexpectedMessage
from collectors.session import IN_FLIGHT, STEADY, TAIL_CHECK, Session
from tests.collectors.toy import SECOND, Toy, Uncounted, trade

SNAPSHOT = Source.SNAPSHOT


def session(
    symbols: str = "A", last: dict[str, int] | None = None, toy: Toy | None = None
) -> Session:
    edges = {symbol: Edge(id, id * SECOND) for symbol, id in (last or {}).items()}
    return Session(toy or Toy(), list(symbols), edges, 0.0)


def hear(line: Session, *frames: str, now: float = 1.0) -> list[Action]:
    return [action for frame in frames for action in line.receive(frame.encode(), now, 7)]


def hole(symbol: str, after: int, before: int | None = None) -> Gap:
    before_at = None if before is None else before * SECOND
    return Gap(Market("toy", symbol), after, after * SECOND, before, before_at)


def test_a_trade_stands_for_itself() -> None:
    assert hear(session(), "A:7", "A:8") == [Serve("A"), trade("A", 7), trade("A", 8)]


def test_the_next_id_is_no_gap() -> None:
    assert hear(session(last={"A": 7}), "A:8") == [Serve("A"), trade("A", 8)]


def test_a_jump_in_ids_is_a_gap_told_before_the_trade() -> None:
    line = session(last={"A": 7})
    hear(line, "A:8")
    assert hear(line, "A:11") == [Report(hole("A", 8, 11), HOLE), trade("A", 11)]


def test_a_jump_on_the_first_trade_is_what_we_missed_while_away() -> None:
    assert hear(session(last={"A": 7}), "A:11") == [
        Serve("A"),
        Report(hole("A", 7, 11), DISCONNECT),
        trade("A", 11),
    ]


@pytest.mark.parametrize("cause", [RESTART, CUT, DISCONNECT])
def test_what_we_missed_while_away_is_due_to_what_ended_the_connection_before(cause: str) -> None:
    line = Session(Toy(), ["A", "B"], {name: Edge(7, 7 * SECOND) for name in "AB"}, 0.0, cause)
    line.open()
    assert hear(line, "A:11")[1] == Report(hole("A", 7, 11), cause)
    assert line.tick(TAIL_CHECK) == [Report(hole("B", 7), cause)]
    assert hear(line, "A:13")[0] == Report(hole("A", 11, 13), HOLE)


def test_the_first_trade_of_an_unknown_market_is_no_gap() -> None:
    assert hear(session(), "A:1000") == [Serve("A"), trade("A", 1000)]


def test_a_repeat_is_stored_again_and_moves_nothing() -> None:
    line = session(last={"A": 7})
    assert hear(line, "A:8", "A:8", "A:3", "A:9")[1:] == [
        trade("A", 8),
        trade("A", 8),
        trade("A", 3),
        Late("A", 3, 3),
        trade("A", 9),
    ]
    assert line.last == {"A": Edge(9, 9 * SECOND)}


def test_a_late_trade_is_told_of_and_closes_no_gap_by_itself() -> None:
    line = session(last={"A": 7})
    assert hear(line, "A:9", "A:8", "A:10")[1:] == [
        Report(hole("A", 7, 9), DISCONNECT),
        trade("A", 9),
        trade("A", 8),
        Late("A", 8, 8),
        trade("A", 10),
    ]


def test_late_trades_are_told_of_once_per_market_and_frame_behind_them() -> None:
    line = session("AB", {"A": 20, "B": 20})
    actions = hear(line, "A:9 B:12 A:7 A:8 A:21 B:20")
    assert actions[-2:] == [Late("A", 7, 9), Late("B", 12, 12)]
    assert not [action for action in hear(line, "A:22") if isinstance(action, Late)]


def test_a_backlog_that_reaches_back_leaves_no_gap() -> None:
    line = session(last={"A": 7})
    line.open()
    actions = hear(line, "snap A:5 A:6 A:7 A:8 A:9")
    told = [trade("A", id, SNAPSHOT) for id in range(5, 10)]
    assert actions == [Serve("A"), *told, Late("A", 5, 6)]
    assert line.tick(TAIL_CHECK + 1) == []


def test_a_backlog_that_does_not_reach_back_shows_the_gap() -> None:
    report = Report(hole("A", 7, 20), DISCONNECT)
    assert hear(session(last={"A": 7}), "snap A:20")[1] == report


def test_markets_do_not_disturb_one_another() -> None:
    line = session("AB", {"A": 7, "B": 100})
    assert not any(isinstance(a, Report) for a in hear(line, "A:8 B:101", "B:102 A:9"))


def test_a_market_we_did_not_ask_for_is_data_all_the_same() -> None:
    line = session("A")
    assert hear(line, "Z:5", "Z:7") == [
        Serve("Z"),
        trade("Z", 5),
        Report(hole("Z", 5, 7), HOLE),
        trade("Z", 7),
    ]
    assert "Z" in line.last


def test_a_symbol_that_no_database_can_hold_ends_the_connection() -> None:
    (action,) = session().receive(b"A\x00:5", 1.0, 7)
    assert isinstance(action, HangUp)


def test_where_ids_are_not_consecutive_only_an_absence_is_a_gap() -> None:
    line = session(last={"A": 7}, toy=Uncounted())
    assert hear(line, "A:20", "A:40") == [
        Serve("A"),
        Report(hole("A", 7, 20), DISCONNECT),
        trade("A", 20),
        trade("A", 40),
    ]


ids = st.lists(st.integers(1, 40), min_size=1, max_size=60)


@given(ids=ids, known=st.none() | st.integers(1, 40), snapshots=st.sets(st.integers(0, 60)))
def test_stored_and_reported_together_leave_nothing_out(
    ids: list[int], known: int | None, snapshots: set[int]
) -> None:
    """Whatever is dropped, repeated or reordered, nothing after the first known id is forgotten."""
    line = session(last={} if known is None else {"A": known})
    stored, reported = set[int](), set[int]()
    for place, id in enumerate(ids):
        told = set[int]()
        for action in hear(line, f"{'snap ' if place in snapshots else ''}A:{id}"):
            if isinstance(action, Report):
                told |= {missing for missing in range(1, 41) if action.gap.holds(missing)}
            if isinstance(action, Trade):
                stored.add(action.id)
        assert not told & stored, "a gap is told before, and only of, what did not come"
        reported |= told
    first = ids[0] if known is None else known
    newest = max([first, *ids])
    assert stored == set(ids)
    assert set(range(first + 1, newest + 1)) <= stored | reported
    assert line.last["A"].id == newest


def test_the_first_frame_leaves_at_once_and_the_others_with_the_ticks() -> None:
    line = session("ABCDE")
    assert line.open() == [Send("A B")]
    assert line.tick(0.1) == []
    assert line.tick(1.0) == [Send("C D")]
    assert line.tick(2.0) == [Send("E")]
    assert line.tick(3.0) == []


def test_a_greeting_leaves_before_any_question() -> None:
    polite = Toy()
    polite.GREETING = "hello"
    assert Session(polite, ["A"], {}, 0.0).open() == [Send("hello"), Send("A")]


def test_a_slow_dial_is_neither_silence_nor_time_that_a_market_was_quiet() -> None:
    line = session("A", {"A": 7})
    assert line.open(20.0) == [Send("A")]
    assert line.tick(20.5) == []
    assert line.tick(20.0 + TAIL_CHECK) == [Report(hole("A", 7), DISCONNECT)]


def test_nothing_asked_is_nothing_sent() -> None:
    assert session("").open() == []


def test_each_symbol_is_served_once() -> None:
    line = session("AB")
    line.open()
    assert hear(line, "ok A", "A:7", "ok A B", "ok A B") == [Serve("A"), trade("A", 7), Serve("B")]


def test_an_acknowledgement_without_names_serves_the_oldest_frame() -> None:
    line = session("ABC")
    line.open()
    line.tick(1.0)
    assert hear(line, "ok", "ok", "ok") == [Serve("A"), Serve("B"), Serve("C")]


def test_an_acknowledgement_of_a_stranger_is_ignored() -> None:
    assert hear(session(), "ok Z") == []


def test_a_refused_symbol_is_set_aside_and_the_others_asked_again() -> None:
    line = session("AB")
    line.open()
    assert hear(line, "no B") == [Quarantine("B", "no B here")]
    assert line.tick(3.0) == [Send("A")]
    assert hear(line, "no B", now=3.0) == []  # told once


def test_a_refusal_without_a_name_is_tracked_down_one_by_one() -> None:
    line = session("AB")
    line.open()
    assert hear(line, "no", now=0.1) == []
    assert line.tick(1.0) == [Send("A")]
    assert hear(line, "ok", now=1.1) == [Serve("A")]
    assert line.tick(2.0) == [Send("B")]
    assert hear(line, "no", now=2.1) == [Quarantine("B", "no such stream")]
    assert line.tick(9.0) == []


def test_a_refusal_that_names_a_stranger_counts_as_unnamed() -> None:
    line = session("A")
    line.open()
    assert hear(line, "no Z") == [
        Quarantine("A", "no Z here"),
        HangUp("every symbol was refused: no Z here"),
    ]


def test_when_all_are_refused_the_line_is_hung_up() -> None:
    line = session("AB")
    line.open()
    assert hear(line, "no A", "no B") == [
        Quarantine("A", "no A here"),
        Quarantine("B", "no B here"),
        HangUp("every symbol was refused: no B here"),
    ]


def test_a_refusal_of_nothing_that_was_asked_is_hung_up() -> None:
    line = session("A")
    line.open()
    hear(line, "ok")
    assert hear(line, "no") == [HangUp("refused, though nothing was asked: no such stream")]


def test_a_refusals_words_are_made_fit_for_a_database() -> None:
    line = session("A")
    line.open()
    quarantine = line.receive(b"no A\x00\x1b", 1.0, 7)  # the stranger "A\0\x1b": as if unnamed
    assert quarantine[0] == Quarantine("A", "no A here")


def test_a_farewell_is_followed() -> None:
    assert hear(session(), "bye") == [HangUp("restarting", CUT)]


def test_a_silent_line_is_hung_up() -> None:
    line = session()
    line.open()
    assert line.tick(10.0) == []
    assert line.tick(10.1) == [HangUp("silent for 10 s")]


@pytest.mark.parametrize("frame", ["beat", "A:1", "nonsense"])
def test_any_frame_is_a_sign_of_life(frame: str) -> None:
    line = session()
    line.open()
    try:
        hear(line, frame, now=9.0)
    except UnexpectedMessage:
        assert frame == "nonsense"
    assert line.tick(18.0) == []


def test_a_ping_is_a_sign_of_life() -> None:
    line = session()
    line.open()
    line.alive(9.0)
    assert line.tick(18.0) == []


def test_an_old_line_is_left_before_it_is_cut() -> None:
    line = session()
    line.alive(1000.5)
    (action,) = line.tick(1001.0)
    assert isinstance(action, HangUp) and "before it is cut" in action.reason


def test_an_unexpected_frame_costs_nothing_else() -> None:
    line = session(last={"A": 7})
    with pytest.raises(UnexpectedMessage):
        hear(line, "nonsense")
    assert hear(line, "A:8") == [Serve("A"), trade("A", 8)]


def test_a_quiet_market_is_checked_once_for_what_we_missed_while_away() -> None:
    line = session("AB", {"A": 7})
    line.open()
    assert line.tick(TAIL_CHECK - 0.1) == []
    assert line.tick(TAIL_CHECK) == [Report(hole("A", 7), DISCONNECT)]
    assert line.tick(TAIL_CHECK + 1) == []


@pytest.mark.parametrize("next_id", [8, 12])
def test_the_next_trade_of_a_market_that_was_checked_tells_where_the_gap_ends(next_id: int) -> None:
    """Be it the one that was due: then there was none."""
    line = session("A", {"A": 7})
    line.open()
    line.tick(TAIL_CHECK)
    end = Report(hole("A", 7, next_id), DISCONNECT)
    assert hear(line, f"A:{next_id}") == [Serve("A"), end, trade("A", next_id)]
    assert hear(line, f"A:{next_id + 1}") == [trade("A", next_id + 1)]


def test_an_old_trade_tells_no_end_of_a_gap() -> None:
    line = session("A", {"A": 7})
    line.open()
    line.tick(TAIL_CHECK)
    assert hear(line, "A:5") == [Serve("A"), trade("A", 5), Late("A", 5, 5)]
    assert hear(line, "A:8") == [Report(hole("A", 7, 8), HOLE), trade("A", 8)]


def test_a_market_that_traded_shows_its_gap_by_itself() -> None:
    line = session("A", {"A": 7})
    line.open()
    hear(line, "A:8")
    assert line.tick(TAIL_CHECK) == []


def test_a_market_is_not_checked_before_it_was_asked_for() -> None:
    line = session("ABC", {"C": 7})
    line.open()
    assert line.tick(4.0) == [Send("C")]
    assert line.tick(4.0 + TAIL_CHECK) == [Report(hole("C", 7), DISCONNECT)]


def test_neither_a_refused_market_nor_one_of_another_owner_is_checked() -> None:
    line = session("AB", {"A": 7, "Z": 7})
    line.open()
    hear(line, "no A")
    assert line.tick(TAIL_CHECK) == [Send("B")]
    assert line.last["Z"] == Edge(7, 7 * SECOND)


def owed(*moments: tuple[float, str]) -> list[Action]:
    line = session("A", {"A": 7})
    hear(line, "A:8")
    return [action for now, frame in moments for action in hear(line, frame, now=now)]


def missing_10() -> Report:
    return Report(Gap(Market("toy", "A"), 8, 8 * SECOND, 11, None), HEARTBEAT)


def test_a_trade_that_heartbeats_speak_of_and_that_stays_away_is_a_gap() -> None:
    beats = [(1.0 + second, "beat A 10") for second in range(10)]
    assert owed(*beats) == [missing_10()]
    assert owed(*beats[:3]) == []


def test_a_trade_in_flight_is_no_gap() -> None:
    assert owed((1.0, "beat A 9"), (1.1, "A:9"), (9.0, "beat A 9")) == [trade("A", 9)]


def test_a_busy_market_that_is_always_a_little_behind_has_no_gap() -> None:
    moments = [(float(id), f"beat A {id}") for id in range(9, 30)]
    trades = [(id + 0.5, f"A:{id}") for id in range(9, 30)]
    actions = owed(*sorted(moments + trades))
    assert not [action for action in actions if isinstance(action, Report)]


def test_heartbeats_that_run_ahead_while_no_trade_comes_are_told_hole_by_hole() -> None:
    reports = owed((1.0, "beat A 10"), (4.0, "beat A 12"), (5.0, "beat A 14"), (8.0, "beat A 15"))
    assert [r.gap.before_id for r in reports if isinstance(r, Report)] == [11, 15]


def test_after_a_told_hole_the_next_trade_is_still_compared_with_the_last_that_came() -> None:
    actions = owed((1.0, "beat A 10"), (1.0 + IN_FLIGHT, "beat A 10"), (9.0, "A:12"))
    assert actions == [missing_10(), Report(hole("A", 8, 12), HOLE), trade("A", 12)]


def test_a_heartbeat_without_knowledge_says_nothing() -> None:
    assert owed(*((float(now), "beat A 0") for now in range(9))) == []
    assert owed(*((float(now), "beat Z 99") for now in range(9))) == []
    fresh = session("A")
    assert [a for now in range(9) for a in hear(fresh, "beat A 99", now=float(now))] == []


def test_only_a_pushed_trade_proves_the_line_good() -> None:
    line = session("A")
    line.open()
    hear(line, "ok", "beat", "snap A:7")
    assert not line.has_traded
    hear(line, "A:8")
    assert line.has_traded


def test_a_quiet_line_proves_itself_with_time() -> None:
    served, ignored = session("A"), session("A")
    hear(served, "ok A")
    for line in (served, ignored):
        line.alive(STEADY - 1)
        line.tick(STEADY - 1)
        assert not line.has_traded
        line.tick(STEADY)
    assert served.has_traded
    assert not ignored.has_traded


def numbered(*frames: str, toy: Toy | None = None) -> list[Action]:
    """What is decided about the frames after the first of a connection with two markets."""
    line = session("AB", {"B": 4, "Z": 9}, toy)
    line.open()
    hear(line, "#0 A:7")
    return hear(line, *frames)


def test_frames_whose_numbers_follow_one_another_are_complete() -> None:
    assert numbered("#1 A:8", "#2", "#3 A:9") == [trade("A", 8), trade("A", 9)]
    assert numbered("#1 A:8", "#1 A:8") == [trade("A", 8), trade("A", 8)]


def test_a_lost_frame_may_have_held_trades_of_any_market_that_was_asked_for() -> None:
    assert numbered("#2 A:8 B:9") == [
        Report(hole("A", 7), HOLE),
        Report(hole("B", 4), HOLE),
        Report(hole("A", 7, 8), HOLE),
        trade("A", 8),
        Serve("B"),
        Report(hole("B", 4, 9), DISCONNECT),
        trade("B", 9),
    ]


def test_after_a_lost_frame_the_numbers_are_followed_from_there() -> None:
    assert numbered("#5", "#6", "#7")[2:] == []
    assert len(numbered("#5", "#0", "#1")) == 4  # begun anew: who knows what came between


def test_after_a_lost_frame_a_market_whose_ids_tell_nothing_has_a_gap_up_to_its_next_trade() -> (
    None
):
    actions = numbered("#2", "#3 A:50", "#4 A:90", toy=Uncounted())
    assert actions[2:] == [Report(hole("A", 7, 50), HOLE), trade("A", 50), trade("A", 90)]


words = st.sampled_from(
    ["ok", "ok A", "no", "no A", "no B", "no Z", "beat", "beat A 9", "A:7", "B:1"]
)


@given(st.lists(words, max_size=40))
def test_whatever_is_said_a_session_asks_only_so_often(frames: list[str]) -> None:
    line, clock = session("ABC", {"A": 3}), count(1)
    actions = line.open()
    for frame in frames:
        now = float(next(clock))
        actions += hear(line, frame, now=now) + line.tick(now)
    assert sum(isinstance(action, Send) for action in actions) <= 3 * 3
    quarantined = [action.symbol for action in actions if isinstance(action, Quarantine)]
    assert len(quarantined) == len(set(quarantined))
    served = [action.symbol for action in actions if isinstance(action, Serve)]
    assert len(served) == len(set(served))
