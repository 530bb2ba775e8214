"""Processes of one home: found by what they were started with, killed, stopped for a while."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

PROC = Path("/proc")


def belonging(home: Path) -> Iterator[tuple[int, list[str]]]:
    """Living processes, other than ours, whose command or environment names the home."""
    mark = str(home).encode()
    for folder in PROC.glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            is_ours = mark in command or mark in (folder / "environ").read_bytes()
        except OSError:
            continue
        pid = int(folder.name)
        if is_ours and pid != os.getpid() and is_alive(pid):
            yield pid, [word.decode(errors="replace") for word in command.split(b"\0") if word]


def find(home: Path, *words: str) -> list[int]:
    """Processes whose command ends with these words, oldest first."""
    wanted = list(words)
    found = [pid for pid, command in belonging(home) if command[-len(wanted) :] == wanted]
    return sorted(found, key=started_at)


def is_alive(pid: int) -> bool:
    """A zombie is dead."""
    return state_of(pid)[:1] not in {"", "Z", "X"}


def state_of(pid: int) -> str:
    """The state's letter and the parent's number, as in /proc/PID/stat; empty: no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].strip()
    except OSError:
        return ""


def started_at(pid: int) -> int:
    words = state_of(pid).split()
    return int(words[19]) if len(words) > 19 else 0


def children(parent: int) -> list[int]:
    found = []
    for folder in PROC.glob("[0-9]*"):
        words = state_of(int(folder.name)).split()
        if len(words) > 1 and int(words[1]) == parent:
            found.append(int(folder.name))
    return found


def kill(pids: Iterable[int], number: int = signal.SIGKILL) -> int:
    """How many there were to be signalled."""
    count = 0
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        count += 1
    return count


def stall(pids: Sequence[int], seconds: float) -> subprocess.Popen[bytes]:
    """SIGSTOP now and SIGCONT later, by a shell of its own: they wake even if we are killed."""
    words = shlex.join(str(pid) for pid in pids)
    script = f"kill -STOP {words}; sleep {seconds:.2f}; kill -CONT {words}"
    return subprocess.Popen(
        ["/bin/sh", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},  # nothing that names the home
    )
