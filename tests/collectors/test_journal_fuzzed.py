"""Whatever became of a journal's bytes: what is read back was written so, and in its order."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from collectors.segments import Batch
from fuzz import journal
from fuzz.mutation import damage

WHOLE = journal.seeds()[0]
dices = st.randoms(use_true_random=False)


def contents(batch: Batch) -> tuple[int, int, tuple[bytes, ...]]:
    return batch.received_at, batch.connection, batch.frames


WRITTEN = [contents(batch) for batch in journal.obey(WHOLE)]


def test_an_undamaged_journal_holds_what_was_written() -> None:
    assert [len(frames) for _, _, frames in WRITTEN] == [1, 2, 3, 4, 1]


@given(dices)
def test_any_records_in_any_order_are_read_or_named_as_damage(dice: Random) -> None:
    journal.obey(journal.bend(WHOLE, dice))


@given(dices, st.integers(1, 4))
def test_damaged_bytes_never_become_another_frame(dice: Random, times: int) -> None:
    data = WHOLE
    for _ in range(times):
        data = damage(data, dice)
    left = iter(WRITTEN * 2**times)  # a kind of damage writes it all twice
    assert all(contents(batch) in left for batch in journal.obey(data))


@given(st.integers(0, len(WHOLE)))
def test_a_torn_journal_holds_all_that_came_before(end: int) -> None:
    found = [contents(batch) for batch in journal.obey(WHOLE[:end])]
    assert found == WRITTEN[: len(found)]
