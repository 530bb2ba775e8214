"""The lake's files into the backup: each content once, and only what changed.

A copy is never overwritten and never deleted before a newer backup names its successor: a file that
was exported again lies there as another object.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from alphapulse.backup.manifest import (
    BackupError,
    Certified,
    Copied,
    Written,
    carried,
    month_file,
    object_of,
)
from alphapulse.backup.vault import CHUNK, Vault, deposit, read
from alphapulse.day import MarketDay
from alphapulse.lake.place import LakeError, path_of
from alphapulse.lake.rows import certificates

ROOTS = ("parquet", "candles")  # below the home
TRADES = ROOTS[0]


class Mirrored(Struct, frozen=True):
    """All files that the backup holds, and what of it was copied now."""

    files: tuple[Copied, ...]
    copied: int = 0
    bytes: int = 0


def mirror(
    vault: Vault, roots: Mapping[str, Path], former: Iterable[Copied], known: Mapping[str, int]
) -> Mirrored:
    """Copy what is new or changed below `roots`, and read it back; raises BackupError, OSError.

    `former` are the files of the newest backup, `known` the objects that lie there, with their
    sizes: one that is gone is copied again.
    """
    last = {one.path: one for one in former}
    found: dict[str, Copied] = {}
    copied, size = 0, 0
    for path, file in lake_files(roots):
        one = last.get(path)
        if one is None or not is_same(one, file) or known.get(one.object.name) != one.object.bytes:
            one = copy(vault, path, file, known)
            copied, size = copied + 1, size + (one.object.bytes if one else 0)
        if one:
            found[path] = one
    left = carried(last.values(), found)
    there = [one for one in left if known.get(one.object.name) == one.object.bytes]
    every = sorted([*found.values(), *there], key=lambda one: one.path)
    return Mirrored(tuple(every), copied, size)


def lake_files(roots: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Every file of the lake, by its path below the home."""
    for name, root in roots.items():
        for file in sorted(root.rglob("[!.]*.parquet")):
            yield f"{name}/{file.relative_to(root).as_posix()}", file


def is_same(one: Copied, file: Path) -> bool:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return False
    return (one.object.bytes, one.changed_at) == (stat.st_size, stat.st_mtime_ns)


def copy(vault: Vault, path: str, file: Path, known: Mapping[str, int]) -> Copied | None:
    """The file's copy, read back; None where it is gone by now, or is no whole file of ours.

    It may be replaced while it is read: what was opened first is what is copied and certified.
    """
    try:
        before = file.stat()
        digest = digest_of(file)
        certified = certified_of(path, file)
        wanted = Written(object_of(path, digest), before.st_size, digest)
        written = left_there(vault, wanted, known)
        if written is None:
            written = deposit(vault, wanted.name, content_of(file))
        after = file.stat()
    except FileNotFoundError:
        return None
    if written.sha256 != digest or before != after:
        return copy(vault, path, file, known)
    return Copied(path, after.st_mtime_ns, written, certified)


def left_there(vault: Vault, wanted: Written, known: Mapping[str, int]) -> Written | None:
    """The object, if a run that was killed has put it there whole: it is read, not believed."""
    if known.get(wanted.name) != wanted.bytes:
        return None
    try:
        for _ in read(vault, wanted):
            pass
    except BackupError:
        return None
    return wanted


def digest_of(file: Path) -> str:
    digest = sha256()
    for chunk in content_of(file):
        digest.update(chunk)
    return digest.hexdigest()


def content_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            yield chunk


def certified_of(path: str, file: Path) -> tuple[Certified, ...]:
    """None for candles, and for what is no file of the archive: it is copied all the same."""
    if not path.startswith(f"{TRADES}/"):
        return ()
    try:
        found = certificates(file)
    except (LakeError, OSError):
        return ()
    own = [words for words in found if path in places_of(words.day)]
    return tuple(
        Certified(
            words.exchange, words.symbol, words.date, words.rows, words.checksum, words.day_closed
        )
        for words in own
    )


def places_of(day: MarketDay) -> set[str]:
    """Where its trades may lie: in a file of the day or of its month."""
    path = path_of(Path(TRADES), day).as_posix()
    return {path, month_file(path)}
