"""Files of candles, verified by what they certify."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from alphapulse.archive.candles import Made, make_days, widen_days
from alphapulse.archive.verifying import Finding, verify_paths
from alphapulse.archive.verifying_candles import CandleFinding
from alphapulse.candles import WIDER, BarSize
from tests.alphapulse.archive.test_candle_audit import LIES, TAPE, tamper
from tests.archived import archive_trades
from tests.stored import BTC_DAY

ONE = BarSize.ONE_MINUTE
EVERY = ("columns", "bars", "sums", "times", "shape")
# Only the trades know them; the file alone says no more than that they are possible.
UNSEEN = {"open", "close", "buy_volume", "low", "high", "last_id"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    parquet, candles = tmp_path / "parquet", tmp_path / "candles"
    day = archive_trades(parquet, TAPE)
    made = list(make_days(parquet, candles, [day]))
    made += [one for size in WIDER for one in widen_days(candles, [day], size)]
    assert all(isinstance(one, Made) for one in made), made
    return tmp_path


def file_of(home: Path, size: BarSize = ONE) -> Path:
    return home / "candles" / size / "coinbase" / "BTC-USD" / "2024-08-08.parquet"


def find(path: Path) -> CandleFinding:
    (found,) = verify_paths([path])
    assert isinstance(found, CandleFinding), found
    return found


def test_a_home_is_its_trades_and_its_candles(home: Path) -> None:
    found = list(verify_paths([home]))
    assert all(finding.is_good for finding in found), found
    candles = [one for one in found if isinstance(one, CandleFinding)]
    assert {one.certificate and one.certificate.size for one in candles} == set(BarSize)
    assert {one.held for one in candles} == {EVERY}
    (trades,) = [one for one in found if isinstance(one, Finding)]
    assert trades.certificate and trades.certificate.day == BTC_DAY


def test_a_file_of_candles_is_verified_from_itself_alone(home: Path) -> None:
    found = find(file_of(home).rename(home / "a file.parquet"))
    assert found.is_good, found.failures
    assert found.certificate is not None and found.certificate.trades == 4


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: next(iter(lie)))
def test_what_contradicts_the_certificate_is_found(home: Path, lie: dict[str, Any]) -> None:
    tamper(home / "candles", ONE, **lie)
    found = find(file_of(home))
    assert not found.is_good or lie.keys() <= UNSEEN
    assert set(found.held) < set(EVERY) or found.is_good


@pytest.mark.parametrize("name", ["exchange", "symbol", "open", "opened_at", "trades", "volume"])
def test_a_bar_without_a_value_or_of_another_market_is_found(home: Path, name: str) -> None:
    tamper(home / "candles", ONE, **{name: None})
    assert "holds a bar that lacks a value" in find(file_of(home)).failures[0]
    if name in {"exchange", "symbol"}:
        tamper(home / "candles", ONE, **{name: "other"})
        assert f"holds bars of another {name}" in find(file_of(home)).failures[0]


def test_rows_that_are_gone_are_a_finding(home: Path) -> None:
    path = file_of(home)
    pq.write_table(pq.read_table(path, partitioning=None).slice(0, 0), path)
    found = find(path)
    assert found.held == ("columns",)
    assert "holds (bars, trades, first id, last id) (0, None, None, None)" in found.failures[0]


def test_other_columns_are_found(home: Path) -> None:
    path = file_of(home)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["low"]), path)
    assert "has other columns than candles" in find(path).failures[0]


@pytest.mark.parametrize("at", range(100, 1000, 100))
def test_damage_is_a_finding(home: Path, at: int) -> None:
    path = file_of(home)
    damaged = bytearray(path.read_bytes())
    damaged[at : at + 100] = bytes(100)
    path.write_bytes(damaged)
    (found,) = verify_paths([path])
    assert not found.is_good
    assert str(path) in found.failures[0]


def test_a_footer_of_candles_that_says_too_little_is_a_finding(home: Path) -> None:
    path = file_of(home)
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.replace_schema_metadata({"alphapulse.size": "1m"}), path)
    found = find(path)
    assert found.certificate is None and "is no file of candles" in found.failures[0]


def test_what_is_being_written_is_not_looked_at(home: Path) -> None:
    hidden = home / "parquet" / ".exporting" / "1" / "0.parquet"
    hidden.parent.mkdir(parents=True)
    for half in (hidden, file_of(home).with_name(".2024-08-08.parquet.0a"), home / ".a.parquet"):
        half.write_text("half")
    assert len(list(verify_paths([home]))) == 1 + len(BarSize)


def test_a_file_with_the_name_of_a_month_and_no_day_in_it_is_a_finding(home: Path) -> None:
    stray = file_of(home).rename(file_of(home).with_name("2024-08.parquet"))
    (found,) = verify_paths([stray])
    assert "is no month's file: it names no day" in found.failures[0]
