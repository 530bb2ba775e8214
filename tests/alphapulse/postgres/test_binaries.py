"""Where the programs are, and copies of them for an account that cannot reach them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse.postgres import Server
from alphapulse.postgres.account import Account, find_account
from alphapulse.postgres.binaries import (
    can_execute,
    copy_tree,
    executable_for,
    find_binaries,
    major_version,
    put_in_place,
)
from alphapulse.postgres.error import BinariesMissing, DirectoryRefused

pytestmark = pytest.mark.embedded

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # Debian's place


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return find_account(tmp_path / "data")


@pytest.fixture
def open_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_packaged_programs_are_found_and_run(account: Account) -> None:
    programs = executable_for(account, find_binaries())
    assert can_execute(account, programs)
    assert int(major_version(account, programs)) >= 18


def test_a_directory_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BinariesMissing, match=f"{tmp_path}.*ALPHAPULSE_DATABASE_URL"):
        find_binaries(tmp_path)


def test_a_program_for_another_machine_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    program.write_text("#!/bin/sh\necho wrong architecture\nexit 1\n")
    program.chmod(0o755)
    us = Account(os.geteuid(), os.getegid())
    with pytest.raises(BinariesMissing, match="wrong architecture"):
        major_version(us, tmp_path)


@ROOT_ONLY
def test_programs_in_a_closed_directory_are_copied_once(
    account: Account, open_directory: Path
) -> None:
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    package = find_binaries().parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name)
    programs = find_binaries(closed / package.name / "pginstall" / "bin")
    assert not can_execute(account, programs)
    copied = executable_for(account, programs, open_directory / "readable")
    assert can_execute(account, copied)
    inode = (copied / "postgres").stat().st_ino
    assert executable_for(account, programs, open_directory / "readable") == copied
    assert (copied / "postgres").stat().st_ino == inode
    assert [path.name for path in (open_directory / "readable").iterdir()] == [copied.parts[-4]]


def test_a_copy_is_open_to_all_whatever_the_original(tmp_path: Path) -> None:
    programs = tmp_path / "package" / "prefix" / "bin"
    programs.mkdir(parents=True, mode=0o700)
    for name, mode in (("postgres", 0o700), ("notes", 0o600)):
        (programs / name).write_text(name)
        (programs / name).chmod(mode)
    copy = copy_tree(programs, tmp_path / "readable")
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copy / "notes").stat().st_mode & 0o777 == 0o644
    assert copy.stat().st_mode & 0o777 == 0o755


def test_the_second_of_two_copiers_takes_the_first_ones_copy(tmp_path: Path) -> None:
    fresh, copy = tmp_path / "fresh", tmp_path / "copy"
    for folder in (fresh, copy):
        folder.mkdir()
        (folder / "file").write_text(folder.name)
    put_in_place(fresh, copy)
    assert (copy / "file").read_text() == "copy"
    assert not fresh.exists()
    with pytest.raises(FileNotFoundError):
        put_in_place(fresh, tmp_path / "other")


def test_any_other_postgres_serves_as_well(open_directory: Path, port: int) -> None:
    if SYSTEM:
        programs = SYSTEM[0].parent
    else:
        programs = copy_tree(find_binaries(), open_directory / "programs")
    server = Server(open_directory / "home", port, binaries=programs)
    try:
        assert server.start() is True
        us = Account(os.geteuid(), os.getegid())
        assert (server.data / "PG_VERSION").read_text().strip() == major_version(us, programs)
    finally:
        assert server.stop() == "stopped"


@ROOT_ONLY
def test_an_old_postgres_does_not_serve_a_closed_home(open_directory: Path, port: int) -> None:
    (open_directory / "closed").mkdir(mode=0o700)
    for name in ("postgres", "initdb"):
        program = open_directory / name
        program.write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) 15.12"\n')
        program.chmod(0o755)
    server = Server(open_directory / "closed", port, binaries=open_directory)
    with pytest.raises(DirectoryRefused, match="ALPHAPULSE_HOME"):
        server.start()
