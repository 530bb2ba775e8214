"""What was backed up comes back: row by row, in another database, into another life."""

from pathlib import Path

import pytest

from alphapulse.backup.manifest import BackupError
from alphapulse.backup.restoring import fetch_files, restore_store
from alphapulse.backup.vault import Vault
from tests.alphapulse.backup.stage import Stage, rows, tables


def test_every_row_and_every_file_comes_back(
    vault: Vault, stage: Stage, another: str, tmp_path: Path
) -> None:
    made = stage.back_up(vault)
    assert len(list(fetch_files(vault, tmp_path / "new", made.backup.files))) == 7
    restore_store(another, vault, made.backup, tmp_path / "new")
    assert rows(another) == rows(stage.url)
    assert tables(another) == tables(stage.url)
    for file in stage.home.rglob("*.parquet"):
        copy = tmp_path / "new" / file.relative_to(stage.home)
        assert copy.read_bytes() == file.read_bytes()
        assert copy.stat().st_mtime_ns == file.stat().st_mtime_ns
