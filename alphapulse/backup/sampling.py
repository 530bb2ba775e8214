"""What a drill restores of a backup: all of a small archive, a sample of a large one. Pure."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from random import Random
from typing import TypeVar

from msgspec.structs import replace

from alphapulse.backup.manifest import Backup, Copied, StoredDay

One = TypeVar("One", StoredDay, Copied)


def sample(backup: Backup, rows: int, size: int) -> Backup:
    """The same backup with fewer days and files; its tables and its dump are always whole.

    Days that lie in files up to `rows` trades, and other files up to `size` bytes: the newest date
    whole, whatever it takes, then what chance draws, another choice for each backup.
    """
    chance = Random(backup.stamp)  # noqa: S311 (no secret hangs on it)
    archived = [day for day in backup.days if day.file]
    chosen = set(fill(drawn(archived, chance, lambda day: day.date), rows, lambda day: day.rows))
    needed = {day.file for day in chosen}
    others = [one for one in backup.files if one.path not in needed]
    found = fill(drawn(others, chance, date_of), size, lambda one: one.object.bytes)
    kept = needed | {one.path for one in found}
    return replace(
        backup,
        days=tuple(day for day in backup.days if day.file is None or day in chosen),
        files=tuple(one for one in backup.files if one.path in kept),
    )


def date_of(one: Copied) -> date:
    return max((words.date for words in one.certified), default=date.min)


def drawn(
    found: Iterable[One], chance: Random, date_of: Callable[[One], date]
) -> tuple[list[One], list[One]]:
    """Those of the newest date, and the others in an order of chance."""
    every = list(found)
    newest = max(map(date_of, every), default=date.min)
    first = [one for one in every if date_of(one) == newest]
    rest = [one for one in every if date_of(one) != newest]
    chance.shuffle(rest)
    return first, rest


def fill(
    found: tuple[Sequence[One], Sequence[One]], most: int, cost: Callable[[One], int]
) -> list[One]:
    """The first ones all, then the others for as long as there is room."""
    chosen = list(found[0])
    spent = sum(map(cost, chosen))
    for one in found[1]:
        spent += cost(one)
        if spent > most:
            break
        chosen.append(one)
    return chosen
