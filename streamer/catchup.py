"""What the hub missed while the line to PostgreSQL was down, read from the store.

Gaps are read before the snapshot that ends the trades: one that is repaired by then comes behind
the trades that filled it. Whatever changes later is heard, and comes behind both.
"""

from collections.abc import Awaitable, Callable
from itertools import groupby

from msgspec import Struct

from alphapulse.cursor import Cursor, Heard, Snapshot
from alphapulse.notice import GapNotice, mark
from alphapulse.store import stream
from streamer.hub import Hub
from streamer.ledger import MOST_KEPT
from streamer.line import Line

CHUNK = 1_000  # rows read, or gaps told, at a time


class Caught(Struct, frozen=True):
    """How it went: `trades` were caught up; or continuity is lost, and `why_not` says why."""

    trades: int = 0
    is_first: bool = False
    why_not: str = ""


async def catch_up(
    line: Line, hub: Hub, most_missed: int, paced: Callable[[], Awaitable[None]]
) -> Caught:
    """Bring the hub to a snapshot of now. The line listens already; what it hears meanwhile is held
    and comes after, where the hub skips whatever the snapshot had.
    """
    epoch = await line.ask(stream.epoch)
    gaps = await read_gaps(line, hub)
    await learn_markets(line, hub)
    snapshot = await line.ask(stream.snapshot)
    await line.ask(stream.send_mark, mark("durable"))  # whatever the snapshot saw is on disk now
    place, upto = hub.place(), Heard(epoch, snapshot).cursor()
    if place is None:
        hub.start(epoch, snapshot, gaps.values())
        return Caught(is_first=True)
    why_not = await why_not_continue(line, place, upto, snapshot, most_missed)
    if why_not:
        hub.start(epoch, snapshot, gaps.values())
        return Caught(why_not=why_not)
    trades = await give_missed(line, hub, place, upto, paced)
    hub.settle(snapshot)
    await give_gaps(hub, hub.gaps.changes(gaps), paced)
    return Caught(trades)


async def why_not_continue(
    line: Line, place: Cursor, upto: Cursor, snapshot: Snapshot, most: int
) -> str:
    if place.epoch != upto.epoch or not place.fits(snapshot):
        return "the database is another one, or went back in time"
    missed = await line.ask(stream.count_between, place, upto, None, most + 1)
    return f"more than {most} trades were missed" if missed > most else ""


async def give_missed(
    line: Line, hub: Hub, place: Cursor, upto: Cursor, paced: Callable[[], Awaitable[None]]
) -> int:
    given = 0
    chunks = await line.ask(stream.rows_between, place, upto, None, CHUNK)
    while chunk := await line.run(stream.following, chunks):
        for tx, placed in groupby(chunk, key=lambda each: each[0]):
            if tx != hub.tx:
                hub.fill(upto, tx)
            rows = (row for _, row in placed if row.market_id in hub.heads)
            given += hub.hear(tx, rows, replayed=True)
        hub.flush()
        await paced()
    return given


async def read_gaps(line: Line, hub: Hub) -> dict[int, GapNotice]:
    newest = None if hub.place() is None else hub.gaps.newest
    return await line.ask(stream.read_gaps, tuple(hub.gaps.open), newest, MOST_KEPT + 1)


async def give_gaps(hub: Hub, gaps: list[GapNotice], paced: Callable[[], Awaitable[None]]) -> None:
    for part in (gaps[at : at + CHUNK] for at in range(0, len(gaps), CHUNK)):
        for gap in part:
            hub.hear_gap(gap)
        hub.flush()
        await paced()


async def learn_markets(line: Line, hub: Hub) -> None:
    simulated = await line.ask(stream.is_simulated)
    hub.learn(await line.ask(stream.read_markets), simulated=simulated)
