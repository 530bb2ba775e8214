"""A platform of a test's own: free ports, an empty home, environment for `python -m launcher`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, **settings: object) -> dict[str, str]:
    """The environment with these settings; ports that are not given are free ones."""
    ports = {
        name: free_port()
        for name in ("postgres_port", "stream_port", "dagster_port", "replay_port", "api_port")
    }
    given: dict[str, object] = {"home": home, **ports, **settings}
    own = {
        f"ALPHAPULSE_{name.upper()}": json.dumps(value)
        if isinstance(value, dict | bool)
        else str(value)
        for name, value in given.items()
    }
    return {k: v for k, v in os.environ.items() if not k.startswith("ALPHAPULSE_")} | own


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "launcher", *words]


def run(env: dict[str, str], *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def wait_until(is_so: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def processes_naming(home: Path) -> list[str]:
    """Command lines, or environments, of living processes that belong to this home."""
    mark = str(home).encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes() + b"\0" + (folder / "environ").read_bytes()
            is_zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if mark in words and int(folder.name) != os.getpid() and not is_zombie:
            found.append(
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
    return found


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
