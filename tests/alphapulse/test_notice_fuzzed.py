"""Whatever stands in a NOTIFY: a notice of which clients can be told, or a NoticeError."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fuzz import laws
from fuzz.mutation import mutate
from fuzz.targets import NOTICES

FIELDS = ["0", "1", "-1", "9" * 19, "9" * 400, "1_0", " 1", "NaN", "1e5", "bl", "ss", "b", "", "٥"]
lines = st.lists(st.sampled_from(FIELDS), max_size=9).map(",".join)


@given(st.sampled_from(["77", "", "-1", "9" * 30]), st.lists(lines, max_size=4))
def test_any_fields_in_any_number_are_read_or_refused(tx: str, rows: list[str]) -> None:
    laws.obey_notice(f"{tx}|{';'.join(rows)}")


@given(st.randoms(use_true_random=False), st.sampled_from(NOTICES))
def test_a_bent_notice_is_read_or_refused(dice: Random, notice: bytes) -> None:
    laws.obey_notice(mutate(notice, dice).decode(errors="replace"))
