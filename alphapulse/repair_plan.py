"""Which gaps are to be repaired by a run, because the collector's own repair does not. Pure."""

from collections.abc import Container, Iterable
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

from alphapulse.findings.gaps import Hole

ORPHANED = 60.0  # seconds that an exchange's gap may wait for a collector to start
STUCK = 600.0  # seconds without any progress; as long as the repair worker pauses at the most
AGAIN, LONGEST = 900.0, 21_600.0  # seconds until a gap is asked for again, doubled each time
AT_ONCE = 10  # gaps of one run
REMEMBERED = 1_000  # gaps that are open at once; the oldest count


class Memory(Struct, frozen=True):
    """What a sensor remembers of one gap, in Unix seconds. `seen`: since when at this progress."""

    revision: int
    progress: str
    seen: float
    asked: float = 0.0
    tries: int = 0


class Ask(Struct, frozen=True):
    """One run: gaps of one exchange. Its key tells this try from the one before."""

    exchange: str
    gap_ids: tuple[int, ...]
    key: str


def plan(
    holes: Iterable[Hole],
    memory: dict[int, Memory],
    now: datetime,
    collected: Container[str],
    busy: Container[str] = (),
) -> tuple[list[Ask], dict[int, Memory]]:
    """The runs to ask for now, and what to remember. `busy`: exchanges that a run is asking."""
    known: dict[int, Memory] = {}
    due: dict[str, list[Hole]] = {}
    at = now.timestamp()
    for hole in list(holes)[:REMEMBERED]:
        known[hole.gap_id] = one = remember(memory.get(hole.gap_id), hole, at)
        exchange = hole.market.exchange
        if exchange in busy or at < one.asked + pause(one.tries):
            continue
        if is_left(hole, one, at, is_collected=exchange in collected):
            due.setdefault(exchange, []).append(hole)
    asks = []
    for exchange, some in due.items():
        batch = some[:AT_ONCE]
        asks.append(Ask(exchange, tuple(hole.gap_id for hole in batch), key_of(batch, known)))
        for hole in batch:
            former = known[hole.gap_id]
            known[hole.gap_id] = Memory(
                former.revision, former.progress, former.seen, at, former.tries + 1
            )
    return asks, known


def remember(former: Memory | None, hole: Hole, at: float) -> Memory:
    if former is None or former.revision != hole.revision:
        return Memory(hole.revision, hole.progress, at)
    if former.progress != hole.progress:
        return Memory(hole.revision, hole.progress, at, former.asked, former.tries)
    return former


def is_left(hole: Hole, known: Memory, at: float, *, is_collected: bool) -> bool:
    """Whether nobody else repairs it. What an exchange rejects is asked for by its worker, ever
    more rarely, until it is given up: another one would be rejected too.
    """
    if hole.is_too_wide:
        return True
    if not is_collected:
        return at - hole.found_at.timestamp() >= ORPHANED
    return hole.rejections == 0 and at - known.seen >= STUCK


def pause(tries: int) -> float:
    return 0.0 if tries == 0 else min(LONGEST, AGAIN * 2.0 ** min(tries - 1, 20))


def key_of(holes: Iterable[Hole], known: dict[int, Memory]) -> str:
    """The same for the same gaps at the same revision and try, so that a tick that is repeated
    starts nothing twice.
    """
    words = [f"{hole.gap_id}.{hole.revision}.{known[hole.gap_id].tries}" for hole in holes]
    return "gaps " + sha256(" ".join(words).encode()).hexdigest()[:24]
