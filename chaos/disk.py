"""A small disk of its own under the collectors' journal, to be filled."""

from contextlib import suppress
from pathlib import Path

from chaos.means import mount, unmount

SIZE = 256  # MB
FOLDER = "journal"  # below home: what the collectors write first
BLOCK = 65_536  # bytes


class Disk:
    """`place` mounts it, `remove` takes it away again."""

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER
        self.ballast = self.folder / ".ballast"
        self.is_mounted = False

    def place(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.is_mounted = not mount(str(self.folder), SIZE)

    def fill(self) -> None:
        """Until not a byte fits."""
        block = bytes(BLOCK)
        with self.ballast.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(block) == len(block):
                pass
            while file.write(b"\0"):
                pass

    def free(self) -> None:
        with suppress(OSError):
            self.ballast.unlink(missing_ok=True)

    def remove(self) -> None:
        if self.is_mounted:
            unmount(str(self.folder))
