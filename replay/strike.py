"""What each fault does to an exchange of ours."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any

from replay.faults import (
    Cut,
    Drop,
    Farewell,
    Fault,
    FaultError,
    Garbage,
    Hole,
    LastTradeIdZero,
    OfFrames,
    Refuse,
    Reorder,
    Repeat,
    RestError,
    Silence,
    SlowRest,
)
from replay.venue import Venue

PACED_ONLY = (Drop, Repeat, Reorder, Garbage, Silence, Hole)
RESTART = Cut(code=1012, reason="service restart")


def strike(venue: Venue, fault: Fault) -> None:
    """Raises FaultError where the fault makes no sense at this exchange."""
    check(venue, fault)
    ACTS[type(fault)](venue, fault)


def check(venue: Venue, fault: Fault) -> None:
    if not venue.speed and isinstance(fault, PACED_ONLY):
        raise FaultError(
            f"{fault}: in the fast mode (speed 0) frames are built beforehand; give a speed above 0"
        )
    symbol = fault.symbol if isinstance(fault, Refuse | Hole) else None
    if symbol and symbol not in venue.feed.tapes:
        known = ", ".join(venue.feed.tapes)
        raise FaultError(f"{fault}: {venue.dialect.NAME} has no {symbol} here; it has {known}")


def cut(venue: Venue, fault: Cut) -> None:
    for client in tuple(venue.clients):
        client.cut(fault.code, fault.reason)


def say_farewell(venue: Venue, fault: Farewell) -> None:
    for client in venue.clients:
        client.say(client.line.farewell())
    later(fault.seconds, lambda: cut(venue, RESTART))


def fall_silent(venue: Venue, fault: Silence) -> None:
    for client in venue.clients:
        client.fall_silent(fault.seconds)


def refuse(venue: Venue, fault: Refuse) -> None:
    venue.desk.refused.add(fault.symbol)
    for client in venue.clients:
        client.say(client.line.refuse(fault.symbol))
    if fault.seconds != inf:
        later(fault.seconds, lambda: venue.desk.refused.discard(fault.symbol))


def forget_ids(venue: Venue, fault: LastTradeIdZero) -> None:
    venue.desk.forgets_ids = True
    later(fault.seconds, lambda: setattr(venue.desk, "forgets_ids", False))


def fail_rest(venue: Venue, fault: SlowRest | RestError) -> None:
    venue.rest_faults.extend([fault] * fault.requests)


def make_hole(venue: Venue, fault: Hole) -> None:
    for symbol in [fault.symbol] if fault.symbol else venue.feed.tapes:
        venue.feed.withhold(symbol, fault.trades)


def bend(venue: Venue, fault: OfFrames) -> None:
    if not venue.clients:
        venue.early.append(fault)
    for client in venue.clients:
        client.mischief.add(fault)


def later(seconds: float, act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, act)


ACTS: dict[type, Callable[[Venue, Any], None]] = {
    Cut: cut,
    Farewell: say_farewell,
    Silence: fall_silent,
    Refuse: refuse,
    LastTradeIdZero: forget_ids,
    SlowRest: fail_rest,
    RestError: fail_rest,
    Hole: make_hole,
    Drop: bend,
    Repeat: bend,
    Reorder: bend,
    Garbage: bend,
}
