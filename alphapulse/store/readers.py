"""Reads for many askers at once: one read-only connection for each thread that asks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg import errors

from alphapulse.store.connect import Store, StoreUnavailable, connect

T = TypeVar("T")

UNREADY = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InsufficientPrivilege,
)


@contextmanager
def of_one_instant(store: Store) -> Iterator[None]:
    """All reads in the block see the same rows, and no day leaves the store meanwhile.

    The lock comes before the snapshot: a day that left while we waited for it is known to be gone.
    """
    # Two statements in one journey; the first snapshot is that of the block's first query.
    store.execute(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE trades IN ACCESS SHARE MODE"
    )
    try:
        yield
    finally:
        if not store.closed:
            store.execute("ROLLBACK")  # nothing was written


class TooSlow(TimeoutError):
    """PostgreSQL gave a statement up after the seconds that it may take."""


class Readers:
    """Whoever asks from a thread gets that thread's connection, opened at its first question."""

    def __init__(self, url: str, program: str, most_seconds: float) -> None:
        self.url = url
        self.program = program
        self.most_seconds = most_seconds
        self.own = threading.local()
        self.opened: list[Store] = []
        self.lost = 0  # connections that broke

    def ask(self, question: Callable[[Store], T]) -> T:
        """What `question` finds; asked once more where the server had closed an old connection.

        Raises StoreUnavailable or TooSlow.
        """
        try:
            found, store = self.find()
            try:
                return question(store)
            except psycopg.OperationalError:
                if not found or not store.closed:
                    raise
            return question(self.find()[1])
        except errors.QueryCanceled as failure:
            raise TooSlow(f"no answer within {self.most_seconds:g} s") from failure
        except UNREADY as failure:
            raise StoreUnavailable(f"the schema is not up to date: {failure}") from failure
        except (psycopg.OperationalError, psycopg.InterfaceError) as failure:
            raise StoreUnavailable(f"PostgreSQL does not answer: {failure}") from failure

    def find(self) -> tuple[bool, Store]:
        """The connection of this thread, and whether it was open before."""
        store: Store | None = getattr(self.own, "store", None)
        if store is not None and not store.closed:
            return True, store
        if store is not None:
            self.opened.remove(store)
            self.lost += 1
        self.own.store = connect(
            self.url, self.program, read_only=True, most_seconds=self.most_seconds
        )
        self.opened.append(self.own.store)
        return False, self.own.store

    def close(self) -> None:
        """Close them all; a thread that asks again opens a new one."""
        while self.opened:
            self.opened.pop().close()
