"""Where files are made before they count: a hidden folder of the lake, so that a rename moves them.

A folder belongs to who holds its lock; what a killed export left is swept by the next one.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

HIDDEN = ".exporting"


@contextmanager
def staging(parquet: Path) -> Iterator[Path]:
    """A fresh folder, gone with the block. Raises OSError."""
    hidden = parquet / HIDDEN
    with locked(hidden):  # nobody takes a folder for left behind before it is locked
        sweep(hidden)
        folder = hidden / uuid4().hex
        folder.mkdir()
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        with suppress(OSError):  # another export is at work
            hidden.rmdir()


@contextmanager
def locked(hidden: Path) -> Iterator[None]:
    """The hidden folder, there and held for a moment."""
    while True:
        hidden.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # the last export is just removing it
            lock = os.open(hidden, os.O_RDONLY)
            break
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        hidden.mkdir(exist_ok=True)
        yield
    finally:
        os.close(lock)


def sweep(hidden: Path) -> None:
    for folder in hidden.iterdir():
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        except BlockingIOError:
            pass  # somebody writes there
        finally:
            os.close(lock)
