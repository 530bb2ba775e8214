"""`import alphapulse` for people: over a real archive and the live store."""

import os
import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from psycopg.conninfo import make_conninfo

import alphapulse
from alphapulse.archive.export import Exported, export_days
from alphapulse.archive.market_data import write_archive
from alphapulse.loading import ArchivedOnly, BadShape, BadTime, NothingHere, UnknownMarket
from alphapulse.settings import PREFIX, Settings
from alphapulse.store.connect import Store
from alphapulse.trade import Market
from tests.conftest import ROOT
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_trades

NEXT = date(2024, 8, 9)
UNTIL = date(2024, 8, 10)
NAME = "coinbase/BTC-USD"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def home(store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first day archived, the second only in the store: three trades each."""
    store_day(store, BTC)
    store_day(store, ETH)
    settings = Settings(home=tmp_path)
    days = export_days(database_url, settings.parquet, [BTC_DAY])
    assert all(isinstance(done, Exported) for done in days)
    write_archive(settings.archive, settings.parquet)
    store_trades(
        store, BTC, [(n, f"{NEXT} 00:{n:02}:00", "101.25", "0.00000001") for n in range(4, 7)]
    )
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path))
    monkeypatch.setenv("ALPHAPULSE_DATABASE_URL", database_url)
    return tmp_path


@pytest.fixture
def alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same home, whose store does not answer."""
    monkeypatch.setenv("ALPHAPULSE_DATABASE_URL", "postgresql://me:hush@127.0.0.1:1/nowhere")
    return home


def test_archived_and_live_trades_are_one_frame(home: Path) -> None:
    frame = alphapulse.load_trades(NAME, DAY, UNTIL)
    assert list(frame["trade_id"]) == [1, 2, 3, 4, 5, 6]
    assert list(frame["price"])[-1] == Decimal("101.25")
    assert (frame["price"] * frame["size"]).sum() == Decimal("150.3000030375")
    assert frame["traded_at"].is_monotonic_increasing


@pytest.mark.parametrize("spelling", ["coinbase/BTC/USD", "coinbase/btcusd", BTC])
def test_a_market_is_spelt_as_on_the_command_line(home: Path, spelling: str | Market) -> None:
    assert len(alphapulse.load_trades(spelling, DAY, NEXT)) == 3


def test_a_span_is_half_open(home: Path) -> None:
    start = datetime(2024, 8, 8, 0, 1, tzinfo=UTC)
    frame = alphapulse.load_trades(NAME, start, start + timedelta(minutes=1))
    assert list(frame["trade_id"]) == [1]
    berlin = "2024-08-08T02:02+02:00"
    assert list(alphapulse.load_trades(NAME, berlin, "2024-08-09")["trade_id"]) == [2, 3]


def test_without_an_end_it_goes_up_to_now(home: Path, store: Store) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    store_trades(store, BTC, [(9, now.replace(tzinfo=None).isoformat(), "1", "1")])
    assert list(alphapulse.load_trades(NAME, NEXT)["trade_id"]) == [4, 5, 6, 9]


def test_every_shape_holds_the_same(home: Path) -> None:
    table = alphapulse.load_trades(NAME, DAY, UNTIL, as_="arrow")
    frame = alphapulse.load_trades(NAME, DAY, UNTIL, as_="polars")
    assert isinstance(table, pa.Table)
    assert frame.equals(pl.DataFrame(pl.from_arrow(table)))
    floats = alphapulse.load_trades(NAME, DAY, UNTIL, decimals="float", index="traded_at")
    assert isinstance(floats.index, pd.DatetimeIndex)
    assert list(floats["price"]) == [float(price) for price in table["price"].to_pylist()]


def test_candles_of_live_days_are_made_from_their_trades(home: Path) -> None:
    bars = alphapulse.load_candles(NAME, NEXT, UNTIL, "1h")
    assert list(bars["opened_at"]) == [datetime(2024, 8, 9, tzinfo=UTC)]
    assert list(bars["volume"]) == [Decimal("0.00000003")]
    assert list(bars["trades"]) == [3]
    with pytest.raises(ValueError, match=r"'2h'.*1m, 5m, 15m, 1h, 1d"):
        alphapulse.load_candles(NAME, NEXT, UNTIL, "2h")  # type: ignore[call-overload]


def test_coverage_gaps_and_markets_are_frames_too(home: Path, store: Store) -> None:
    coverage = alphapulse.load_coverage(NAME, DAY, NEXT)
    assert list(coverage["date"]) == [DAY]
    assert list(coverage["verdict"]) == ["incomplete"]
    assert alphapulse.load_coverage(NAME, NEXT).empty
    assert alphapulse.load_coverage("kraken/ETH-USD").empty
    store.execute(
        "INSERT INTO gaps (market_id, after_id, after_at, before_id, before_at, cause) "
        "SELECT market_id, 3, '2024-08-08 00:03Z', 9, '2024-08-08 00:09Z', 'restart' FROM markets"
    )
    gaps = alphapulse.load_gaps(NAME, "2024-08-08T00:08Z", as_="polars")
    assert gaps["after_id"].to_list() == [3]
    assert len(alphapulse.load_gaps()) == 2
    assert alphapulse.load_gaps(NAME, "2024-08-08T00:09Z").empty
    assert alphapulse.load_gaps(end="2024-08-08T00:03Z").empty
    markets = alphapulse.load_markets()
    assert list(markets["exchange"] + "/" + markets["symbol"]) == [NAME, "kraken/ETH/USD"]
    assert list(markets["simulated"]) == [False, False]


def test_the_archive_is_open_for_sql(home: Path) -> None:
    with alphapulse.open_archive() as duck:
        assert duck.execute("SELECT count(*) FROM trades").fetchone() == (9,)


def test_an_unknown_market_is_answered_with_those_that_come_close(home: Path) -> None:
    with pytest.raises(UnknownMarket, match="similar: coinbase/BTC-USD"):
        alphapulse.load_trades("coinbase/BTC-USDT", DAY)


def test_what_makes_no_sense_is_refused(home: Path) -> None:
    with pytest.raises(BadTime, match="no time at all"):
        alphapulse.load_trades(NAME, DAY, DAY)
    with pytest.raises(BadTime, match="write 2026-11-01"):
        alphapulse.load_trades(NAME, "yesterday")
    with pytest.raises(BadShape, match="say 'pandas'"):
        alphapulse.load_trades(NAME, DAY, as_="numpy")  # type: ignore[call-overload]


def test_without_the_store_archived_days_are_read_in_silence(alone: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(alphapulse.load_trades(NAME, DAY, NEXT)) == 3


def test_without_the_store_later_days_come_with_a_warning(alone: Path) -> None:
    with pytest.warns(ArchivedOnly, match="complete until: 2024-08-09 00:00 UTC") as caught:
        frame = alphapulse.load_trades(NAME, DAY, UNTIL)
    assert list(frame["trade_id"]) == [1, 2, 3]
    assert caught[0].filename == __file__
    assert "hush" not in str(caught[0].message)
    with pytest.warns(ArchivedOnly, match="only archived days"):
        alphapulse.open_archive().close()


def test_a_home_is_named_by_an_argument_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHAPULSE_HOME", str(home / "elsewhere"))
    assert len(alphapulse.load_trades(NAME, DAY, UNTIL, home=home)) == 6


def test_the_file_of_a_home_is_read(
    alone: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALPHAPULSE_DATABASE_URL")
    address = make_conninfo(database_url).replace("\\", "\\\\").replace('"', '\\"')
    (alone / "alphapulse.toml").write_text(f'database_url = "{address}"\n')
    assert len(alphapulse.load_trades(NAME, DAY, UNTIL)) == 6


def test_where_there_is_nothing_the_answer_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        NothingHere, match=r"has no archive .* the embedded PostgreSQL does not run"
    ):
        alphapulse.load_markets(home=tmp_path)


def test_no_error_shows_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHAPULSE_DATABASE_URL", "postgresql://me:hush@127.0.0.1:1/nowhere")
    with pytest.raises(NothingHere) as caught:
        alphapulse.load_markets(home=tmp_path)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "hush" not in str(chain)
        chain = chain.__cause__ or chain.__context__


def test_importing_alphapulse_is_light() -> None:
    """Every process of the platform does it."""
    code = (
        "import sys, alphapulse; assert {'load_trades', 'open_archive'} <= set(dir(alphapulse));"
        "print(sorted({'pandas', 'pyarrow', 'duckdb', 'psycopg', 'polars', 'msgspec'}"
        " & set(sys.modules)));"
        "print(alphapulse.load_trades.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "[]\nload_trades\n"), done.stderr


def test_another_name_is_unknown_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'load_everything'"):
        alphapulse.load_everything  # noqa: B018
