"""What a running process says of itself: one small JSON file per process below home/status."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

FRESH = 10.0  # seconds after which a process that said nothing counts as gone


def write_status(home: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Replace `name`'s file in one step; `at` (seconds since the epoch) and `pid` are added."""
    folder = home / "status"
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{name}.{os.getpid()}"
    aside.write_bytes(msgspec.json.encode({"at": time.time(), "pid": os.getpid(), **facts}))
    aside.replace(folder / f"{name}.json")


def read_status(home: Path) -> dict[str, dict[str, Any]]:
    """Name -> what it last said, with `is_fresh` added; files that cannot be read are left out."""
    found = {}
    for path in sorted((home / "status").glob("*.json")):
        try:
            facts = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            age = time.time() - float(facts["at"])
        except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError):
            continue
        found[path.stem] = facts | {"is_fresh": abs(age) < FRESH}  # a clock may have been set back
    return found


def remove_status(home: Path, name: str) -> None:
    (home / "status" / f"{name}.json").unlink(missing_ok=True)
