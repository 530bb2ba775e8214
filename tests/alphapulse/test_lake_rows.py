"""The way back from a file into the store: exact text, the day's rows only."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.day import MarketDay
from alphapulse.lake.place import EXACT, SCHEMA, LakeError
from alphapulse.lake.rows import csv_of, trimmed
from tests.stored import BTC

DAY = MarketDay(date(2024, 8, 8), BTC)
NUMBERS = st.decimals(
    Decimal("-1e19"), Decimal("1e19"), places=18, allow_nan=False, allow_infinity=False
)


@given(st.lists(st.none() | NUMBERS), st.integers(0, 3))
def test_a_number_is_written_plainly_and_exactly(numbers: list[Decimal | None], skip: int) -> None:
    texts = trimmed(pa.array(numbers, EXACT)[skip:]).to_pylist()
    for number, text in zip(numbers[skip:], texts, strict=True):
        if number is None:
            assert text is None
            continue
        assert Decimal(text) == number
        assert "E" not in text.upper() and not text.endswith(".")
        assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E-18", "0.000000000000000001"), ("100", "100"), ("0.0000000120", "0.000000012")],
)
def test_small_numbers_have_no_exponent(number: str, text: str) -> None:
    assert trimmed(pa.array([Decimal(number)], EXACT)).to_pylist() == [text]


def write(path: Path, times: list[datetime], rows_in_group: int) -> Path:
    rows = [
        {
            "exchange": "coinbase",
            "symbol": "BTC-USD",
            "trade_id": id,
            "traded_at": at,
            "price": Decimal("61000.50"),
            "size": Decimal("0.1"),
            "side": "sell",
            "received_at": at,
            "source": "snapshot",
        }
        for id, at in enumerate(times)
    ]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path, row_group_size=rows_in_group)
    return path


@pytest.mark.parametrize("rows_in_group", [1, 2, 7])
def test_only_the_days_own_rows_come(tmp_path: Path, rows_in_group: int) -> None:
    midnight = datetime(2024, 8, 8, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    edges = [midnight - tick, midnight, midnight + tick]
    times = edges + [at + timedelta(days=1) for at in edges]
    path = write(tmp_path / "2024-08.parquet", times, rows_in_group)
    lines = b"".join(csv_of(path, 7, DAY)).decode().splitlines()
    assert [line.split(",")[3] for line in lines] == ["1", "2", "3"]
    assert lines[0] == (
        '7,2024-08-08 00:00:00.000000Z,2024-08-08 00:00:00.000000Z,1,"s","s","61000.5","0.1"'
    )


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "2024-08-08.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(LakeError, match=r"2024-08-08\.parquet cannot be read"):
        list(csv_of(path, 7, DAY))
