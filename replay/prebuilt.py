"""The fast mode's frames, built and joined before anybody reads: a chunk is then one write."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from alphapulse.trade import Micros
from replay.feed import Batch, Feed, texts
from replay.frames import text_frame

CHUNK = 256  # trades, on average: about 64 KB


class Prebuilt:
    """Chunks of a feed by form and set of symbols. All sets share `instants`, where chunks end."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.span = max(1, int(CHUNK / feed.pace * 1e6))
        self.instants = [until for until, _ in self.parts()]
        self.chunks: dict[tuple[str, frozenset[str]], list[bytes]] = {}

    def parts(self) -> Iterator[tuple[Micros, list[Batch]]]:
        """The whole feed from its beginning, cut into pieces of equal time; empty ones left out."""
        twin = self.feed.twin()
        while (at := twin.next_at()) is not None:
            until = at + self.span
            yield until, twin.advance(until)

    def build(self, form: str, symbols: AbstractSet[str]) -> list[bytes]:
        return [self.joined(batches, form, symbols) for _, batches in self.parts()]

    def joined(self, batches: list[Batch], form: str, symbols: AbstractSet[str]) -> bytes:
        dialect = self.feed.dialect
        wanted = [batch for batch in batches if batch.is_for(symbols)]
        return b"".join([text_frame(t) for batch in wanted for t in texts(batch, dialect, form)])

    def prepare(self, form: str, symbols: AbstractSet[str]) -> list[bytes]:
        key = (form, frozenset(symbols))
        if key not in self.chunks:
            self.chunks[key] = self.build(form, symbols)
        return self.chunks[key]

    def chunk(self, form: str, symbols: AbstractSet[str], number: int) -> bytes:
        """What a client gets between two instants; a set that is new is built on the spot."""
        return self.prepare(form, symbols)[number]
