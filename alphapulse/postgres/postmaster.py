"""The running server, as postmaster.pid tells; believed only if that process serves this directory.

A number alone proves nothing: after kill -9 or a restart of the machine the file is still there,
and its process id may belong to anybody. Nothing here starts or stops anything.
"""

import os
import re
import subprocess
from pathlib import Path

from msgspec import Struct

PROC = Path("/proc")
NUMBER = re.compile("[0-9]{1,9}")


class Postmaster(Struct, frozen=True):
    """Lines 1, 4 and 8 of postmaster.pid; the last ones are written later than the first."""

    pid: int
    port: int = 0
    status: str = ""

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"


def parse_postmaster(text: str) -> Postmaster | None:
    lines = [line.strip() for line in text.splitlines()] + [""] * 8
    if not NUMBER.fullmatch(lines[0]):  # half-written, or of a single-user backend: not a server
        return None
    return Postmaster(int(lines[0]), int(lines[3]) if NUMBER.fullmatch(lines[3]) else 0, lines[7])


def read_postmaster(data: Path) -> Postmaster | None:
    """What the file says, true or stale."""
    try:
        return parse_postmaster((data / "postmaster.pid").read_text())
    except FileNotFoundError:
        return None


def find_postmaster(data: Path) -> Postmaster | None:
    """The live server of `data`, or None."""
    named = read_postmaster(data)
    return named if named and serves(named.pid, data) else None


def serves(pid: int, data: Path) -> bool:
    """Whether process `pid` is a PostgreSQL whose directory is `data`; a zombie is not."""
    if not PROC.joinpath("self").exists():
        return is_named_by_ps(pid, data)
    process = PROC / str(pid)
    try:
        is_postgres = process.joinpath("comm").read_text().startswith("postgres")
        return is_postgres and os.path.samestat(process.joinpath("cwd").stat(), data.stat())
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or not of our account
        return False


def is_named_by_ps(pid: int, data: Path) -> bool:
    """The same where there is no /proc (macOS): the command line names program and directory."""
    asked = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    answer = subprocess.run(asked, check=False, capture_output=True, text=True).stdout
    return "postgres" in answer and str(data) in answer
