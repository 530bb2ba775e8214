"""SHA-256 of whole files."""

from hashlib import sha256
from pathlib import Path


class Digests:
    """SHA-256 of files, remembered while they stay as they are."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, int, str]] = {}

    def of(self, path: Path) -> str:
        with path.open("rb") as file:
            found = sha256()
            while piece := file.read(1 << 20):
                found.update(piece)
        stat = path.stat()
        self.known[str(path)] = (stat.st_size, stat.st_mtime_ns, found.hexdigest())
        return found.hexdigest()

    def get(self, path: str, length: int) -> str | None:
        size, changed, digest = self.known.get(path, (0, 0, ""))
        if not digest or size != length or Path(path).stat().st_mtime_ns != changed:
            return None
        return digest
