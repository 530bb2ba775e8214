from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from alphapulse import lake
from alphapulse.archive.candle_audit import SMALL, compare_with_minutes, compare_with_trades
from alphapulse.archive.candles import Made, make_days, widen_days
from alphapulse.candles import WIDER, BarSize
from alphapulse.lake.candle_files import CANDLE_SCHEMA, path_of_candles, read_candles
from alphapulse.trade import Side, Trade
from tests.archived import archive_trades, tapes, trade
from tests.stored import BTC_DAY

ONE, HOUR = BarSize.ONE_MINUTE, BarSize.ONE_HOUR
WAYS = [SMALL, 0]  # by the reference; by SQL
TAPE = [
    trade(1, 5, "10", "1"),
    trade(2, 5, "12", "1", Side.SELL),
    trade(3, 5, "11", "2"),
    trade(4, 70_000_000, "9", "0.5"),
]


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    return tmp_path / "parquet"


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    return tmp_path / "candles"


def prepare(parquet: Path, candles: Path, tape: list[Trade]) -> None:
    archive_trades(parquet, tape)
    made = list(make_days(parquet, candles, [BTC_DAY]))
    made += [one for size in WIDER for one in widen_days(candles, [BTC_DAY], size)]
    assert all(isinstance(one, Made) for one in made), made


def reasons(parquet: Path, candles: Path, small: int = SMALL) -> list[str]:
    return [found.reason for found in compare_with_trades(parquet, candles, [BTC_DAY], small)]


def wide_reasons(candles: Path, size: BarSize = HOUR) -> list[str]:
    return [found.reason for found in compare_with_minutes(candles, [BTC_DAY], size)]


def tamper(candles: Path, size: BarSize, **changes: Any) -> None:
    """Change the first bar and keep the certificate."""
    path = path_of_candles(candles, size, BTC_DAY)
    words = pq.read_metadata(path).metadata
    rows = read_candles(path).to_pylist()
    rows[0] |= changes
    table = pa.Table.from_pylist(rows, schema=CANDLE_SCHEMA)
    pq.write_table(table.replace_schema_metadata(words), path)


@given(tape=tapes())
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_made_agrees_by_either_way(
    tmp_path: Path, parquet: Path, candles: Path, tape: list[Trade]
) -> None:
    prepare(parquet, candles, tape)
    assert [reasons(parquet, candles, small) for small in WAYS] == [[], []]
    assert [wide_reasons(candles, size) for size in WIDER] == [[]] * 4


LIES: list[dict[str, Any]] = [
    {"open": Decimal(12)},
    {"close": Decimal(12)},
    {"high": Decimal("12.000000000000000001")},
    {"low": Decimal("9.9")},
    {"volume": Decimal("3.5")},
    {"buy_volume": Decimal(2)},
    {"quote_volume": Decimal("44.000000000000000003")},
    {"trades": 2},
    {"first_id": 0},
    {"last_id": 4},
    {"opened_at": BTC_DAY.ends_at},
]


@pytest.mark.parametrize("small", WAYS)
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: next(iter(lie)))
def test_any_wrong_number_is_found_by_either_way(
    parquet: Path, candles: Path, lie: dict[str, Any], small: int
) -> None:
    prepare(parquet, candles, TAPE)
    tamper(candles, ONE, **lie)
    (reason,) = reasons(parquet, candles, small)
    assert "a bar is" in reason or "the bar at" in reason or "sum up to" in reason


@pytest.mark.parametrize("small", WAYS)
def test_candles_of_other_trades_are_found(parquet: Path, candles: Path, small: int) -> None:
    prepare(parquet, candles, TAPE)
    archive_trades(parquet, TAPE[:3])
    assert reasons(parquet, candles, small) == ["the candles are not of these trades"]


def test_what_is_missing_is_found(parquet: Path, candles: Path) -> None:
    assert reasons(parquet, candles) == []
    archive_trades(parquet, TAPE)
    assert reasons(parquet, candles) == ["there are no candles"]
    prepare(parquet, candles, TAPE)
    lake.path_of(parquet, BTC_DAY).unlink()
    assert reasons(parquet, candles) == ["there are candles, and no file of trades"]


@pytest.mark.parametrize("small", WAYS)
def test_a_file_of_trades_that_cannot_be_read_is_named(
    parquet: Path, candles: Path, small: int
) -> None:
    prepare(parquet, candles, TAPE)
    path = lake.path_of(parquet, BTC_DAY)
    damaged = bytearray(path.read_bytes())
    damaged[4:200] = bytes(196)
    path.write_bytes(damaged)
    (reason,) = reasons(parquet, candles, small)
    assert str(path) in reason


def test_a_wider_bar_that_is_not_the_sum_of_its_minutes_is_found(
    parquet: Path, candles: Path
) -> None:
    prepare(parquet, candles, TAPE)
    tamper(candles, HOUR, volume=Decimal(1))
    (reason,) = wide_reasons(candles)
    assert "recomputed, a bar is" in reason
    assert wide_reasons(candles, BarSize.ONE_DAY) == []


def test_wider_bars_of_other_trades_or_without_minutes_are_found(
    parquet: Path, candles: Path
) -> None:
    prepare(parquet, candles, TAPE)
    archive_trades(parquet, TAPE[:3])
    list(make_days(parquet, candles, [BTC_DAY]))
    assert wide_reasons(candles) == ["bars of 1h are of other trades than bars of 1m"]
    path_of_candles(candles, ONE, BTC_DAY).unlink()
    assert wide_reasons(candles) == ["there are no bars of 1m"]
    path_of_candles(candles, HOUR, BTC_DAY).unlink()
    assert wide_reasons(candles) == []
