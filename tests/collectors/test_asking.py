"""The order of questions and answers on one connection."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.asking import ANSWER, RESEND, Asking

PAUSE = 0.5


def asking(symbols: str, per_frame: int = 2) -> Asking:
    return Asking(symbols, per_frame, PAUSE)


def test_frames_leave_with_a_pause_between_them() -> None:
    questions = asking("ABCDE")
    assert questions.take(0.0) == ("A", "B")
    assert questions.take(0.4) == ()
    assert questions.take(0.5) == ("C", "D")
    assert questions.take(9.0) == ("E",)
    assert questions.take(99.0) == ()


def test_a_symbol_is_asked_for_once_though_named_twice() -> None:
    assert asking("ABA", per_frame=9).take(0.0) == ("A", "B")


def test_an_answer_without_names_confirms_the_oldest_frame() -> None:
    questions = asking("ABC")
    questions.take(0.0)
    questions.take(1.0)
    assert questions.confirm((), 1.1) == ("A", "B")
    assert questions.confirm((), 1.1) == ("C",)
    assert questions.confirm((), 1.1) == ()


def test_an_answer_with_names_confirms_those() -> None:
    questions = asking("ABC", per_frame=3)
    questions.take(0.0)
    assert questions.confirm(("B",), 0.1) == ("B",)
    assert list(questions.open) == ["A", "C"]
    questions.confirm(("A", "C"), 0.1)
    assert not questions.flight


def test_after_a_named_refusal_the_rest_of_its_frame_is_asked_again() -> None:
    questions = asking("ABCD", per_frame=3)
    questions.take(0.0)
    questions.refuse("B", 0.1)
    assert questions.take(0.2) == ()
    assert questions.take(0.1 + RESEND) == ("A", "C")
    assert questions.take(2.0) == ("D",)


def test_what_was_confirmed_meanwhile_is_not_asked_again() -> None:
    questions = asking("ABC", per_frame=3)
    questions.take(0.0)
    questions.refuse("B", 0.1)
    questions.confirm(("A",), 0.2)
    questions.confirm(("C",), 0.2)
    assert questions.take(99.0) == ()


def test_after_an_unnamed_refusal_symbols_are_asked_one_by_one() -> None:
    questions = asking("ABC", per_frame=3)
    questions.take(0.0)
    assert questions.refuse_unnamed(0.1) == ()
    assert questions.take(0.1 + PAUSE) == ("A",)
    assert questions.take(1.0) == ()  # waits for the answer
    assert questions.confirm((), 1.0) == ("A",)
    assert questions.take(1.0 + PAUSE) == ("B",)
    assert questions.refuse_unnamed(2.0) == ("B",)  # the culprit
    assert questions.take(2.0 + PAUSE) == ("C",)
    assert questions.confirm((), 3.0) == ("C",)
    assert questions.take(99.0) == ()


def test_one_by_one_a_missing_answer_holds_up_only_for_a_while() -> None:
    questions = asking("AB")
    questions.take(0.0)
    questions.refuse_unnamed(1.0)
    assert questions.take(2.0) == ("A",)
    assert questions.take(2.0 + ANSWER - 0.1) == ()
    assert questions.take(2.0 + ANSWER) == ("B",)
    assert questions.confirm((), 8.0) == ("B",)


def test_one_by_one_begins_after_the_answers_to_frames_that_were_sent() -> None:
    questions = asking("ABCD")
    questions.take(0.0)
    questions.take(0.5)
    questions.refuse_unnamed(0.6)
    assert questions.take(2.0) == ()  # C and D are still in flight
    assert questions.confirm((), 2.0) == ("C", "D")
    assert questions.take(2.0 + PAUSE) == ("A",)


def test_frames_still_in_the_queue_are_asked_one_by_one_too() -> None:
    questions = asking("ABCD")
    questions.take(0.0)
    questions.refuse_unnamed(0.1)
    asked = []
    for second in range(1, 6):
        asked.append(questions.take(second))
        questions.confirm((), second)
    assert asked == [("A",), ("B",), ("C",), ("D",), ()]


@given(
    good=st.sets(st.sampled_from("ABCDEFGH")),
    per_frame=st.integers(1, 8),
    style=st.sampled_from(["named", "unnamed", "partial"]),
    answers=st.booleans(),
)
def test_whatever_the_exchange_answers_the_asking_ends(
    good: set[str], per_frame: int, style: str, answers: bool
) -> None:
    """Ways to refuse: naming each bad symbol or none, keeping the good ones of a frame or not."""
    questions, served, refused, sent = asking("ABCDEFGH", per_frame), set[str](), set[str](), 0
    for second in range(300):
        symbols = questions.take(float(second))
        if not symbols:
            continue
        sent += 1
        bad = [symbol for symbol in symbols if symbol not in good]
        if not answers:
            continue
        if bad and style == "unnamed":
            refused |= set(questions.refuse_unnamed(second))
            continue
        kept = tuple(symbol for symbol in symbols if symbol in good)
        if kept and (style == "partial" or not bad):
            served |= set(questions.confirm(kept, second))
        for symbol in bad:
            refused.add(symbol)
            questions.refuse(symbol, second)
    assert questions.take(1e9) == ()
    assert sent <= 8 * 3
    if answers:
        assert (served, refused) == (good, set("ABCDEFGH") - good)
