import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event

import duckdb
import pytest

from alphapulse.archive.export import export_days, unarchived_days
from alphapulse.archive.market_data import Archived, is_behind, write_archive
from alphapulse.day import MarketDay
from alphapulse.lake import SCHEMA, LakeError, path_of
from alphapulse.store.connect import Store
from alphapulse.trade import Market, spell
from tests.alphapulse.test_lake import Row, certify, write
from tests.stored import BTC, BTC_DAY, DAY, ETH, SOL, store_day

ODD = ["BTC/USD", "A_B", "100%", "Ü€/🂡", "a b'c\"d", "..", ".x", "*[?]", "a+b~c", "%2F", "_/%5F"]
TOMORROW = DAY + timedelta(days=1)


def put(parquet: Path, day: MarketDay, *ids: int) -> Path:
    """A small file, made without a store."""
    rows = [Row(id, day.starts_at) for id in ids]
    words = certify(
        exchange=day.market.exchange, symbol=day.market.symbol, date=day.date, rows=len(ids)
    )
    return write(path_of(parquet, day), rows, words)


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """Two markets, two days each; 2 + 3 and 1 + 1 trades."""
    root = tmp_path / "parquet"
    put(root, BTC_DAY, 1, 2)
    put(root, MarketDay(TOMORROW, BTC), 3, 4, 5)
    put(root, MarketDay(DAY, ETH), 7)
    put(root, MarketDay(TOMORROW, ETH), 8)
    return root


@pytest.fixture
def archive(tmp_path: Path, parquet: Path) -> Path:
    path = tmp_path / "market_data.duckdb"
    write_archive(path, parquet)
    return path


def ask(path: Path, question: str, *bound: object) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as duck:
        return duck.execute(question, list(bound)).fetchall()


def test_it_says_what_it_shows(tmp_path: Path, parquet: Path) -> None:
    archived = write_archive(tmp_path / "market_data.duckdb", parquet)
    size = sum(path.stat().st_size for path in parquet.rglob("*.parquet"))
    assert archived == Archived(4, 2, 7, size, DAY, TOMORROW)


def test_trades_are_shown_with_exchange_symbol_and_day(archive: Path) -> None:
    counts = "SELECT exchange, symbol, date, count(*) FROM trades GROUP BY ALL ORDER BY ALL"
    assert ask(archive, counts) == [
        ("coinbase", "BTC-USD", DAY, 2),
        ("coinbase", "BTC-USD", TOMORROW, 3),
        ("kraken", "ETH/USD", DAY, 1),
        ("kraken", "ETH/USD", TOMORROW, 1),
    ]


def test_values_and_columns_are_those_of_the_files(archive: Path) -> None:
    names = [str(row[0]) for row in ask(archive, "DESCRIBE trades")]
    assert sorted(names) == sorted([*SCHEMA.names, "date"])
    assert ask(archive, "SELECT price, size FROM trades WHERE trade_id = 7") == [
        (Decimal("1.5"), Decimal(2))
    ]


@pytest.mark.parametrize(
    ("first", "last", "ids"),
    [(DAY, DAY, [1, 2]), (TOMORROW, TOMORROW, [3, 4, 5]), (DAY, date(2030, 1, 1), [1, 2, 3, 4, 5])],
)
def test_one_market_is_asked_for_by_days(
    archive: Path, first: date, last: date, ids: list[int]
) -> None:
    question = "SELECT trade_id FROM trades_of(?, ?, ?, ?) ORDER BY trade_id"
    assert [id for (id,) in ask(archive, question, "coinbase", "BTC-USD", first, last)] == ids
    text = ask(archive, question, "coinbase", "BTC-USD", str(first), str(last))
    assert [id for (id,) in text] == ids


def test_a_question_about_one_market_day_opens_one_file(archive: Path) -> None:
    where = "exchange = 'kraken' AND symbol = 'ETH/USD' AND date = '2024-08-09'"
    plan = ask(archive, f"EXPLAIN ANALYZE SELECT sum(price) FROM trades WHERE {where}")
    assert "Total Files Read: 1 " in str(plan)


def test_trades_of_opens_only_the_days_asked_for(archive: Path) -> None:
    source = "trades_of('coinbase', 'BTC-USD', '2024-08-09', '2024-08-09')"
    plan = ask(archive, f"EXPLAIN ANALYZE SELECT sum(price) FROM {source}")
    assert "Total Files Read: 1 " in str(plan)


def test_odd_symbols_are_found_by_their_own_names(tmp_path: Path) -> None:
    root = tmp_path / "parquet"
    for id, symbol in enumerate(ODD):
        put(root, MarketDay(DAY, Market("kraken", symbol)), id)
    path = tmp_path / "market_data.duckdb"
    write_archive(path, root)
    for id, symbol in enumerate(ODD):
        where = "SELECT trade_id, symbol FROM trades WHERE symbol = ?"
        assert ask(path, where, symbol) == [(id, symbol)]
        of = "SELECT trade_id, symbol FROM trades_of('kraken', ?, ?, ?)"
        assert ask(path, of, symbol, DAY, DAY) == [(id, symbol)], spell(symbol)


def test_it_can_be_attached_by_another_database(archive: Path) -> None:
    with duckdb.connect() as duck:
        duck.execute(f"ATTACH '{archive}' AS md (READ_ONLY)")
        assert duck.execute("SELECT count(*) FROM md.trades").fetchall() == [(7,)]
        of = "SELECT count(*) FROM md.trades_of('kraken', 'ETH/USD', '2024-08-08', '2024-08-08')"
        assert duck.execute(of).fetchall() == [(1,)]


def test_files_and_days_are_listed(archive: Path, parquet: Path) -> None:
    files = ask(archive, "SELECT exchange, symbol, date, path, rows, day_closed FROM files LIMIT 1")
    assert files == [("coinbase", "BTC-USD", DAY, str(path_of(parquet, BTC_DAY)), 2, True)]
    days = ask(archive, "SELECT date, markets, rows, day_closed FROM days")
    assert days == [(DAY, 2, 3, True), (TOMORROW, 2, 4, True)]


def test_without_files_the_archive_is_empty_and_typed(tmp_path: Path, archive: Path) -> None:
    empty = tmp_path / "empty.duckdb"
    assert write_archive(empty, tmp_path / "none") == Archived(0, 0, 0, 0, None, None)
    assert ask(empty, "SELECT * FROM trades") == ask(empty, "SELECT * FROM files") == []
    types = "SELECT column_name, column_type FROM (DESCRIBE trades)"
    assert ask(empty, types) == ask(archive, types)


def test_a_file_written_later_is_shown_by_the_next_archive(archive: Path, parquet: Path) -> None:
    put(parquet, MarketDay(DAY, SOL), 9)
    assert ask(archive, "SELECT count(*) FROM trades") == [(7,)]
    write_archive(archive, parquet)
    assert ask(archive, "SELECT count(*) FROM trades") == [(8,)]


def test_it_knows_when_it_is_behind(tmp_path: Path, parquet: Path) -> None:
    path = tmp_path / "market_data.duckdb"
    assert is_behind(path, parquet)
    write_archive(path, parquet)
    assert not is_behind(path, parquet)
    put(parquet, MarketDay(DAY, SOL), 9)
    assert is_behind(path, parquet)
    write_archive(path, parquet)
    put(parquet, MarketDay(DAY, SOL), 9, 10)
    assert is_behind(path, parquet)


def test_a_home_may_hold_characters_of_patterns(tmp_path: Path) -> None:
    root = tmp_path / "it's [1] *home*?" / "parquet"
    put(root, BTC_DAY, 1, 2)
    path = tmp_path / "market_data.duckdb"
    write_archive(path, root)
    assert ask(path, "SELECT count(*) FROM trades") == [(2,)]
    of = "SELECT count(*) FROM trades_of('coinbase', 'BTC-USD', ?, ?)"
    assert ask(path, of, DAY, DAY) == [(2,)]


def test_a_lake_that_was_moved_is_found_by_a_variable(
    tmp_path: Path, archive: Path, parquet: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.move(parquet, moved)
    with duckdb.connect(str(archive), read_only=True) as duck:
        with pytest.raises(duckdb.IOException, match="No files found"):
            duck.execute("SELECT count(*) FROM trades")
        duck.execute("SET VARIABLE parquet = ?", [str(moved)])
        assert duck.execute("SELECT count(*) FROM trades").fetchall() == [(7,)]


def test_a_foreign_file_is_named_and_the_old_archive_stands(archive: Path, parquet: Path) -> None:
    before = archive.read_bytes()
    stray = parquet / "coinbase" / "BTC-USD" / "notes.parquet"
    stray.write_text("not Parquet")
    with pytest.raises(LakeError, match=r"notes\.parquet"):
        write_archive(archive, parquet)
    assert archive.read_bytes() == before
    assert not list(archive.parent.glob(".market_data*"))


def test_who_has_it_open_keeps_reading_while_it_is_replaced(archive: Path, parquet: Path) -> None:
    with duckdb.connect(str(archive), read_only=True) as reader:
        put(parquet, MarketDay(DAY, SOL), 9)
        write_archive(archive, parquet)
        assert reader.execute("SELECT count(*) FROM files").fetchall() == [(4,)]
        assert reader.execute("SELECT count(*) FROM trades").fetchall() == [(7,)]


def test_readers_and_writers_never_meet_half_a_file(archive: Path, parquet: Path) -> None:
    done = Event()

    def read() -> int:
        seen = 0
        while not done.is_set() or not seen:
            assert ask(archive, "SELECT sum(rows), count(*) FROM files") == [(7, 4)]
            seen += 1
        return seen

    with ThreadPoolExecutor(3) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write_archive, archive, parquet) for _ in range(10)]
        assert {writer.result().rows for writer in writers} == {7}
        done.set()
        assert reader.result() > 0


def test_a_store_is_archived_from_end_to_end(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    for market in (BTC, ETH):
        store_day(store, market, trades=4)
    root = tmp_path / "parquet"
    list(export_days(database_url, root, unarchived_days(database_url, root)))
    path = tmp_path / "market_data.duckdb"
    write_archive(path, root)
    question = "SELECT price FROM trades_of('kraken', 'ETH/USD', ?, ?) ORDER BY trade_id"
    assert ask(path, question, DAY, DAY) == [(Decimal(f"100.{n}"),) for n in range(1, 5)]
