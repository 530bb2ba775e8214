"""A file's figures, read in batches, are those of a plain loop over its rows."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse import lake
from alphapulse.lake import LakeError, figures
from tests.alphapulse.lake.test_decimal_spelling import of, plain
from tests.alphapulse.test_lake import MIDNIGHT, Row, certify, write

USUAL = st.integers(-(10**12), 10**12).map(lambda units: units * 10**10)  # eight decimals
UNITS = USUAL | st.integers(-(10**38) + 1, 10**38 - 1)
ROWS = st.lists(
    st.builds(
        Row,
        trade_id=st.integers(0, 20) | st.integers(-(2**63), 2**63 - 1),
        traded_at=st.integers(0, 50).map(lambda micros: MIDNIGHT + timedelta(microseconds=micros)),
        price=UNITS.map(of),
        size=UNITS.map(of),
    ),
    max_size=40,
)


@pytest.fixture(scope="module", params=[1, 3, 8_192])
def batch(request: pytest.FixtureRequest) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "BATCH", request.param)
        yield request.param


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("figures") / "a.parquet"


def climbs(values: list[Any]) -> bool:
    return values == sorted(values)


@given(rows=ROWS, in_order=st.booleans())
@settings(max_examples=30)
def test_figures_are_exact(batch: int, place: Path, rows: list[Row], in_order: bool) -> None:
    if in_order:
        rows = sorted(rows, key=lambda row: (row.traded_at, row.trade_id))
    found = lake.figures_of(write(place, rows, certify()))
    ids, times = [row.trade_id for row in rows], [row.traded_at for row in rows]
    assert (found.rows, found.repeats) == (len(rows), len(ids) - len(set(ids)))
    assert (found.first_id, found.last_id) == (min(ids, default=None), max(ids, default=None))
    assert (found.first_at, found.last_at) == (min(times, default=None), max(times, default=None))
    assert found.in_order == climbs(times)
    with localcontext(prec=200):
        assert found.price_sum == plain(sum((row.price for row in rows), Decimal(0)))
        assert found.size_sum == plain(sum((row.size for row in rows), Decimal(0)))
        assert found.notional_sum == plain(sum((r.price * r.size for r in rows), Decimal(0)))


def test_a_row_without_a_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    nothing = Row(1).columns() | {"price": None}
    pq.write_table(pa.Table.from_pylist([nothing], schema=lake.SCHEMA), path)
    with pytest.raises(LakeError, match="without a value"):
        lake.figures_of(path)
