"""Where backups lie: a directory, or a bucket of an S3-compatible store.

A name of ours holds one content for ever, but for manifests that are deleted. Whatever is put there
is read back before it counts.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from alphapulse.backup.manifest import BackupError, Written
from alphapulse.lake.place import sync
from alphapulse.lake.remote import Bucket

CHUNK = 1 << 20  # bytes
S3 = "s3://"
ASIDE = ".part"  # ends the name of a file that is not whole yet


class Vault(Protocol):
    """All methods raise OSError; its message holds no secret."""

    place: str

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Store it whole or not at all."""

    def get(self, name: str) -> Iterator[bytes]:
        """Its bytes; raises FileNotFoundError."""

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """The names below `prefix` (a folder, ends with /), with their bytes."""

    def delete(self, name: str) -> None:
        """One that is not there is no error."""


class Folder:
    """A directory: written aside, flushed to the disk, renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self.root / name
        self.make_folder(path.parent)
        aside = path.with_name(f"{path.name}{ASIDE}")
        try:
            with aside.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            sync(path.parent)
        finally:
            aside.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> None:
        """For our eyes only: it holds a copy of the whole database."""
        if not folder.exists():
            self.make_folder(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
            sync(folder.parent)

    def get(self, name: str) -> Iterator[bytes]:
        with (self.root / name).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def sizes(self, prefix: str = "") -> dict[str, int]:
        files = ((path, path.lstat()) for path in sorted((self.root / prefix).rglob("*")))
        return {
            path.relative_to(self.root).as_posix(): stat.st_size
            for path, stat in files
            if path.is_file()
        }

    def delete(self, name: str) -> None:
        path = self.root / name
        path.unlink(missing_ok=True)
        folder = path.parent
        while folder != self.root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def open_vault(place: str, environment: Mapping[str, str]) -> Vault:
    """The place that `backup_to` names; `environment` holds AWS_… for a bucket.

    Raises BackupError. A directory is never made: it may be a disk that is not mounted.
    """
    if place.startswith(S3):
        return Bucket(place, environment)
    if not Path(place).is_dir():
        raise BackupError(f"{place} is no directory: mount the disk, or make it once by hand")
    return Folder(Path(place))


def deposit(vault: Vault, name: str, chunks: Iterable[bytes]) -> Written:
    """Put it there and read it back; raises BackupError when another content is there then."""
    digest, size = sha256(), 0

    def watched() -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            yield chunk

    vault.put(name, watched())
    written = Written(name, size, digest.hexdigest())
    for _ in read(vault, written):
        pass
    return written


def read(vault: Vault, written: Written) -> Iterator[bytes]:
    """Its bytes; raises BackupError, at the latest behind the last one, when it is not what it was.

    So nothing read may count before the end was reached.
    """
    digest, size = sha256(), 0
    try:
        for chunk in vault.get(written.name):
            digest.update(chunk)
            size += len(chunk)
            yield chunk
    except FileNotFoundError as failure:
        raise BackupError(f"{vault.place}/{written.name} is missing") from failure
    if (size, digest.hexdigest()) != (written.bytes, written.sha256):
        raise BackupError(
            f"{vault.place}/{written.name} is damaged: {size} bytes with sha256 "
            f"{digest.hexdigest()}, not {written.bytes} with {written.sha256}"
        )
