from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse import lake
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake import SCHEMA, LakeError
from alphapulse.trade import Market
from tests.alphapulse.test_day import SYMBOLS
from tests.stored import BTC, BTC_DAY, DAY, ETH

MIDNIGHT = BTC_DAY.starts_at


@dataclass(frozen=True)
class Row:
    trade_id: int
    traded_at: datetime = MIDNIGHT
    price: Decimal = Decimal("1.5")
    size: Decimal = Decimal(2)

    def columns(self) -> dict[str, Any]:
        plain = {"exchange": "coinbase", "symbol": "BTC-USD", "side": "buy", "source": "live"}
        return plain | vars(self) | {"received_at": self.traded_at}


def certify(**changes: Any) -> Certificate:
    certificate = Certificate(
        exchange="coinbase",
        symbol="BTC-USD",
        date=DAY,
        rows=2,
        first_id=1,
        last_id=2,
        price_sum="3",
        size_sum="4",
        simulated=False,
        day_closed=True,
        exported_at=datetime(2024, 8, 9, 0, 10, tzinfo=UTC),
    )
    return msgspec.structs.replace(certificate, **changes)


def write(path: Path, rows: list[Row], certificate: Certificate) -> Path:
    table = pa.Table.from_pylist([row.columns() for row in rows], schema=SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(certificate.metadata()), path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return lake.path_of(tmp_path, BTC_DAY)


def test_a_file_lies_by_exchange_symbol_and_day() -> None:
    assert lake.path_of(Path("p"), BTC_DAY) == Path("p/coinbase/BTC-USD/2024-08-08.parquet")


def test_a_slash_makes_no_folder_of_its_own() -> None:
    path = lake.path_of(Path("p"), MarketDay(DAY, ETH))
    assert path == Path("p/kraken/ETH_USD/2024-08-08.parquet")


@given(SYMBOLS, SYMBOLS)
def test_two_symbols_never_share_a_file(one: str, other: str) -> None:
    paths = {
        lake.path_of(Path("p"), MarketDay(DAY, Market("x", symbol))) for symbol in (one, other)
    }
    assert len(paths) == len({one, other})
    assert all(len(path.parts) == 4 and ".." not in path.parts for path in paths)


@pytest.mark.parametrize("exchange", ["..", "a/b", "a|b", "x y"])
def test_an_exchange_that_is_no_folder_is_refused(exchange: str) -> None:
    with pytest.raises(LakeError, match="cannot be a folder"):
        lake.path_of(Path("p"), MarketDay(DAY, Market(exchange, "BTC")))


@given(
    symbol=SYMBOLS,
    rows=st.integers(1, 10**12),
    first_id=st.integers(-(2**63), 2**63 - 1),
    simulated=st.booleans(),
    day_closed=st.booleans(),
    exported_at=st.datetimes(timezones=st.just(UTC)),
)
def test_a_certificate_survives_the_file(tmp_path_factory: Any, **words: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "certificate.parquet"
    certificate = certify(**words)
    write(path, [], certificate)
    assert lake.read_certificate(path) == certificate


def test_the_metadata_keys_are_those_of_the_document(path: Path) -> None:
    counts = dict.fromkeys(("expected", "repaired", "absent", "missing", "unexplained"), 0)
    texts = dict.fromkeys(("notional_sum", "checksum", "verdict", "reason"), "0")
    write(path, [], certify(certificate_version=2, observed=0.5, **counts, **texts))
    keys = {key.decode() for key in pq.read_metadata(path).metadata} - {"ARROW:schema"}
    document = (Path(__file__).parents[2] / "docs" / "archive.md").read_text()
    assert keys == {f"alphapulse.{name}" for name in Certificate.__struct_fields__}
    assert not [key for key in keys if f"`{key}`" not in document]


def test_a_foreign_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(LakeError, match=r"a\.parquet is no file of this archive"):
        lake.read_certificate(path)


def test_a_truncated_file_is_named(path: Path) -> None:
    write(path, [Row(1), Row(2)], certify())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LakeError, match=r"2024-08-08\.parquet is no file of this archive"):
        lake.read_certificate(path)


def test_where_there_is_no_file_there_is_no_certificate(tmp_path: Path) -> None:
    assert lake.find_certificate(tmp_path, BTC_DAY) is None


def test_a_file_that_keeps_its_word_is_verified(path: Path) -> None:
    lake.verify(write(path, [Row(1), Row(2)], certify()), certify())


LIES: list[tuple[list[Row], dict[str, Any], str]] = [
    ([Row(1)], {}, "the store said"),
    ([Row(1), Row(2), Row(2)], {}, "the store said"),
    ([Row(1), Row(3)], {}, "the store said"),
    ([Row(0), Row(2)], {}, "the store said"),
    ([Row(1), Row(2, price=Decimal("1.500000000000000001"))], {}, "sums up"),
    ([Row(1), Row(2, size=Decimal("2.1"))], {}, "sums up"),
    ([Row(1), Row(2, MIDNIGHT - timedelta(microseconds=1))], {}, "outside its day"),
    ([Row(1), Row(2, BTC_DAY.ends_at)], {}, "outside its day"),
    ([Row(1, MIDNIGHT + timedelta(microseconds=1)), Row(2)], {}, "not in order"),
    (
        [Row(1), Row(2), Row(2, MIDNIGHT + timedelta(seconds=1))],
        {"rows": 3, "price_sum": "4.5", "size_sum": "6"},
        "1 trade ids are stored more than once",
    ),
]


@pytest.mark.parametrize(("rows", "words", "why"), LIES)
def test_a_file_that_lies_is_caught(
    path: Path, rows: list[Row], words: dict[str, Any], why: str
) -> None:
    certificate = certify(**words)
    with pytest.raises(LakeError, match=why):
        lake.verify(write(path, rows, certificate), certificate)


def test_another_certificate_than_given_is_caught(path: Path) -> None:
    write(path, [Row(1), Row(2)], certify())
    with pytest.raises(LakeError, match="does not carry the certificate"):
        lake.verify(path, certify(simulated=True))


def test_other_columns_are_caught(path: Path) -> None:
    path.parent.mkdir(parents=True)
    table = pa.table({"trade_id": [1, 2]}).replace_schema_metadata(certify().metadata())
    pq.write_table(table, path)
    with pytest.raises(LakeError, match="other columns"):
        lake.verify(path, certify())


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1), min_size=1, max_size=50))
def test_sums_are_exact(numbers: list[int]) -> None:
    values = [of(number) for number in numbers]
    column = pa.chunked_array([pa.array([value], lake.EXACT) for value in values])
    text = lake.sum_of(column)
    whole, _, part = text.partition(".")
    assert int(whole + part.ljust(18, "0")) == sum(numbers)
    assert not text.endswith(".") and not (part and part.endswith("0"))


def of(number: int) -> Decimal:
    """`number` with 18 decimals; Decimal's own arithmetic would round it to 28 digits."""
    return Decimal((number < 0, tuple(map(int, str(abs(number)))), -18))


def test_a_rename_replaces_the_file_at_once(tmp_path: Path) -> None:
    old, new = tmp_path / "a", tmp_path / ".a"
    old.write_text("old")
    new.write_text("new")
    with old.open() as reader:
        lake.put_in_place(new, old)
        assert reader.read() == "old"
    assert old.read_text() == "new"
    assert not new.exists()


def test_a_market_is_read_over_days_of_which_some_have_no_file(tmp_path: Path) -> None:
    write(lake.path_of(tmp_path, BTC_DAY), [Row(1), Row(2)], certify())
    later = MarketDay(date(2024, 8, 10), BTC)
    write(lake.path_of(tmp_path, later), [Row(9, later.starts_at)], certify(date=later.date))
    found = lake.read_days(tmp_path, BTC, DAY, later.date)
    assert found["trade_id"].to_pylist() == [1, 2, 9]
    assert found.schema.equals(SCHEMA)
    assert lake.read_days(tmp_path, ETH, DAY, later.date).num_rows == 0


def test_a_file_is_read_in_the_columns_of_the_document(path: Path) -> None:
    write(path, [Row(1), Row(2)], certify())
    assert lake.read(path).schema.equals(SCHEMA)
    document = (Path(__file__).parents[2] / "docs" / "archive.md").read_text()
    assert not [name for name in SCHEMA.names if f"| `{name}` |" not in document]


def test_the_catalogue_lists_what_is_there(tmp_path: Path) -> None:
    path = write(lake.path_of(tmp_path, BTC_DAY), [Row(1), Row(2)], certify())
    (path.parent / ".2024-08-09.parquet.0a").write_text("being written")
    (row,) = lake.catalogue(lake.files(tmp_path)).to_pylist()
    assert (row["exchange"], row["symbol"], row["date"], row["rows"]) == (
        "coinbase",
        "BTC-USD",
        DAY,
        2,
    )
    assert (row["path"], row["bytes"]) == (str(path), path.stat().st_size)


def test_a_file_in_the_wrong_place_is_named(tmp_path: Path) -> None:
    write(lake.path_of(tmp_path, MarketDay(DAY, ETH)), [Row(1), Row(2)], certify())
    with pytest.raises(LakeError, match=r"holds 2024-08-08\|coinbase/BTC-USD"):
        lake.catalogue(lake.files(tmp_path))
