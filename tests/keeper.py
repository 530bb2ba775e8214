"""Runs an embedded server for as long as somebody holds the other end of its standard input.

So the server ends with the tests, even if those are killed and clean up nothing.
"""

import shutil
import signal
import socket
import sys
from pathlib import Path

import psycopg

from alphapulse.postgres import Server
from alphapulse.settings import LOOPBACK


def keep(home: Path) -> None:
    """Print the server's address, wait for the end of input, stop it, remove its files."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests; they let go of us then
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    server = Server(home, port)
    server.start()
    try:
        spare_the_disk(server.url("postgres"))
        print(server.url("postgres"), flush=True)
        sys.stdin.read()
    finally:
        server.stop()
        shutil.rmtree(home)


def spare_the_disk(url: str) -> None:
    """What outlives a crash of the machine is nothing here; what outlives a killed server stays so.

    Tests of durability start servers of their own, by the platform's settings.
    """
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET fsync = off")
        admin.execute("ALTER SYSTEM SET full_page_writes = off")
        admin.execute("SELECT pg_reload_conf()")


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
