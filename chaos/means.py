"""Kinds of fault that cannot be had here, and why: they are left out, and the report says so."""

import os
import subprocess
import tempfile
from importlib.util import find_spec

from launcher.cli import main as alphapulse


def lacking() -> dict[str, str]:
    """Kind -> what is missing."""
    found = {
        "disk full": why_no_disk(),
        "kill -9 backfill": "" if "backfill" in alphapulse.commands else "no such command yet",
    }
    return {kind: why for kind, why in found.items() if why}


def why_no_disk() -> str:
    """Empty: a tmpfs can be mounted, and there is a journal to put on it."""
    if find_spec("collectors.journal") is None:
        return "there is no journal yet"
    if os.geteuid() != 0:
        return "mounting a tmpfs needs root"
    with tempfile.TemporaryDirectory() as folder:
        return mount(folder, 1) or unmount(folder)


def mount(folder: str, megabytes: int) -> str:
    """Empty: done."""
    return words_of("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "chaos", folder)


def unmount(folder: str) -> str:
    return words_of("umount", "-l", folder)


def words_of(*command: str) -> str:
    """What a failed command says; empty where it succeeded."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as failure:
        return f"{command[0]}: {failure}"
    return (done.stderr.strip() or f"{command[0]} failed") if done.returncode else ""
