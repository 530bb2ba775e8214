"""The line alone: it breaks at any moment, and whoever hangs up is not hurt."""

import socket
from select import select

import pytest

from alphapulse.store.connect import Store, connect
from streamer.line import sever

DEADLINE = 20.0


def read_to_the_end(line: socket.socket) -> None:
    while select([line], [], [], DEADLINE)[0] and line.recv(4096):
        pass


def send_for_ever(line: socket.socket) -> None:
    while True:
        line.send(b"x")


def test_a_line_that_is_dead_already_can_be_severed(store: Store, database_url: str) -> None:
    """PostgreSQL went away, and what was sent to it since was refused: nothing is left to shut."""
    with connect(database_url, "test lost") as lost:
        store.execute("SELECT pg_terminate_backend(%s)", [lost.info.backend_pid])
        with socket.socket(fileno=socket.dup(lost.fileno())) as line:
            read_to_the_end(line)
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                send_for_ever(line)
        sever(lost)
        sever(lost)


def test_a_line_that_nobody_opened_needs_no_severing(store: Store) -> None:
    store.close()
    sever(store)
    sever(None)
