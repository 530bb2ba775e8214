"""What was backed up comes back: row by row, in another database, into another life."""

import json
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from alphapulse.archive.export import Exported, export_days
from alphapulse.backup.making import make_backup
from alphapulse.backup.manifest import Backup, BackupError
from alphapulse.backup.restoring import fetch_files, restore_store
from alphapulse.backup.vault import Folder, Vault
from alphapulse.cursor import Heard
from alphapulse.day import MarketDay
from alphapulse.lake.place import SCHEMA, read_certificate
from alphapulse.store import stream
from alphapulse.store.connect import Store, connect
from alphapulse.store.days import market_ids
from alphapulse.store.judgements import judge_again
from alphapulse.store.reopening import look_for_late_rows, reopened_days
from tests.alphapulse.backup.stage import GONE, LATE, LIVE, WHOLE, Stage, rows, tables
from tests.stored import BTC, ETH, store_market, store_trades

TODAY = LIVE + timedelta(days=1)


@pytest.fixture
def restored(folder: Folder, stage: Stage, another: str, tmp_path: Path) -> Stage:
    return restore(folder, stage.back_up(folder).backup, Stage(tmp_path / "new", another))


def restore(vault: Vault, backup: Backup, into: Stage) -> Stage:
    list(fetch_files(vault, into.home, backup.files))
    restore_store(into.url, vault, backup, into.home)
    return into


def test_every_row_and_every_file_comes_back(
    vault: Vault, stage: Stage, another: str, tmp_path: Path
) -> None:
    backup = stage.back_up(vault).backup
    places = {(day.day.market, day.date): day.file is not None for day in backup.days}
    assert {key for key, is_in_file in places.items() if is_in_file} == {
        (BTC, WHOLE),
        (ETH, WHOLE),
        (ETH, LATE),
    }
    assert {key for key, is_in_file in places.items() if not is_in_file} == {
        (BTC, LATE),
        (BTC, LIVE),
        (ETH, LIVE),
    }
    new = restore(vault, backup, Stage(tmp_path / "new", another))
    assert rows(new.url) == rows(stage.url)
    assert tables(new.url) == tables(stage.url)
    files = [file for file in stage.home.rglob("*.parquet") if GONE.isoformat() in file.name]
    assert len(files) == 2
    for file in stage.home.rglob("*.parquet"):
        copy = new.home / file.relative_to(stage.home)
        assert copy.read_bytes() == file.read_bytes()
        assert copy.stat().st_mtime_ns == file.stat().st_mtime_ns


def test_days_come_back_from_their_months_file(
    folder: Folder, stage: Stage, another: str, tmp_path: Path
) -> None:
    month = compact(stage.roots["parquet"] / "coinbase" / "BTC-USD")
    backup = stage.back_up(folder).backup
    days = {day.date: day.file for day in backup.days if day.day.market == BTC}
    assert days[WHOLE] == f"parquet/coinbase/BTC-USD/{month.name}"
    assert days[LATE] is None
    with connect(stage.url, "test") as store:
        places = store.execute(
            "SELECT place FROM copies WHERE place LIKE '%/coinbase/%'"
        ).fetchall()
    assert len(places) == 3
    assert all(f"/{month.stem}." in place for (place,) in places)
    new = restore(folder, backup, Stage(tmp_path / "new", another))
    assert rows(new.url) == rows(stage.url)


def compact(folder: Path) -> Path:
    """The market's days in one file of its month, a row group each, as compaction leaves them."""
    files = sorted(folder.glob("*.parquet"))
    month = folder / f"{GONE:%Y-%m}.parquet"
    words = {
        f"alphapulse.day.{file.stem}": json.dumps(read_certificate(file).metadata())
        for file in files
    }
    with pq.ParquetWriter(month, SCHEMA.with_metadata(words)) as writer:
        for file in files:
            writer.write_table(pq.read_table(file, partitioning=None).cast(writer.schema))
            file.unlink()
    return month


def test_numbers_and_sequences_go_on_where_they_were(stage: Stage, restored: Stage) -> None:
    with connect(stage.url, "test") as old, connect(restored.url, "test") as new:
        ids = [
            store.execute(
                "INSERT INTO gaps (market_id, after_id, after_at, cause)"
                " VALUES (1, 7, now(), 'unknown') RETURNING gap_id"
            ).fetchone()
            for store in (old, new)
        ]
        assert ids[0] == ids[1]
        assert market_ids(old) == market_ids(new)
        (highest,) = new.execute("SELECT max(seq) FROM trades").fetchone() or (0,)
        (following,) = new.execute("SELECT nextval('trades_seq')").fetchone() or (0,)
        assert following > highest > 1000


def test_a_reader_of_the_stream_gets_what_is_stored_after_a_restore_once(restored: Stage) -> None:
    with connect(restored.url, "test") as store:
        before = Heard(stream.epoch(store), stream.snapshot(store)).cursor()
        last = stream.last_rows(store, before, [store_market(store, BTC)], 1000)
        assert len(last) == 3 * 40 + 1, "the restored rows are behind the cursor"
        store_trades(store, BTC, [(77_777, f"{LIVE} 23:00:00", "1.50", "2")])
        upto = Heard(stream.epoch(store), stream.snapshot(store)).cursor()
        (found,) = stream.rows_between(store, before, upto, None, 1000)
        assert [(row.trade_id, row.price) for _, row in found] == [(77_777, "1.50")]


def test_only_what_came_late_is_late_afterwards(restored: Stage) -> None:
    """The row that came before the backup and was not exported, and one that comes now."""
    with connect(restored.url, "test") as store:
        look_for_late_rows(store, None)
        assert [one.day for one in reopened_days(store)] == [MarketDay(LATE, BTC)]
        store_trades(store, ETH, [(88_888, f"{WHOLE} 12:00:00.5", "1", "2")])
        look_for_late_rows(store, None)
        found = [one.day for one in reopened_days(store)]
        assert found == [MarketDay(WHOLE, ETH), MarketDay(LATE, BTC)]


def test_a_late_day_is_exported_again_and_then_whole(restored: Stage) -> None:
    with connect(restored.url, "test") as store:
        look_for_late_rows(store, None)
        (done,) = export_days(restored.url, restored.roots["parquet"], [MarketDay(LATE, BTC)])
        assert isinstance(done, Exported) and done.certificate and done.certificate.rows == 41
        look_for_late_rows(store, None)
        assert reopened_days(store) == []


def test_the_beginning_of_a_day_that_was_exported_early_counts_no_more(
    folder: Folder, stage: Stage, another: str, tmp_path: Path
) -> None:
    """The running day's file was made before its last rows came; no restore says otherwise."""
    with connect(stage.url, "test") as store:
        running = make_running_day(store, stage)
    new = restore(folder, stage.back_up(folder).backup, Stage(tmp_path / "new", another))
    with connect(new.url, "test") as store:
        id = store_market(store, BTC)
        judge_again(store, id, running)
        found = store.execute(
            "SELECT unexplained, verdict FROM coverage WHERE market_id = %s AND day = %s",
            [id, running.date],
        ).fetchone()
    assert found == (0, "incomplete")


def make_running_day(store: Store, stage: Stage) -> MarketDay:
    (today,) = store.execute("SELECT (now() AT TIME ZONE 'UTC')::date").fetchone() or (None,)
    running = MarketDay(today, BTC)
    store_trades(store, BTC, [(20_000 + n, f"{today} 00:00:00.{n:06}", "1", "1") for n in range(9)])
    list(export_days(stage.url, stage.roots["parquet"], [running]))
    store_trades(store, BTC, [(20_009, f"{today} 00:00:00.5", "1", "1")])
    return running


def test_a_restored_house_is_backed_up_without_copying_a_file_again(
    folder: Folder, restored: Stage
) -> None:
    made = make_backup(restored.url, restored.roots, folder, 7)
    assert made.files_copied == 0
    assert len(made.backup.files) == 7


def test_nothing_is_restored_over_what_is_there(
    folder: Folder, stage: Stage, tmp_path: Path
) -> None:
    backup = stage.back_up(folder).backup
    with pytest.raises(BackupError, match="holds markets or trades already"):
        restore_store(stage.url, folder, backup, tmp_path)


def test_a_backup_of_a_newer_alphapulse_is_refused(
    folder: Folder, stage: Stage, another: str, tmp_path: Path
) -> None:
    backup = stage.back_up(folder).backup
    newer = replace(backup, migrations=backup.migrations | {"9999_wings": "ab"})
    with pytest.raises(BackupError, match="9999_wings, which this version does not know"):
        restore_store(another, folder, newer, tmp_path)


def test_a_restore_that_fails_leaves_no_row(
    folder: Folder, stage: Stage, another: str, tmp_path: Path
) -> None:
    backup = stage.back_up(folder).backup
    list(fetch_files(folder, tmp_path, backup.files))
    days = tuple(replace(day, checksum="1") if day.date == LIVE else day for day in backup.days)
    with pytest.raises(BackupError, match="rows with checksum"):
        restore_store(another, folder, replace(backup, days=days), tmp_path)
    assert rows(another) == []
    restore_store(another, folder, backup, tmp_path)
    assert rows(another) == rows(stage.url)


def test_a_database_of_the_owners_own_tables_tells_what_it_leaves_out(
    folder: Folder, stage: Stage, another: str, tmp_path: Path
) -> None:
    with connect(stage.url, "test") as store:
        store.execute("CREATE TABLE notes_of_mine AS SELECT 1 AS n")
    backup = stage.back_up(folder).backup
    list(fetch_files(folder, tmp_path, backup.files))
    said: list[str] = []
    restore_store(another, folder, backup, tmp_path, said.append)
    assert any("notes_of_mine is none of AlphaPulse's" in text for text in said)


def test_the_trigger_speaks_again_after_a_restore(restored: Stage) -> None:
    with connect(restored.url, "test") as store:
        store.execute("LISTEN trades")
        store_trades(store, ETH, [(99_999, f"{TODAY} 01:00:00", "1", "2")])
        notices = [notice.payload for notice in store.notifies(timeout=5, stop_after=1)]
    assert len(notices) == 1 and "99999" in notices[0]
