"""The drill: passes for what is whole, fails for whatever was tampered with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alphapulse.backup.drilling import Drilled, drill
from alphapulse.backup.making import Made
from alphapulse.backup.manifest import Written, manifest_of
from alphapulse.backup.vault import Folder, Vault
from tests.alphapulse.backup.stage import WHOLE, Stage

pytestmark = pytest.mark.embedded


def test_a_good_backup_passes(vault: Vault, stage: Stage, tmp_path: Path) -> None:
    made = stage.back_up(vault)
    found = drill(vault, tmp_path)
    assert found.failures == ()
    assert (found.stamp, found.rows) == (made.backup.stamp, 6 * 40 + 1)
    assert (found.days, found.files, found.is_sample) == (6, 7, False)
    assert not list(tmp_path.glob("drill-*"))


def test_of_a_large_archive_the_newest_day_and_a_sample(
    folder: Folder, stage: Stage, tmp_path: Path
) -> None:
    stage.back_up(folder)
    found = drill(folder, tmp_path, rows=1, size=1)
    assert found.passed and found.is_sample
    assert (found.days, found.days_in_backup) == (4, 6)  # three in the dump, one newest file


def test_no_backup_is_no_pass(folder: Folder, tmp_path: Path) -> None:
    assert drill(folder, tmp_path).failures == (f"{folder.place} holds no backup",)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def copy_of_a_day(made: Made) -> Written:
    path = f"parquet/coinbase/BTC-USD/{WHOLE}.parquet"
    return next(one.object for one in made.backup.files if one.path == path)


def flip_a_byte_of_a_copy(folder: Folder, made: Made) -> None:
    flip(folder.root / copy_of_a_day(made).name)


def truncate_the_dump(folder: Folder, made: Made) -> None:
    path = folder.root / made.backup.trades.name
    path.write_bytes(path.read_bytes()[:-9])


def flip_a_byte_of_the_dump(folder: Folder, made: Made) -> None:
    flip(folder.root / made.backup.trades.name)


def edit_the_manifest(folder: Folder, made: Made) -> None:
    path = folder.root / manifest_of(made.backup.stamp)
    edited = path.read_bytes().replace(b'"rows":40', b'"rows":39', 1)
    assert edited != path.read_bytes()
    path.write_bytes(edited)


def remove_a_copy(folder: Folder, made: Made) -> None:
    (folder.root / copy_of_a_day(made).name).unlink()


def flip_a_byte_of_a_table(folder: Folder, made: Made) -> None:
    (table,) = (table for table in made.backup.tables if table.name == "coverage")
    flip(folder.root / table.dump.name)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (flip_a_byte_of_a_copy, "is damaged"),
        (truncate_the_dump, "and should have"),
        (flip_a_byte_of_the_dump, ""),
        (edit_the_manifest, "was changed after it was written"),
        (remove_a_copy, "is missing"),
        (flip_a_byte_of_a_table, ""),
    ],
)
def test_what_was_tampered_with_fails(
    folder: Folder,
    stage: Stage,
    tmp_path: Path,
    tamper: Callable[[Folder, Made], None],
    said: str,
) -> None:
    made = stage.back_up(folder)
    tamper(folder, made)
    found: Drilled = drill(folder, tmp_path)
    assert not found.passed
    assert any(said in failure for failure in found.failures), found.failures
    assert not list(tmp_path.glob("drill-*"))
