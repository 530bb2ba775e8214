"""Whose process the embedded PostgreSQL is. It refuses root, so root runs it as somebody else.

Whether that account can reach a path is measured by trying, not computed from modes: access lists,
mount options and containers all have their say.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from alphapulse.postgres.error import DirectoryRefused, PostgresError

NAMES = ("postgres", "nobody")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}  # nothing of ours steers the server


class Account(Struct, frozen=True):
    """The operating system's user that owns the data directory and runs the server."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        return user_name(self.uid)

    @property
    def is_us(self) -> bool:
        return self.uid == os.geteuid()

    def run(
        self, command: list[str], directory: Path = Path("/")
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` as this account, in a directory that it need not reach by its path."""
        return subprocess.run(
            command,
            check=False,
            cwd=directory,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            user=None if self.is_us else self.uid,
            group=None if self.is_us else self.gid,
            extra_groups=None if self.is_us else (),
        )

    def reaches(self, directory: Path) -> bool:
        """Whether this account can walk there by its absolute path."""
        if self.is_us:
            return True
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)]).returncode == 0

    def give(self, path: Path) -> None:
        if not self.is_us:
            shutil.chown(path, self.uid, self.gid)


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def find_account(data: Path) -> Account:
    """Who runs the server of `data`: its owner, once it exists; raises DirectoryRefused."""
    owner = data.stat() if data.exists() else None
    if os.geteuid() == 0:
        return Account(owner.st_uid, owner.st_gid) if owner and owner.st_uid else substitute()
    if owner and owner.st_uid != os.geteuid():
        raise DirectoryRefused(
            f"{data} belongs to user {user_name(owner.st_uid)}: run AlphaPulse as that user "
            "or as root, or choose another ALPHAPULSE_HOME"
        )
    return Account(os.geteuid(), os.getegid())


def substitute() -> Account:
    """The account that root lends the server to."""
    for name in NAMES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid)
    raise PostgresError(
        f"PostgreSQL does not run as root, and there is no user named {' or '.join(NAMES)}: "
        "add one, run AlphaPulse as an ordinary user, or set ALPHAPULSE_DATABASE_URL"
    )
