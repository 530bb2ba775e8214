from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from alphapulse.candles import BarSize
from alphapulse.lake import LakeError
from alphapulse.lake.candle_files import (
    CANDLE_SCHEMA,
    bars_of,
    candle_files,
    find_candle_certificate,
    path_of_candles,
    read_candle_certificate,
    read_candles,
    verify_candles,
)
from tests.alphapulse.test_candle_certificate import CANDLES
from tests.archived import micros_of
from tests.stored import BTC_DAY, DAY

ONE = BarSize.ONE_MINUTE
MINUTE = timedelta(minutes=1)
WORDS = replace(CANDLES, size=ONE, bars=2, trades=3, last_id=3)
BAR: dict[str, Any] = {
    "exchange": "coinbase",
    "symbol": "BTC-USD",
    "opened_at": BTC_DAY.starts_at,
    "open": Decimal(1),
    "high": Decimal(2),
    "low": Decimal(1),
    "close": Decimal(2),
    "volume": Decimal(3),
    "buy_volume": Decimal(1),
    "quote_volume": Decimal(4),
    "trades": 2,
    "first_id": 1,
    "last_id": 2,
}
NEXT = BAR | {
    "opened_at": BTC_DAY.starts_at + MINUTE,
    "volume": Decimal(1),
    "quote_volume": Decimal(2),
    "trades": 1,
    "first_id": 3,
    "last_id": 3,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return path_of_candles(tmp_path, ONE, BTC_DAY)


def write(path: Path, *bars: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(bars), schema=CANDLE_SCHEMA)
    pq.write_table(table.replace_schema_metadata(WORDS.metadata()), path)
    return path


def test_candles_lie_by_size_exchange_symbol_and_day() -> None:
    path = path_of_candles(Path("c"), BarSize.FIFTEEN_MINUTES, BTC_DAY)
    assert path == Path("c/15m/coinbase/BTC-USD/2024-08-08.parquet")


def test_files_that_keep_their_word_are_verified_listed_and_read(
    path: Path, tmp_path: Path
) -> None:
    verify_candles(write(path, BAR, NEXT), WORDS)
    path.with_name(f".{path.name}.0a").write_text("being written")
    assert [file.path for file in candle_files(tmp_path, ONE)] == [path]
    assert candle_files(tmp_path, BarSize.ONE_DAY) == []
    assert find_candle_certificate(tmp_path, ONE, BTC_DAY) == WORDS
    assert find_candle_certificate(tmp_path, BarSize.ONE_DAY, BTC_DAY) is None
    first, second = bars_of(path)
    assert (first.opened_at, first.close, first.last_id) == (micros_of(DAY), Decimal(2), 2)
    assert second.opened_at - first.opened_at == ONE.micros


LIES: list[tuple[dict[str, Any], str]] = [
    ({"trades": 2}, "bars, trades, first id, last id"),
    ({"last_id": 4}, "bars, trades, first id, last id"),
    ({"first_id": 0}, "bars, trades, first id, last id"),
    ({"volume": Decimal("1.000000000000000001")}, "sum up to"),
    ({"quote_volume": Decimal(3)}, "sum up to"),
    ({"opened_at": BTC_DAY.starts_at}, "a bar twice"),
    ({"opened_at": BTC_DAY.ends_at}, "outside its day"),
    ({"opened_at": BTC_DAY.starts_at + MINUTE * 1.5}, "does not begin where 1m bars do"),
    ({"low": Decimal("1.5")}, "contradict"),
    ({"high": Decimal("1.5")}, "contradict"),
    ({"buy_volume": Decimal(2)}, "contradict"),
]


@pytest.mark.parametrize(("lie", "why"), LIES)
def test_a_file_that_lies_is_caught(path: Path, lie: dict[str, Any], why: str) -> None:
    write(path, BAR, NEXT | lie)
    with pytest.raises(LakeError, match=why):
        verify_candles(path, WORDS)


def test_a_bar_that_is_missing_is_caught(path: Path) -> None:
    with pytest.raises(LakeError, match="bars, trades"):
        verify_candles(write(path, BAR), WORDS)


def test_another_certificate_or_other_columns_are_caught(path: Path) -> None:
    write(path, BAR, NEXT)
    with pytest.raises(LakeError, match="does not carry the certificate"):
        verify_candles(path, replace(WORDS, simulated=True))
    table = pa.table({"open": [1]}).replace_schema_metadata(WORDS.metadata())
    pq.write_table(table, path)
    with pytest.raises(LakeError, match="other columns"):
        verify_candles(path, WORDS)


def test_a_file_that_is_none_is_named(path: Path) -> None:
    write(path, BAR, NEXT)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(LakeError, match=r"2024-08-08\.parquet is no file of candles"):
        read_candle_certificate(path)
    with pytest.raises(LakeError, match=r"2024-08-08\.parquet cannot be read"):
        read_candles(path)
