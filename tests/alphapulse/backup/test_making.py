"""Backups as they accumulate: what is copied, what is kept, what a killed one leaves."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse.backup.keeping import list_backups, read_backup
from alphapulse.backup.making import make_backup
from alphapulse.backup.manifest import FILES, BackupError, folder_of, manifest_of
from alphapulse.backup.restoring import fetch_files, restore_store
from alphapulse.backup.vault import Folder, Vault, deposit, open_vault
from alphapulse.store.backups import BackupUnderWay, claim_backups
from alphapulse.store.connect import connect
from tests.alphapulse.backup.stage import GONE, LATE, WHOLE, Stage, export, rows
from tests.conftest import ROOT
from tests.launcher.stage import wait_until
from tests.stored import BTC, ETH, store_market

COPIES = """
SELECT exchange, day, place, c.checksum = coverage.checksum
FROM copies c JOIN markets USING (market_id) JOIN coverage USING (market_id, day)
ORDER BY day, exchange"""


def copies(stage: Stage) -> list[tuple[object, ...]]:
    with connect(stage.url, "test") as store:
        return store.execute(COPIES).fetchall()


def test_a_second_backup_copies_only_what_changed(vault: Vault, stage: Stage) -> None:
    assert stage.back_up(vault).files_copied == 7
    before = vault.sizes(FILES)
    export(stage, LATE)  # both files are made anew; the one of ETH holds the same rows
    made = stage.back_up(vault)
    assert made.files_copied == 2
    after = vault.sizes(FILES)
    assert set(before) <= set(after), "the older backup still names the older file"
    assert len(after) == 9
    assert len(made.backup.files) == 7


def test_copies_say_which_days_lie_in_the_backup(vault: Vault, stage: Stage) -> None:
    made = stage.back_up(vault)
    found = copies(stage)
    assert [(name, day) for name, day, *_ in found] == [
        (market.exchange, day) for day in (GONE, WHOLE, LATE) for market in (BTC, ETH)
    ]
    names = {f"{vault.place}/{one.object.name}" for one in made.backup.files}
    assert all(place in names and is_certified for _, _, place, is_certified in found)


def test_a_day_that_is_exported_again_replaces_its_copy(folder: Folder, stage: Stage) -> None:
    stage.back_up(folder)
    old = {(name, day): place for name, day, place, _ in copies(stage)}
    export(stage, LATE)
    assert [agrees for *_, agrees in copies(stage)].count(False) == 1
    stage.back_up(folder)
    new = {(name, day): place for name, day, place, _ in copies(stage)}
    assert all(agrees for *_, agrees in copies(stage))
    assert old[BTC.exchange, LATE] != new[BTC.exchange, LATE]
    assert old[BTC.exchange, WHOLE] == new[BTC.exchange, WHOLE]


def test_only_the_newest_are_kept_and_copies_that_none_of_them_names_go(
    vault: Vault, stage: Stage
) -> None:
    stamps = [stage.back_up(vault, keep=2).backup.stamp]
    export(stage, LATE)
    for _ in range(2):
        made = stage.back_up(vault, keep=2)
        stamps.append(made.backup.stamp)
    assert made.kept == tuple(stamps[1:]) == tuple(list_backups(vault))
    assert made.removed == (stamps[0],)
    assert not vault.sizes(folder_of(stamps[0]))
    assert set(vault.sizes(FILES)) == {one.object.name for one in made.backup.files}


def test_a_file_that_vanished_from_the_lake_stays_in_the_backup(
    folder: Folder, stage: Stage
) -> None:
    stage.back_up(folder, keep=1)
    (stage.roots["parquet"] / "coinbase" / "BTC-USD" / f"{GONE}.parquet").unlink()
    made = stage.back_up(folder, keep=1)
    assert f"parquet/coinbase/BTC-USD/{GONE}.parquet" in {one.path for one in made.backup.files}
    assert set(folder.sizes(FILES)) == {one.object.name for one in made.backup.files}


def test_a_months_file_replaces_its_days(folder: Folder, stage: Stage) -> None:
    stage.back_up(folder, keep=1)
    place = stage.roots["parquet"] / "coinbase" / "BTC-USD"
    (place / f"{GONE}.parquet").rename(place / f"{GONE:%Y-%m}.parquet")
    paths = {one.path for one in stage.back_up(folder, keep=1).backup.files}
    assert f"parquet/coinbase/BTC-USD/{GONE:%Y-%m}.parquet" in paths
    assert f"parquet/coinbase/BTC-USD/{GONE}.parquet" not in paths
    assert f"parquet/coinbase/BTC-USD/{WHOLE}.parquet" in paths


def test_a_copy_that_is_gone_is_made_again(folder: Folder, stage: Stage) -> None:
    made = stage.back_up(folder)
    folder.delete(made.backup.files[0].object.name)
    assert stage.back_up(folder).files_copied == 1


def test_what_a_killed_run_has_copied_is_read_and_not_copied_again(
    folder: Folder, stage: Stage
) -> None:
    made = stage.back_up(folder)
    folder.delete(manifest_of(made.backup.stamp))
    damaged = folder.root / made.backup.files[0].object.name
    damaged.write_bytes(bytes(made.backup.files[0].object.bytes))
    written = {name: (folder.root / name).stat().st_mtime_ns for name in folder.sizes(FILES)}
    again = stage.back_up(folder)
    assert [one.object for one in again.backup.files] == [one.object for one in made.backup.files]
    renewed = [
        name for name, at in written.items() if (folder.root / name).stat().st_mtime_ns != at
    ]
    assert renewed == [made.backup.files[0].object.name]


def test_rows_of_a_day_are_dumped_unless_its_file_holds_them_all(
    folder: Folder, stage: Stage
) -> None:
    with connect(stage.url, "test") as store:
        id = store_market(store, ETH)
        store.execute(
            "UPDATE coverage SET checksum = checksum + 1 WHERE (market_id, day) = (%s, %s)",
            [id, WHOLE],
        )
    days = {(day.day.market, day.date): day.file for day in stage.back_up(folder).backup.days}
    assert days[ETH, WHOLE] is None
    assert days[BTC, WHOLE] == f"parquet/coinbase/BTC-USD/{WHOLE}.parquet"


def test_two_at_once_are_refused(folder: Folder, stage: Stage) -> None:
    with connect(stage.url, "test") as store:
        claim_backups(store)
        with pytest.raises(BackupUnderWay, match="wait until it ends"):
            stage.back_up(folder)
    stage.back_up(folder)


def test_real_and_simulated_trades_share_no_place(folder: Folder, stage: Stage) -> None:
    stage.back_up(folder)
    with connect(stage.url, "test") as store:
        store.execute("UPDATE instance SET simulated = true")
    with pytest.raises(BackupError, match="holds backups of real trades"):
        stage.back_up(folder)


def test_a_place_that_is_not_there_is_never_made(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="mount the disk"):
        open_vault(str(tmp_path / "unmounted"), {})


SLOW = """
import sys, time
from pathlib import Path
from alphapulse.backup.making import make_backup
from alphapulse.backup.vault import Folder

class Slow(Folder):
    def put(self, name, chunks):
        print(name, flush=True)
        if name.endswith("trades.zst"):
            list(chunks)
            time.sleep(600)
        super().put(name, chunks)

url, home, place = sys.argv[1:]
roots = {name: Path(home) / name for name in ("parquet", "candles")}
make_backup(url, roots, Slow(Path(place)), 7)
"""


def test_killed_in_the_middle_it_leaves_the_older_ones_and_the_next_cleans_up(
    folder: Folder, stage: Stage, another: str, tmp_path: Path
) -> None:
    first = stage.back_up(folder).backup
    words = [sys.executable, "-c", SLOW, stage.url, str(stage.home), folder.place]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        names = iter(process.stdout.readline, "") if process.stdout else iter(())
        begun = next(name for name in names if name.startswith("backups/")).split("/")[1]
        wait_until(lambda: list(folder.sizes(folder_of(begun))), 60, "a part of it is there")
        next(name for name in names if name.endswith("trades.zst\n"))
        process.send_signal(signal.SIGKILL)
    assert list_backups(folder) == [first.stamp]
    wait_until(lambda: not is_claimed(stage), 30, "the server has noticed")
    second = stage.back_up(folder).backup
    assert not folder.sizes(folder_of(begun))
    assert list_backups(folder) == [first.stamp, second.stamp]
    found = read_backup(folder, first.stamp)
    list(fetch_files(folder, tmp_path / "new", found.files))
    restore_store(another, folder, found, tmp_path / "new")
    assert rows(another) == rows(stage.url)


def is_claimed(stage: Stage) -> bool:
    with connect(stage.url, "test") as store:
        try:
            claim_backups(store)
        except BackupUnderWay:
            return True
    return False


class Forgetful(Folder):
    """A disk that loses the second half of what it is told to keep."""

    def get(self, name: str) -> Iterator[bytes]:
        content = b"".join(super().get(name))
        yield content[: len(content) // 2]


def test_what_cannot_be_read_back_is_no_backup(folder: Folder, stage: Stage) -> None:
    with pytest.raises(BackupError, match="is damaged"):
        make_backup(stage.url, stage.roots, Forgetful(folder.root), 7)
    assert list_backups(folder) == []


def test_a_content_that_breaks_off_leaves_no_object(vault: Vault) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 100
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError):
        deposit(vault, "backups/x/trades.zst", broken())
    assert vault.sizes() == {}


def test_what_a_place_holds_is_for_its_owner_alone(folder: Folder, stage: Stage) -> None:
    made = stage.back_up(folder)
    path = folder.root / manifest_of(made.backup.stamp)
    for closed in (path.parent, path.parent.parent):
        assert closed.stat().st_mode & 0o077 == 0
