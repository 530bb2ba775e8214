import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse import lake
from alphapulse.archive.candles import ABANDONED, Made, NotMade, make_days, widen_days
from alphapulse.archive.export import Exported, export_days
from alphapulse.candle_certificate import is_stale
from alphapulse.candles import WIDER, BarSize, fold
from alphapulse.day import MarketDay
from alphapulse.lake.candle_files import (
    CANDLE_SCHEMA,
    find_candle_certificate,
    path_of_candles,
    read_candles,
    verify_candles,
)
from alphapulse.store.connect import Store
from alphapulse.trade import Side, Trade
from tests.archived import archive_trades, archived_bars, tapes, trade
from tests.conftest import ROOT
from tests.stored import BTC, BTC_DAY, DAY, store_trades

ONE = BarSize.ONE_MINUTE
MINUTE = ONE.micros


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    return tmp_path / "parquet"


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    return tmp_path / "candles"


def make(parquet: Path, candles: Path, day: MarketDay = BTC_DAY) -> Made:
    (done,) = make_days(parquet, candles, [day])
    assert isinstance(done, Made), done
    return done


def fail(parquet: Path, candles: Path, day: MarketDay = BTC_DAY) -> str:
    (done,) = make_days(parquet, candles, [day])
    assert isinstance(done, NotMade), done
    return done.reason


def widen(candles: Path, size: BarSize) -> Made:
    (done,) = widen_days(candles, [BTC_DAY], size)
    assert isinstance(done, Made), done
    return done


def files_below(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


@given(tape=tapes())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_files_hold_what_the_reference_says(
    tmp_path: Path, parquet: Path, candles: Path, tape: list[Trade]
) -> None:
    archive_trades(parquet, tape)
    make(parquet, candles)
    assert archived_bars(candles, ONE, BTC_DAY) == fold(tape, ONE)
    for size in WIDER:
        widen(candles, size)
        assert archived_bars(candles, size, BTC_DAY) == fold(tape, size)


def test_a_day_becomes_one_file_of_each_size(parquet: Path, candles: Path) -> None:
    archive_trades(parquet, [trade(1, 0), trade(2, 6 * MINUTE, side=Side.SELL)])
    done = make(parquet, candles)
    assert done.path == candles / "1m/coinbase/BTC-USD/2024-08-08.parquet"
    assert done.certificate is not None and done.bytes == done.path.stat().st_size
    assert (done.certificate.bars, done.certificate.trades) == (2, 2)
    bars = {size: widen(candles, size) for size in WIDER}
    assert [made.certificate.bars for made in bars.values() if made.certificate] == [2, 1, 1, 1]
    paths = [candles / size / "coinbase/BTC-USD/2024-08-08.parquet" for size in BarSize]
    assert files_below(candles) == sorted(paths)


def test_the_columns_are_those_of_the_document(parquet: Path, candles: Path) -> None:
    archive_trades(parquet, [trade(1, 0, "61837.63", "0.00000001", Side.SELL)])
    path = make(parquet, candles).path
    assert path is not None
    assert pq.read_schema(path).remove_metadata().equals(CANDLE_SCHEMA)
    (row,) = read_candles(path).to_pylist()
    assert row == {
        "exchange": "coinbase",
        "symbol": "BTC-USD",
        "opened_at": BTC_DAY.starts_at,
        **dict.fromkeys(("open", "high", "low", "close"), Decimal("61837.63")),
        "volume": Decimal("0.00000001"),
        "buy_volume": Decimal(0),
        "quote_volume": Decimal("0.0006183763"),
        "trades": 1,
        "first_id": 1,
        "last_id": 1,
    }
    document = (ROOT / "docs" / "archive.md").read_text().partition("## Candles")[2]
    assert not [name for name in CANDLE_SCHEMA.names if f"| `{name}` |" not in document]


def test_the_documents_sql_makes_the_same_bars(parquet: Path, candles: Path) -> None:
    tape = [trade(n, n % 7 * 20_000_000, f"1.{n}", f"0.{n}") for n in range(1, 30)]
    archive_trades(parquet, tape)
    path = make(parquet, candles).path
    assert path is not None
    document = (ROOT / "docs" / "archive.md").read_text().partition("## Candles")[2]
    sql = re.findall(r"    SELECT time_bucket.*?ORDER BY opened_at\n", document, re.DOTALL)[0]
    named = re.sub(r"'parquet/.*?'", f"'{lake.path_of(parquet, BTC_DAY)}'", sql)
    with duckdb.connect(":memory:") as duck:
        found = duck.execute(named).to_arrow_table().to_pylist()
    expected = read_candles(path).drop_columns(["exchange", "symbol"]).to_pylist()
    assert found == expected


def test_candles_follow_from_the_export_of_a_real_store(
    store: Store, database_url: str, parquet: Path, candles: Path
) -> None:
    rows = [(n, f"{DAY} 00:{n:02}:00", f"61837.{n}", "0.00000003") for n in range(1, 30)]
    store_trades(store, BTC, rows)
    (done,) = export_days(database_url, parquet, [BTC_DAY])
    assert isinstance(done, Exported) and done.certificate is not None
    certificate = make(parquet, candles).certificate
    assert certificate is not None and not is_stale(certificate, done.certificate)
    assert certificate.volume_sum == done.certificate.size_sum
    assert certificate.quote_volume_sum == done.certificate.notional_sum
    assert certificate.trades_checksum == done.certificate.checksum
    assert (certificate.bars, certificate.trades) == (29, 29)


def test_another_export_makes_the_candles_stale_until_they_are_made_again(
    parquet: Path, candles: Path
) -> None:
    archive_trades(parquet, [trade(1, 0)])
    make(parquet, candles)
    archive_trades(parquet, [trade(1, 0), trade(2, 1)])
    trades = lake.find_certificate(parquet, BTC_DAY)
    assert trades is not None
    assert is_stale(find_candle_certificate(candles, ONE, BTC_DAY), trades)
    make(parquet, candles)
    assert not is_stale(find_candle_certificate(candles, ONE, BTC_DAY), trades)


def test_a_day_without_trades_has_no_file(parquet: Path, candles: Path) -> None:
    assert make(parquet, candles) == Made(BTC_DAY)
    assert widen(candles, BarSize.ONE_DAY) == Made(BTC_DAY)
    assert not candles.exists()


def test_candles_whose_trades_went_away_stay_and_are_told(parquet: Path, candles: Path) -> None:
    archive_trades(parquet, [trade(1, 0)])
    path = make(parquet, candles).path
    widen(candles, BarSize.ONE_HOUR)
    lake.path_of(parquet, BTC_DAY).unlink()
    assert "no trades in" in (reason := fail(parquet, candles)) and "they stay" in reason
    assert path is not None and path.exists()
    path.unlink()
    (done,) = widen_days(candles, [BTC_DAY], BarSize.ONE_HOUR)
    assert isinstance(done, NotMade) and "they stay" in done.reason


def test_a_day_that_fails_does_not_stop_the_others(parquet: Path, candles: Path) -> None:
    archive_trades(parquet, [trade(1, 0)])
    other = archive_trades(parquet, [trade(2, 0, day=DAY + timedelta(days=1))])
    lake.path_of(parquet, BTC_DAY).write_bytes(b"PAR1 no more")
    bad, good = make_days(parquet, candles, [BTC_DAY, other])
    assert isinstance(bad, NotMade) and "is no file of this archive" in bad.reason
    assert isinstance(good, Made) and good.path is not None and good.path.exists()


LIES = [
    ({"rows": 3}, "holds .bars, trades, first id, last id."),
    ({"last_id": 3}, "holds .bars, trades, first id, last id."),
    ({"size_sum": "5"}, "sum up to"),
    ({"notional_sum": "6.000000000000000002"}, "it is damaged. Export the day again"),
]


@pytest.mark.parametrize(("words", "why"), LIES)
def test_trades_that_are_not_what_they_certify_make_no_candles(
    parquet: Path, candles: Path, words: dict[str, object], why: str
) -> None:
    archive_trades(parquet, [trade(1, 0), trade(2, 1)], **words)
    reason = fail(parquet, candles)
    assert any(part in reason for part in why.split(".")), reason
    assert files_below(candles) == []


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7])
def test_damaged_pages_make_no_candles_and_leave_the_old_ones(
    parquet: Path, candles: Path, place: float
) -> None:
    tape = [trade(n, n * 1000, f"{n}.{n}", f"0.{n:07}") for n in range(1, 3000)]
    archive_trades(parquet, tape)
    before = make(parquet, candles)
    path = lake.path_of(parquet, BTC_DAY)
    damaged = bytearray(path.read_bytes())
    at = int(len(damaged) * place)
    damaged[at : at + 400] = bytes(400)
    path.write_bytes(damaged)
    assert str(path) in fail(parquet, candles) or "2024-08-08" in fail(parquet, candles)
    assert before.path is not None and before.certificate is not None
    verify_candles(before.path, before.certificate)
    assert files_below(candles) == [before.path]


def test_a_product_that_no_column_holds_is_told(parquet: Path, candles: Path) -> None:
    archive_trades(parquet, [trade(1, 0), trade(2, 1, "5e19", "2")])
    assert "x size 2.000000000000000000 is 1e20 or more" in fail(parquet, candles)


@pytest.mark.parametrize("size", ["6e19", "99999999999999999999"])
def test_a_sum_that_no_column_holds_is_told(parquet: Path, candles: Path, size: str) -> None:
    archive_trades(parquet, [trade(n, n, "0.5", size) for n in range(1, 4)])
    reason = fail(parquet, candles)
    assert "1e20 or more" in reason or "Overflow" in reason
    assert files_below(candles) == []


def test_a_sum_that_only_a_wide_bar_cannot_hold_leaves_the_narrow_ones(
    parquet: Path, candles: Path
) -> None:
    archive_trades(parquet, [trade(n, n * MINUTE, "0.5", "6e19") for n in range(1, 3)])
    make(parquet, candles)
    (done,) = widen_days(candles, [BTC_DAY], BarSize.ONE_HOUR)
    assert isinstance(done, NotMade) and "the 1h bar at" in done.reason
    assert len(files_below(candles)) == 1


@given(st.integers(1, 10**38 - 1), st.integers(1, 10**38 - 1))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_worth_is_the_references_or_an_error(
    tmp_path: Path, parquet: Path, candles: Path, price: int, size: int
) -> None:
    tape = [trade(1, 0, f"{price}e-18", f"{size}e-18")]
    archive_trades(parquet, tape)
    (done,) = make_days(parquet, candles, [BTC_DAY])
    if price * size < 10**56 - 5 * 10**17:
        assert isinstance(done, Made), done
        assert archived_bars(candles, ONE, BTC_DAY) == fold(tape, ONE)
    else:
        assert isinstance(done, NotMade) and "is 1e20 or more" in done.reason


def test_what_a_killed_process_left_is_ignored_and_swept(parquet: Path, candles: Path) -> None:
    archive_trades(parquet, [trade(1, 0)])
    path = path_of_candles(candles, ONE, BTC_DAY)
    path.parent.mkdir(parents=True)
    old, young = (path.with_name(f".{path.name}.{name}") for name in ("0ld", "y0ung"))
    for left in (old, young):
        left.write_text("half")
    long_ago = time.time() - ABANDONED - 60
    os.utime(old, (long_ago, long_ago))
    make(parquet, candles)
    assert files_below(candles) == sorted([path, young])


KILLED = """
import os, signal, sys
from pathlib import Path
from alphapulse import lake
from alphapulse.archive.candles import make_days
from alphapulse.day import MarketDay
lake.put_in_place = lambda written, path: os.kill(os.getpid(), signal.SIGKILL)
list(make_days(Path(sys.argv[1]), Path(sys.argv[2]), [MarketDay.from_key(sys.argv[3])]))
"""


def test_a_kill_before_the_rename_leaves_the_old_candles(parquet: Path, candles: Path) -> None:
    archive_trades(parquet, [trade(1, 0)])
    path = make(parquet, candles).path
    assert path is not None
    before = path.read_bytes()
    archive_trades(parquet, [trade(1, 0), trade(2, 1)])
    command = [sys.executable, "-c", KILLED, str(parquet), str(candles), BTC_DAY.key]
    done = subprocess.run(command, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert len(files_below(candles)) == 2
    assert [file.path for file in lake.files(candles / ONE)] == [path]
    made = make(parquet, candles).certificate
    assert made is not None and made.trades == 2
