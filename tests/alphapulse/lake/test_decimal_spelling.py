"""Decimals as the texts of a checksum: what Python's own plain notation gives."""

from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from alphapulse import lake
from alphapulse.lake.spelling import plain_texts

SMALL = st.integers(-(10**14), 10**14)  # of the eighteenth decimal: around a millionth
ANY = st.integers(-(10**38) + 1, 10**38 - 1)


def of(units: int) -> Decimal:
    return Decimal((units < 0, tuple(map(int, str(abs(units)))), -18))


def plain(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


@given(st.lists(SMALL | ANY | st.just(0), max_size=30))
def test_every_decimal_is_spelled_plainly(units: list[int]) -> None:
    values = [of(number) for number in units]
    assert plain_texts(pa.array(values, lake.EXACT)).to_pylist() == [plain(v) for v in values]
