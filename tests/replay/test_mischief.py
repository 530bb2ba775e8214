from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.faults import Drop, Garbage, OfFrames, Reorder, Repeat
from replay.frames import payload, text_frame
from replay.mischief import Mischief


def bent(*faults: OfFrames, texts: Sequence[str] = "abcde") -> str:
    mischief = Mischief()
    for fault in faults:
        mischief.add(fault)
    frames = mischief.bend([text_frame(text) for text in texts])
    return "".join(payload(frame).decode() for frame in frames)


@pytest.mark.parametrize(
    ("faults", "seen"),
    [
        ([], "abcde"),
        ([Drop(frames=2)], "cde"),
        ([Drop(), Drop()], "cde"),
        ([Repeat(frames=2)], "aabbcde"),
        ([Reorder()], "bacde"),
        ([Reorder(frames=3)], "bcdae"),
        ([Drop(), Reorder()], "cbde"),
        ([Drop(), Repeat()], "bbcde"),
    ],
)
def test_faults_bend_the_stream(faults: list[OfFrames], seen: str) -> None:
    assert bent(*faults) == seen


def test_a_truncated_frame_is_cut_in_half() -> None:
    assert bent(Garbage(kind="truncated"), texts=["whole", "next"]) == "whnext"


@pytest.mark.parametrize(
    ("kind", "start"), [("malformed", '{"type":"match",'), ("unknown", '{"type":"surprise"')]
)
def test_garbage_comes_before_the_next_trade(kind: str, start: str) -> None:
    seen = bent(Garbage(kind="malformed" if kind == "malformed" else "unknown"))
    assert seen.startswith(start) and seen.endswith("abcde")


def test_a_frame_that_is_held_waits_over_several_turns() -> None:
    mischief = Mischief()
    mischief.add(Reorder(frames=2))
    turns = [mischief.bend([text_frame(text)]) for text in "abcd"]
    assert [len(turn) for turn in turns] == [0, 1, 2, 1]
    assert mischief.is_idle


@given(st.lists(st.sampled_from([Repeat(), Reorder(), Reorder(frames=2)]), max_size=5))
def test_nothing_is_lost_without_a_drop(faults: list[OfFrames]) -> None:
    texts = [chr(97 + number) for number in range(20)]
    assert set(bent(*faults, texts=texts)) == set(texts)
