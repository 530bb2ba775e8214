from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alphapulse import lake
from alphapulse.candles import quote_of
from alphapulse.lake import EXACT, LakeError
from alphapulse.lake.quotes import QUOTED, quoted_trades, quotes_of
from alphapulse.lake.trades import trades_of
from tests.archived import archive_trades, trade

HERE = Path("day.parquet")
UNSCALED = st.integers(1, 10**29).map(lambda number: Decimal(number).scaleb(-18))
PLAIN = st.sampled_from([Decimal("61837.63"), Decimal("0.0001"), Decimal("0.5")])


def quotes(pairs: list[tuple[Decimal, Decimal]]) -> list[Decimal]:
    prices, sizes = (pa.array(column, EXACT) for column in zip(*pairs, strict=True))
    return list(quotes_of(HERE, prices, sizes).to_pylist())


@example([(Decimal("0.5"), Decimal("36.893488144158113654"))])  # Arrow rounds it wrongly
@given(st.lists(st.tuples(UNSCALED | PLAIN, PLAIN | UNSCALED), min_size=1, max_size=20))
def test_quotes_are_those_of_the_reference_or_an_error(
    pairs: list[tuple[Decimal, Decimal]],
) -> None:
    if all(price * size < Decimal("9.9e19") for price, size in pairs):
        assert quotes(pairs) == [quote_of(price, size) for price, size in pairs]
    elif any(price * size > Decimal("1.01e20") for price, size in pairs):
        with pytest.raises(LakeError, match="is 1e20 or more"):
            quotes(pairs)


def test_a_size_too_large_for_arrows_product_is_multiplied_all_the_same() -> None:
    assert quotes([(Decimal("0.5"), Decimal("9e19"))]) == [Decimal("4.5e19")]


def test_the_trade_that_is_worth_too_much_is_named() -> None:
    with pytest.raises(LakeError, match=r"day\.parquet: price 30000000000\.0+ x size 40000000000"):
        quotes([(Decimal(1), Decimal(1)), (Decimal(3 * 10**10), Decimal(4 * 10**10))])


def test_a_file_is_read_in_order_with_its_quotes(tmp_path: Path) -> None:
    tape = [trade(n, n, f"{n}.5", "0.25") for n in range(1, 200)]
    path = lake.path_of(tmp_path, archive_trades(tmp_path, tape))
    table = quoted_trades(path).read_all()
    assert table.schema.equals(QUOTED)
    assert table["trade_id"].to_pylist() == list(range(1, 200))
    assert table["quote"].to_pylist() == [quote_of(t.price, t.size) for t in tape]


def test_one_row_group_is_read_alone(tmp_path: Path) -> None:
    tape = [trade(n, n) for n in range(1, 10)]
    path = lake.path_of(tmp_path, archive_trades(tmp_path, tape))
    pq.write_table(lake.read(path), path, row_group_size=3)
    assert quoted_trades(path, 1).read_all()["trade_id"].to_pylist() == [4, 5, 6]
    assert list(trades_of(path, 1)) == tape[3:6]


def test_trades_come_back_as_they_were_archived(tmp_path: Path) -> None:
    tape = [trade(n, n, "61837.63", "0.00000001") for n in range(1, 9)]
    assert list(trades_of(lake.path_of(tmp_path, archive_trades(tmp_path, tape)))) == tape
