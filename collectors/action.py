"""What a session decides, and why trades may be missing. Values only."""

from typing import TypeAlias

from msgspec import Struct

from alphapulse.trade import Gap, Micros, Trade

DISCONNECT = "disconnect"  # causes of a gap: we lost the connection before this one, or left it,
RESTART = "restart"  # there was none in this process,
CUT = "exchange cut"  # or the exchange closed it
HOLE = "sequence hole"  # ids, or the numbers of frames, jumped while we listened
HEARTBEAT = "heartbeat"  # the exchange speaks of a trade that did not come


class Edge(Struct, frozen=True):
    """The newest known trade of a market."""

    id: int
    at: Micros


class Report(Struct, frozen=True):
    """Write down that trades may be missing, before the trades that follow are stored."""

    gap: Gap
    cause: str


class Late(Struct, frozen=True):
    """Trades from the one id to the other came after later ones: they may fill a gap."""

    symbol: str
    first_id: int
    last_id: int


class Send(Struct, frozen=True):
    frame: str


class Serve(Struct, frozen=True):
    """The exchange serves this symbol; said once per connection."""

    symbol: str


class Quarantine(Struct, frozen=True):
    """The exchange refuses this symbol; the others go on."""

    symbol: str
    reason: str


class HangUp(Struct, frozen=True):
    """Leave this connection, and dial again after a pause; `cause` is that of the gaps it makes."""

    reason: str
    cause: str = DISCONNECT


# A trade stands for itself: store it.
Action: TypeAlias = Trade | Report | Late | Send | Serve | Quarantine | HangUp
