"""Which backups a place holds; those that were never finished, and those that are too old, go."""

import logging
from collections.abc import Sequence

from alphapulse.backup.manifest import (
    BACKUPS,
    FILES,
    Backup,
    BackupError,
    decode,
    folder_of,
    manifest_of,
    outdated,
    stamps_of,
    unreferenced,
)
from alphapulse.backup.vault import Vault

log = logging.getLogger(__name__)


def sweep(vault: Vault) -> list[str]:
    """Remove what was begun and never finished; gives the stamps of the others."""
    names = vault.sizes(BACKUPS)
    whole, begun = stamps_of(names)
    for stamp in begun:
        remove(vault, stamp)
    return whole


def remove(vault: Vault, stamp: str) -> None:
    """The manifest first: without it nothing of the rest is believed."""
    vault.delete(manifest_of(stamp))
    for name in vault.sizes(folder_of(stamp)):
        vault.delete(name)


def read_backup(vault: Vault, stamp: str) -> Backup:
    """The backup as its manifest describes it; raises BackupError."""
    name = manifest_of(stamp)
    try:
        content = b"".join(vault.get(name))
    except FileNotFoundError as failure:
        raise BackupError(f"{vault.place} holds no backup {stamp}") from failure
    return decode(content, f"{vault.place}/{name}")


def list_backups(vault: Vault) -> list[str]:
    """The stamps of the finished ones, oldest first."""
    return stamps_of(vault.sizes(BACKUPS))[0]


def newest(vault: Vault, stamps: Sequence[str]) -> Backup | None:
    """The newest that can be read; a damaged one is the drill's business, and told here."""
    for stamp in reversed(stamps):
        try:
            return read_backup(vault, stamp)
        except BackupError as failure:
            log.warning("%s", failure)
    return None


def rotate(vault: Vault, stamps: Sequence[str], keep: int) -> list[str]:
    """Remove all but the newest `keep` backups, and the copies that none of these names.

    While one of them cannot be read nobody knows what it names: then no copy goes.
    """
    doomed = outdated(stamps, keep)
    for stamp in doomed:
        remove(vault, stamp)
    try:
        kept = [read_backup(vault, stamp) for stamp in stamps if stamp not in doomed]
    except BackupError as failure:
        log.warning("no copy of a file is removed: %s", failure)
        return doomed
    for name in unreferenced(vault.sizes(FILES), kept):
        vault.delete(name)
    return doomed
