"""The files of one embedded PostgreSQL, made and served by the account they belong to.

Everything lies in one directory, home/postgres: data (the account's), log (the account's, a ring
of seven days), password (ours). The server may be unable to walk to a home below root's; on Linux
it is then started in its data directory and told to stay where it is.
"""

import os
import secrets
import shlex
import shutil
import time
from pathlib import Path

from msgspec import Struct

from alphapulse.postgres.account import Account
from alphapulse.postgres.error import DirectoryRefused, StartFailed
from alphapulse.postgres.postmaster import read_postmaster

ROLE = "alphapulse"
HERE = Path("/proc/self/cwd")  # Linux: the working directory, without walking there by its path
READY_WITHIN = (
    600  # seconds; recovery after a crash replays what was written since the last checkpoint
)
ORPHANS_WITHIN = 30  # seconds; children of a killed postmaster leave by themselves
ORPHANS = "pre-existing shared memory block"  # what PostgreSQL says until they have left
POLL = 0.05  # seconds
LOG_BYTES = (
    64_000_000  # a day's log beyond this is emptied at the next start, or by the nightly retention
)

# What we rely on. Everything else is PostgreSQL's default (shared_buffers 128 MB,
# synchronous_commit on) and the owner's to change in data/postgresql.conf. TCP only: the path of a
# Unix socket may have 107 bytes, a home may have more. No text of failed statements in the log:
# they can be large.
FIXED = {
    "unix_socket_directories": "",
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
}


class Cluster(Struct, frozen=True):
    """`directory`, served by `programs` (a bin directory) run as `account`."""

    directory: Path
    account: Account
    programs: Path
    here: Path | None = HERE  # None: these programs leave the directory they were started in

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def create(self) -> None:
        """Make it beside the final place, then a rename: a half-made directory is never served."""
        fresh = self.directory / "data.new"
        password = self.directory / "password"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self.account.give(fresh)
        write_secret(password, secrets.token_hex(24))
        self.account.give(password)  # initdb reads it; afterwards it is ours again
        command = [str(self.programs / "initdb"), "-D", self.address(fresh), "-U", ROLE]
        command += ["-E", "UTF8", "--locale=C", "--no-instructions"]
        command += ["--auth=scram-sha-256", "--pwfile=../password"]
        done = self.account.run(command, fresh)
        os.chown(password, os.geteuid(), os.getegid())
        if done.returncode:
            raise StartFailed(f"initdb could not make {fresh}; it said:\n{done.stdout.strip()}")
        fresh.rename(self.data)

    def launch(self, host: str, port: int) -> None:
        """Start the server, detached, and return when it is ready (line 8 of postmaster.pid).

        pg_ctl does both. Retries while children of a killed postmaster leave: until then PostgreSQL
        rightly refuses to share their memory.
        """
        options = {"listen_addresses": host, "port": str(port)} | FIXED
        command = [str(self.programs / "pg_ctl"), "start", "-w", "-t", str(READY_WITHIN), "-s"]
        command += ["-D", self.address(self.data), "-l", "../log/start.log"]
        command += ["-o", shlex.join(f"--{name}={value}" for name, value in options.items())]
        deadline = time.monotonic() + ORPHANS_WITHIN
        while words := self.attempt(command):
            if ORPHANS not in words or time.monotonic() > deadline:
                raise StartFailed(f"PostgreSQL did not start in {self.data}; it said:\n{words}")
            time.sleep(POLL)

    def attempt(self, command: list[str]) -> str:
        """One try: nothing if the server is ready, else its last words."""
        self.clear_log()
        self.drop_stale_pid()
        done = self.account.run(command, self.data)
        return (
            "" if done.returncode == 0 else f"{done.stdout}{self.last_words()}".strip() or "nothing"
        )

    def clear_log(self) -> None:
        """An empty start.log and no endless day, in a directory of the server's own."""
        self.directory.chmod(0o755)
        self.log.mkdir(mode=0o700, exist_ok=True)
        self.account.give(self.log)
        (self.log / "start.log").unlink(missing_ok=True)
        empty_long_logs(self.log)

    def drop_stale_pid(self) -> None:
        """Remove a postmaster.pid whose number now belongs to some other process.

        PostgreSQL itself would take any live process of the same user for a server and refuse. What
        remains of an old server it recognises all the same, by shared memory tied to the directory.
        """
        stale = read_postmaster(self.data)
        if stale and is_alive(stale.pid):
            (self.data / "postmaster.pid").unlink()

    def last_words(self) -> str:
        """The end of what was logged by the latest try."""
        newest = sorted(self.log.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)[-2:]
        return "\n".join(line for path in newest for line in path.read_text().splitlines()[-5:])

    def address(self, directory: Path) -> str:
        """What to call `directory` in a process of the account that was started in it."""
        if self.account.reaches(directory):
            return str(directory)
        if self.here and self.here.exists():
            return str(self.here)
        raise DirectoryRefused(
            f"user {self.account.name}, who runs PostgreSQL for root, cannot enter {directory}: "
            "choose an ALPHAPULSE_HOME outside of closed directories"
        )


def empty_long_logs(log: Path) -> int:
    """Empty each file beyond LOG_BYTES; gives how many. PostgreSQL may be appending to them."""
    found = [path for path in log.glob("*.log") if path.stat().st_size > LOG_BYTES]
    for path in found:
        os.truncate(path, 0)
    return len(found)


def write_secret(path: Path, secret: str) -> None:
    """A new file that never was readable by others."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{secret}\n")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
