import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse import lake
from alphapulse.archive.copying import attached, extension_path, snapshot
from alphapulse.archive.export import Exported, Failed, export_days, unarchived_days
from alphapulse.day import MarketDay
from alphapulse.migrate import migrate
from alphapulse.store.connect import Store, StoreUnavailable, connect
from alphapulse.trade import Market
from tests.conftest import ROOT
from tests.stored import BTC, BTC_DAY, DAY, ETH, SOL, Row, store_day, store_market, store_trades

RECORDING = ROOT.parent / "shared/data/recordings/binance_spot_ws_20240808_09.jsonl.gz"
NOON = "2024-08-08 12:00:00"
EXACT = [
    "61837.63000000",
    "0.000000000000000001",
    "99999999999999999999.999999999999999999",
    "1e-18",
    "12345678901234567890.123456789012345678",
    "0.10000000000000000000000",
    "3",
    "1E+19",
]


def export(url: str, parquet: Path, *days: MarketDay) -> list[Exported | Failed]:
    return list(export_days(url, parquet, days))


def export_one(url: str, parquet: Path, day: MarketDay = BTC_DAY) -> Exported:
    (done,) = export(url, parquet, day)
    assert isinstance(done, Exported), done
    return done


def fail_one(url: str, parquet: Path, day: MarketDay = BTC_DAY) -> str:
    (done,) = export(url, parquet, day)
    assert isinstance(done, Failed), done
    return done.reason


def everything_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_a_day_becomes_one_file_with_its_numbers(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_day(store, BTC, trades=3)
    done = export_one(database_url, tmp_path)
    assert done.path == tmp_path / "coinbase/BTC-USD/2024-08-08.parquet"
    assert done.certificate is not None
    assert (done.certificate.rows, done.certificate.first_id, done.certificate.last_id) == (3, 1, 3)
    assert done.certificate.day_closed and not done.certificate.simulated
    assert everything_below(tmp_path) == [done.path]


def test_every_column_reads_as_it_was_stored(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(store, BTC, [(7, "2024-08-08 23:59:59.999999", "61837.63000000", "0.5")], side="s")
    (row,) = lake.read(tmp_path / export_path(database_url, tmp_path)).to_pylist()
    at = datetime(2024, 8, 8, 23, 59, 59, 999999, UTC)
    assert row == {
        "exchange": "coinbase",
        "symbol": "BTC-USD",
        "trade_id": 7,
        "traded_at": at,
        "price": Decimal("61837.63"),
        "size": Decimal("0.5"),
        "side": "sell",
        "received_at": at,
        "source": "live",
    }


def export_path(url: str, parquet: Path, day: MarketDay = BTC_DAY) -> Path:
    path = export_one(url, parquet, day).path
    assert path is not None
    return path


def test_values_equal_the_exchanges_text_exactly(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(store, BTC, [(n, NOON, text, text) for n, text in enumerate(EXACT)])
    path = export_path(database_url, tmp_path)
    expected = [Decimal(text) for text in EXACT]
    for name in ("price", "size"):
        assert lake.read(path)[name].to_pylist() == expected
        found = duckdb.execute(
            f"SELECT {name} FROM read_parquet($1) ORDER BY trade_id", [str(path)]
        )
        assert [value for (value,) in found.fetchall()] == expected


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1), min_size=1, max_size=40))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_value_that_fits_is_exact(
    store: Store, database_url: str, tmp_path: Path, numbers: list[int]
) -> None:
    texts = [f"{number}e-18" for number in numbers]
    store.execute("DELETE FROM trades")
    for path in everything_below(tmp_path):
        path.unlink()
    store_trades(store, BTC, [(n, NOON, text, "1") for n, text in enumerate(texts)])
    found = lake.read(export_path(database_url, tmp_path))["price"].to_pylist()
    assert found == [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    "value", ["0.1234567890123456789", "100000000000000000000", "NaN", "Infinity"]
)
def test_a_value_that_would_be_rounded_fails_and_leaves_the_old_file(
    store: Store, database_url: str, tmp_path: Path, value: str
) -> None:
    store_day(store, BTC, trades=3)
    path = export_path(database_url, tmp_path)
    before = path.read_bytes()
    store_trades(store, BTC, [(99, NOON, "1", value)])
    reason = fail_one(database_url, tmp_path)
    assert "trade 99 does not fit numeric(38,18) exactly" in reason
    assert path.read_bytes() == before
    assert everything_below(tmp_path) == [path]


def test_a_failed_first_export_leaves_nothing(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(store, BTC, [(1, NOON, "NaN", "1")])
    fail_one(database_url, tmp_path)
    assert everything_below(tmp_path) == []


def test_an_id_under_two_times_fails_and_leaves_the_old_file(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_day(store, BTC, trades=3)
    path = export_path(database_url, tmp_path)
    before = path.read_bytes()
    store_trades(store, BTC, [(2, NOON, "1", "1")])
    assert "1 trade ids are stored more than once" in fail_one(database_url, tmp_path)
    assert path.read_bytes() == before
    assert everything_below(tmp_path) == [path]


def test_midnight_parts_two_days(store: Store, database_url: str, tmp_path: Path) -> None:
    store_trades(
        store,
        BTC,
        [(1, "2024-08-08 23:59:59.999999", "1", "1"), (2, "2024-08-09 00:00:00.000000", "1", "1")],
    )
    tomorrow = MarketDay(DAY + timedelta(days=1), BTC)
    found = [lake.read(export_path(database_url, tmp_path, day)) for day in (BTC_DAY, tomorrow)]
    assert [table["trade_id"].to_pylist() for table in found] == [[1], [2]]


def test_trades_are_in_order_of_time_then_id(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(
        store, BTC, [(n, f"2024-08-08 12:{(n * 7) % 60:02}:00", "1", "1") for n in range(500)]
    )
    table = lake.read(export_path(database_url, tmp_path))
    pairs = list(zip(table["traded_at"].to_pylist(), table["trade_id"].to_pylist(), strict=True))
    assert pairs == sorted(pairs)
    assert len(pairs) == 500


@pytest.mark.parametrize(
    "symbol", ["BTC/USD", "A_B", "100%", "Ü€/🂡", "a b'c\"d", "..", ".x", "*[?]"]
)
def test_any_symbol_is_archived_under_its_own_name(
    store: Store, database_url: str, tmp_path: Path, symbol: str
) -> None:
    day = store_day(store, Market("kraken", symbol))
    path = export_path(database_url, tmp_path, day)
    assert path.parent.parent == tmp_path / "kraken"
    assert set(lake.read(path)["symbol"].to_pylist()) == {symbol}
    assert lake.read_certificate(path).symbol == symbol


def test_a_second_export_gives_the_same_rows(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_day(store, BTC, trades=50)
    first = lake.read(export_path(database_url, tmp_path))
    assert lake.read(export_path(database_url, tmp_path)).equals(first)


def test_trades_that_came_late_are_in_the_next_export(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_day(store, BTC, trades=3)
    export_one(database_url, tmp_path)
    store_trades(store, BTC, [(4, NOON, "1", "1")])
    done = export_one(database_url, tmp_path)
    assert done.certificate is not None and done.certificate.rows == 4


def test_a_day_without_trades_writes_no_file(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_market(store, BTC)
    assert export(database_url, tmp_path, BTC_DAY) == [Exported(BTC_DAY)]
    assert everything_below(tmp_path) == []


@pytest.mark.parametrize("kept", [0, 2])
def test_a_file_is_never_replaced_by_one_with_fewer_trades(
    store: Store, database_url: str, tmp_path: Path, kept: int
) -> None:
    store_day(store, BTC, trades=3)
    path = export_path(database_url, tmp_path)
    before = path.read_bytes()
    store.execute("DELETE FROM trades WHERE trade_id > %s", [kept])
    assert f"the store has {kept} trades and {path} has 3" in fail_one(database_url, tmp_path)
    assert path.read_bytes() == before


def test_an_unknown_market_fails_alone(store: Store, database_url: str, tmp_path: Path) -> None:
    good = store_day(store, ETH)
    failed, done = export(database_url, tmp_path, BTC_DAY, good)
    assert isinstance(failed, Failed) and "knows no market" in failed.reason
    assert isinstance(done, Exported) and done.certificate is not None


def test_a_day_that_fails_does_not_stop_the_others(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    days = [store_day(store, market) for market in (BTC, ETH, SOL)]
    store_trades(store, ETH, [(99, NOON, "NaN", "1")])
    outcomes = export(database_url, tmp_path, *days)
    assert [type(outcome) for outcome in outcomes] == [Exported, Failed, Exported]


def test_a_folder_that_cannot_be_made_is_a_failure_of_that_day(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_day(store, BTC)
    (tmp_path / "coinbase").write_text("in the way")
    assert "coinbase" in fail_one(database_url, tmp_path)


def test_the_running_day_says_that_it_is_not_closed(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    (today,) = store.execute("SELECT (now() AT TIME ZONE 'UTC')::date").fetchone() or (DAY,)
    done = export_one(database_url, tmp_path, store_day(store, BTC, today))
    assert done.certificate is not None
    assert done.certificate.day_closed == (done.certificate.exported_at.date() != today)


def test_simulated_trades_say_so(empty_database: str, tmp_path: Path) -> None:
    with connect(empty_database, "test") as store:
        migrate(store, simulated=True)
        store_day(store, BTC)
    done = export_one(empty_database, tmp_path)
    assert done.certificate is not None and done.certificate.simulated
    assert pq.read_metadata(done.path).metadata[b"alphapulse.simulated"] == b"true"


def test_an_export_sees_one_snapshot(store: Store, database_url: str) -> None:
    store_day(store, BTC, trades=3)
    count = "SELECT * FROM postgres_query('store', 'SELECT count(*) FROM trades')"
    with attached(database_url) as duck:
        with snapshot(duck):
            before = duck.execute(count).fetchall()
            store_trades(store, BTC, [(4, NOON, "1", "1")])
            assert duck.execute(count).fetchall() == before
        with snapshot(duck):
            assert duck.execute(count).fetchall() == [(4,)]


def test_the_exporter_cannot_write_to_the_store(store: Store, database_url: str) -> None:
    with attached(database_url) as duck, pytest.raises(duckdb.Error, match="read-only"):
        duck.execute("DELETE FROM store.trades")


def test_an_absent_database_is_said_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://someone:secret@127.0.0.1:1/none"
    with pytest.raises(StoreUnavailable) as failure, attached(url):
        pass
    assert "secret" not in str(failure.value)
    with pytest.raises(StoreUnavailable):
        export(url, tmp_path, BTC_DAY)


def test_an_address_may_hold_a_quote(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable), attached("postgresql://o'neil@127.0.0.1:1/none"):
        pass


def test_the_extension_comes_with_the_installation() -> None:
    assert extension_path().is_file()


def test_what_traded_and_is_not_archived_whole_is_found(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    days = [store_day(store, market) for market in (BTC, ETH)]
    assert unarchived_days(database_url, tmp_path) == days
    export(database_url, tmp_path, days[0])
    assert unarchived_days(database_url, tmp_path) == days[1:]
    assert unarchived_days(database_url, tmp_path, last=date(2024, 8, 7)) == []


def test_a_day_archived_before_it_was_over_is_not_archived_whole(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    (today,) = store.execute("SELECT (now() AT TIME ZONE 'UTC')::date").fetchone() or (DAY,)
    day = store_day(store, BTC, today)
    done = export_one(database_url, tmp_path, day)
    assert done.certificate is not None
    assert unarchived_days(database_url, tmp_path) == ([] if done.certificate.day_closed else [day])


def recorded() -> Iterator[tuple[Market, Row]]:
    """The trades of the recording, price and size as the exchange wrote them."""
    with gzip.open(RECORDING, "rt") as lines:
        for line in lines:
            data = json.loads(json.loads(line)["raw"])["data"]
            at = datetime.fromtimestamp(data["T"] // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
            row = (data["t"], f"{at}.{data['T'] % 1000:03}000", data["p"], data["q"])
            yield Market("binance", data["s"]), row


@pytest.mark.recordings
@pytest.mark.skipif(
    not RECORDING.exists(), reason="shared/data/recordings is not beside the project"
)
def test_the_recorded_days_are_archived_row_by_row(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    found = list(recorded())
    for market in {market for market, _ in found}:
        store_trades(store, market, [row for of, row in found if of == market])
    rows: dict[date, int] = {}
    for done in export_days(database_url, tmp_path, unarchived_days(database_url, tmp_path)):
        assert isinstance(done, Exported) and done.certificate and done.path
        rows[done.day.date] = rows.get(done.day.date, 0) + done.certificate.rows
        table = lake.read(done.path)
        texts = {row[0]: row for market, row in found if market == done.day.market}
        for name, place in (("price", 2), ("size", 3)):
            pairs = zip(table["trade_id"].to_pylist(), table[name].to_pylist(), strict=True)
            assert all(value == Decimal(texts[id][place]) for id, value in pairs)
    assert rows == {date(2024, 8, 8): 15_836, date(2024, 8, 9): 18_583}
