"""The control door, GET /control/…: for this machine's programs, never for a page in a browser.

/control/state                                          what was published, who is connected
/control/inject?fault=cut&exchange=kraken&code=1011     a fault, see `replay.faults`
/control/finish                                         no further trades; lines and REST stay
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.json import encode

from replay.dialect import JSON, Answer
from replay.faults import Fault, FaultError, read_fault
from replay.venue import Venue

LOCAL_HOSTS = {"127.0.0.1", "localhost", "[::1]"}


def is_local(peer: str, headers: Mapping[str, str]) -> bool:
    """Whether a program of this machine asks: no other machine, and no page in a browser."""
    host = headers.get("Host", "").rpartition(":")[0] or headers.get("Host", "")
    from_page = "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none"
    return peer in {"127.0.0.1", "::1"} and host in LOCAL_HOSTS and not from_page


def control(
    word: str,
    params: Mapping[str, str],
    venues: Mapping[str, Venue],
    inject: Callable[[Fault], None],
) -> Answer:
    match word:
        case "state":
            return answer(state(venues))
        case "finish":
            for venue in venues.values():
                venue.finished.set()
            return answer(state(venues))
        case "inject":
            return injected(params, inject)
    return answer({"error": f"no control {word!r}; known: state, inject, finish"}, status=404)


def injected(params: Mapping[str, str], inject: Callable[[Fault], None]) -> Answer:
    try:
        fault = read_fault(params)
        inject(fault)
    except FaultError as failure:
        return answer({"error": str(failure)}, status=400)
    return answer({"injected": fault})


def state(venues: Mapping[str, Venue]) -> dict[str, Any]:
    return {name: venue_state(venue) for name, venue in venues.items()}


def venue_state(venue: Venue) -> dict[str, Any]:
    tapes = venue.feed.tapes.items()
    return {
        "clients": len(venue.clients),
        "finished": venue.finished.is_set(),
        "published": {symbol: {"trades": len(t), "last_id": t.last_id} for symbol, t in tapes},
    }


def answer(body: object, status: int = 200) -> Answer:
    return Answer(status, encode(body), {"Content-Type": JSON})
