"""Arrow tables as frames: the same values in every shape."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.lake import EXACT, INSTANT, Place, month_of, write_month
from alphapulse.lake.frames import BadShape, Shape, days_at, read_as, shaped

AT = datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)
BIG = 2**62 + 1  # an id that no float can hold
TABLE = pa.table(
    {
        "traded_at": pa.array([AT, AT], INSTANT),
        "trade_id": pa.array([BIG, BIG + 1], pa.int64()),
        "price": pa.array([Decimal("61000.25"), Decimal("0.5")], EXACT),
        "size": pa.array([Decimal("0.00000001"), Decimal(12)], EXACT),
        "missing": pa.array([BIG, None], pa.int64()),
        "day": pa.array([date(2026, 11, 21)] * 2, pa.date32()),
        "side": ["buy", "sell"],
    }
)

fitting = st.decimals(
    min_value=Decimal("-1e19"), max_value=Decimal("1e19"), places=18, allow_nan=False
)


@given(st.lists(st.one_of(st.none(), fitting), max_size=5))
def test_no_shape_changes_a_decimal(values: list[Decimal | None]) -> None:
    table = pa.table({"price": pa.array(values, EXACT)})
    frame = shaped(table, "pandas")
    assert [None if pd.isna(one) else one for one in frame["price"]] == values
    assert shaped(table, "polars")["price"].to_list() == values
    assert shaped(table, "arrow")["price"].to_pylist() == values


@given(st.lists(st.decimals(-(10**9), 10**9, places=8, allow_nan=False), min_size=1, max_size=5))
def test_usual_prices_and_sizes_can_be_multiplied(values: list[Decimal]) -> None:
    frame = shaped(pa.table({"one": pa.array(values, EXACT)}), "pandas")
    with localcontext(prec=60):
        assert list(frame["one"] * frame["one"]) == [value * value for value in values]


def test_a_column_keeps_its_digits_where_only_the_last_value_needs_them() -> None:
    values = [Decimal(1)] * 5_000 + [Decimal("1.000001")]
    frame = shaped(pa.table({"price": pa.array(values, EXACT)}), "pandas")
    assert frame["price"].iloc[-1] == values[-1]
    assert frame["price"].dtype == pd.ArrowDtype(pa.decimal128(18, 6))


def test_pandas_keeps_instants_ids_and_days() -> None:
    frame = shaped(TABLE, "pandas")
    assert frame["traded_at"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert frame["traded_at"].iloc[0] == AT
    assert list(frame["trade_id"]) == [BIG, BIG + 1]
    assert frame["missing"].iloc[0] == BIG
    assert pd.isna(frame["missing"].iloc[1])
    assert frame["day"].max() == date(2026, 11, 21)
    assert (frame["price"] * frame["size"]).sum() == Decimal("6.0006100025")


def test_an_index_of_times_can_be_resampled() -> None:
    frame = shaped(TABLE, "pandas", index="traded_at")
    assert list(frame["price"].resample("1s").last()) == [Decimal("0.5")]


@pytest.mark.parametrize("shape", ["pandas", "polars", "arrow"])
def test_floats_are_given_to_who_asks(shape: Shape) -> None:
    frame = shaped(TABLE, shape, "float")
    prices = frame["price"].to_pylist() if shape == "arrow" else list(frame["price"])
    assert prices == [61000.25, 0.5]
    assert all(isinstance(price, float) for price in prices)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ("numpy", {}, "as_='numpy': say 'pandas', 'polars' or 'arrow'"),
        ("pandas", {"decimals": "double"}, "decimals='double': say 'exact' or 'float'"),
        ("pandas", {"index": "time"}, "index='time': .* one, of: traded_at, trade_id"),
        ("polars", {"index": "traded_at"}, "a frame of pandas may have one"),
    ],
)
def test_what_cannot_be_made_is_said(shape: Any, options: Any, message: str) -> None:
    with pytest.raises(BadShape, match=message):
        shaped(TABLE, shape, **options)


def test_without_polars_the_answer_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(BadShape, match="pip install polars"):
        shaped(TABLE, "polars")


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """The table twice, as files."""
    found = [tmp_path / "2026-11-20.parquet", tmp_path / "2026-11-21.parquet"]
    for path in found:
        pq.write_table(TABLE, path)
    return found


def test_files_are_read_as_the_type_that_is_asked_for(paths: list[Path]) -> None:
    both = pa.concat_tables([TABLE, TABLE])
    assert read_as(days_at(paths, TABLE.schema), pa.Table).equals(both)
    assert read_as(days_at(paths, TABLE.schema), ds.Dataset).count_rows() == 4
    assert read_as(days_at(paths, TABLE.schema), pl.DataFrame).equals(shaped(both, "polars"))
    assert read_as(days_at(paths, TABLE.schema), pl.LazyFrame).select(
        pl.col("price").sum()
    ).collect().item() == Decimal("122001.5")
    for anything in (pd.DataFrame, Any, None):
        pd.testing.assert_frame_equal(
            read_as(days_at(paths, TABLE.schema), anything), shaped(both, "pandas")
        )


def test_another_type_is_refused_by_name(paths: list[Path]) -> None:
    with pytest.raises(BadShape, match=r"builtins.dict cannot be read"):
        read_as(days_at(paths, TABLE.schema), dict)


def test_days_are_read_from_their_months_file_too(paths: list[Path]) -> None:
    month = month_of(paths[0])
    write_month(month, [Place(path, date.fromisoformat(path.stem)) for path in paths])
    for path in paths:
        path.unlink()
    (one,) = paths[1:]
    assert read_as(days_at([one], TABLE.schema), pa.Table).equals(TABLE)
    assert read_as(days_at(paths, TABLE.schema), pa.Table).num_rows == 4
    assert days_at([month.with_name("2026-12-01.parquet")], TABLE.schema) is None
