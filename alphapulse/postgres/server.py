"""The embedded PostgreSQL of one home: start, find, stop. Speaks no SQL.

It asks everyone for a password and runs detached: whoever started it may end, and a later process
finds it again by its data directory, never by its port, which may be somebody else's.
"""

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EADDRINUSE
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from urllib.parse import quote

from msgspec import Struct

from alphapulse.postgres.account import find_account
from alphapulse.postgres.binaries import executable_for, find_binaries, major_version
from alphapulse.postgres.cluster import HERE, POLL, READY_WITHIN, ROLE, Cluster, write_secret
from alphapulse.postgres.error import (
    DirectoryRefused,
    PortTaken,
    PostgresError,
    StartFailed,
    StopFailed,
)
from alphapulse.postgres.postmaster import Postmaster, find_postmaster, serves
from alphapulse.settings import LOOPBACK

STOPPING = (  # what to try in turn, and what came of it
    (SIGINT, "stopped"),
    (SIGQUIT, "stopped at once; it will recover at the next start"),
    (SIGKILL, "killed; it will recover at the next start"),
)


class Server(Struct, frozen=True):
    """A PostgreSQL with its files below `home`, on TCP `host`:`port`."""

    home: Path
    port: int
    host: str = LOOPBACK
    binaries: Path | None = None  # any PostgreSQL's bin directory; None: the embedded one

    @property
    def directory(self) -> Path:
        return self.home.absolute() / "postgres"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def password(self) -> Path:
        """A file for our eyes only, made together with the data."""
        return self.directory / "password"

    def url(self, database: str = "alphapulse") -> str:
        """The address of `database`, with the password; the port is the running server's."""
        try:
            password = self.password.read_text().strip()
        except (FileNotFoundError, PermissionError) as failure:
            raise PostgresError(f"cannot read PostgreSQL's password: {failure}") from failure
        running = self.find()
        port = (running and running.port) or self.port
        return f"postgresql://{ROLE}:{password}@{self.host}:{port}/{quote(database, safe='')}"

    def secret(self, name: str) -> str:
        """The password that lies in our file `name`; made now if it is not there. Hold the lock."""
        path = self.directory / name
        if not path.exists():
            fresh = path.with_suffix(".new")
            write_secret(fresh, secrets.token_hex(24))
            fresh.rename(path)
        return path.read_text().strip()

    def is_running(self) -> bool:
        return self.find() is not None

    def find(self) -> Postmaster | None:
        try:
            return find_postmaster(self.data)
        except PermissionError as failure:
            raise refused(failure) from failure

    def start(self) -> bool:
        """Make the server run and be ready: True if this call started it, False if it ran already.

        Any number of processes may call it at once. Raises PostgresError and its kinds.
        """
        with self.lock():
            if self.is_running():
                self.await_ready()
                return False
            cluster = self.cluster()
            self.refuse_taken_port()
            if not self.data.exists():
                cluster.create()
            cluster.launch(self.host, self.port)
            return True

    def stop(self, patience: float = 60) -> str:
        """End the server, rolling back what is open, and say how that went.

        `patience`: seconds for an orderly end, and again for each harder way. Raises StopFailed.
        """
        if not self.directory.exists():
            return "was not running"
        with self.lock():
            found = self.find()
            if found is None:
                return "was not running"
            for signal, outcome in STOPPING:
                os.kill(found.pid, signal)
                if wait_until(lambda: not serves(found.pid, self.data), patience):
                    return outcome
        raise StopFailed(f"PostgreSQL, process {found.pid}, does not end, not even by SIGKILL")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time starts or stops this server; the lock ends with its holder."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            file = (self.directory / "lock").open("w")
        except PermissionError as failure:
            raise refused(failure) from failure
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def cluster(self) -> Cluster:
        """Who will serve the data with which programs; raises if they do not belong together."""
        account = find_account(self.data)
        programs = executable_for(account, find_binaries(self.binaries))
        ours = major_version(account, programs)
        version = self.data / "PG_VERSION"
        theirs = version.read_text().strip() if version.exists() else ours
        if theirs != ours:
            raise DirectoryRefused(
                f"{self.data} holds data of PostgreSQL {theirs}, and this is PostgreSQL {ours}: "
                f"bring it over with pg_upgrade, or move {self.directory} away and restore a backup"
            )
        stays = int(ours) >= 16  # older ones look for themselves by chdir, there and back
        return Cluster(self.directory, account, programs, HERE if stays else None)

    def refuse_taken_port(self) -> None:
        try:
            socket.create_server((self.host, self.port)).close()
        except OSError as failure:
            is_taken = failure.errno == EADDRINUSE
            why = "another program listens there" if is_taken else failure.strerror
            raise PortTaken(
                f"PostgreSQL cannot have port {self.port} of {self.host}: {why}; "
                "set ALPHAPULSE_POSTGRES_PORT to a free one"
            ) from failure

    def await_ready(self) -> None:
        """For a server that somebody launched and did not wait for."""
        wait_until(lambda: not (found := self.find()) or found.is_ready, READY_WITHIN)
        if not self.is_running():
            raise StartFailed(f"PostgreSQL ended before it was ready; see {self.log}")


def refused(failure: PermissionError) -> DirectoryRefused:
    return DirectoryRefused(
        f"{failure}: run AlphaPulse as the user who owns it, or choose another ALPHAPULSE_HOME"
    )


def wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Whether it became so in time."""
    deadline = time.monotonic() + seconds
    while not (done := is_so()) and time.monotonic() < deadline:
        time.sleep(POLL)
    return done
