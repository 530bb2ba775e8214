"""Faults on demand: frozen values, each with what it does to a connection, an exchange or its REST.

`exchange` None means every exchange. Faults of frames touch the lines that are open, or, where none
is, the next one that opens.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from random import Random
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from alphapulse.trade import Market

Kind: TypeAlias = Literal["malformed", "unknown", "truncated"]

ABNORMAL = 1006  # never on the wire: the socket just dies
CLOSE_CODES = {ABNORMAL, 1000, 1001, 1008, 1011, 1012, 1013}


class FaultError(ValueError):
    """No such fault, or not here; the message says what would do."""


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class Named(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag=kebab
):
    exchange: str | None = None


class Cut(Named, frozen=True, kw_only=True):
    """Every line is closed with `code`; 1006 kills the TCP connection without a word."""

    code: int = ABNORMAL
    reason: str = ""

    def __post_init__(self) -> None:
        if self.code not in CLOSE_CODES:
            raise ValueError(f"close code {self.code}; known: {sorted(CLOSE_CODES)}")


class Farewell(Named, frozen=True, kw_only=True):
    """The exchange announces, where it has words for it, that it cuts all lines in `seconds`."""

    seconds: float = 10.0


class Silence(Named, frozen=True, kw_only=True):
    """No byte comes, none is read, but TCP stays open; the trades of that time are never sent."""

    seconds: float = 30.0


class Refuse(Named, frozen=True, kw_only=True):
    """`symbol` is not served: not on lines that have it, not to new ones, not by REST."""

    symbol: str
    seconds: float = inf


class Drop(Named, frozen=True, kw_only=True):
    """The next trade frames of each line are lost; REST has them."""

    frames: int = 1


class Repeat(Named, frozen=True, kw_only=True):
    """The next trade frames of each line come twice."""

    frames: int = 1


class Reorder(Named, frozen=True, kw_only=True):
    """The next trade frame of each line comes behind the `frames` that follow it."""

    frames: int = 1


KINDS: tuple[Kind, ...] = ("malformed", "unknown", "truncated")


class Garbage(Named, frozen=True, kw_only=True):
    """Before the next trade a frame that is no JSON or of unknown type; or that trade, cut."""

    kind: Kind = "malformed"


class LastTradeIdZero(Named, frozen=True, kw_only=True):
    """Coinbase's heartbeats say last_trade_id 0 for so long."""

    seconds: float = 10.0


class SlowRest(Named, frozen=True, kw_only=True):
    """The next REST answers come late."""

    seconds: float = 5.0
    requests: int = 1


class RestError(Named, frozen=True, kw_only=True):
    """The next REST answers are errors. Status 200: Kraken's own way, an error inside the body."""

    status: int = 429
    retry_after: float = 1.0
    requests: int = 1

    def __post_init__(self) -> None:
        if self.status not in {200, 418, 429, 500, 502, 503, 504}:
            raise ValueError(f"status {self.status}; known: 200, 418, 429, 500, 502, 503, 504")


class Hole(Named, frozen=True, kw_only=True):
    """The next ids of a market (None: of all) never happen: neither on a line nor in REST."""

    symbol: str | None = None
    trades: int = 1


Fault: TypeAlias = (
    Cut
    | Farewell
    | Silence
    | Refuse
    | Drop
    | Repeat
    | Reorder
    | Garbage
    | LastTradeIdZero
    | SlowRest
    | RestError
    | Hole
)

OfFrames: TypeAlias = Drop | Repeat | Reorder | Garbage


def read_fault(params: Mapping[str, str]) -> Fault:
    """A fault from text, such as {"fault": "cut", "exchange": "kraken", "code": "1011"}."""
    try:
        fault: Fault = msgspec.convert(dict(params), type=Fault, strict=False)
    except msgspec.ValidationError as failure:
        raise FaultError(f"{dict(params)}: {failure}") from failure
    return fault


def schedule(
    seed: int, markets: Sequence[Market], per_minute: float
) -> Iterator[tuple[float, Fault]]:
    """Without end: seconds to wait, then a fault. The same seed gives the same faults."""
    dice = Random(f"faults/{seed}")  # noqa: S311 - chaos, not a secret
    while True:
        market = dice.choice(markets)
        make = dice.choice(MAKERS)
        yield dice.expovariate(per_minute / 60), make(dice, market)


MAKERS: tuple[Callable[[Random, Market], Fault], ...] = (
    lambda dice, at: Cut(exchange=at.exchange, code=dice.choice((ABNORMAL, 1008, 1011, 1012))),
    lambda dice, at: Farewell(exchange=at.exchange, seconds=dice.uniform(0.5, 5)),
    lambda dice, at: Silence(exchange=at.exchange, seconds=dice.uniform(1, 30)),
    lambda dice, at: Refuse(exchange=at.exchange, symbol=at.symbol, seconds=dice.uniform(1, 20)),
    lambda dice, at: Drop(exchange=at.exchange, frames=dice.randint(1, 50)),
    lambda dice, at: Repeat(exchange=at.exchange, frames=dice.randint(1, 10)),
    lambda dice, at: Reorder(exchange=at.exchange, frames=dice.randint(1, 3)),
    lambda dice, at: Garbage(exchange=at.exchange, kind=dice.choice(KINDS)),
    lambda dice, at: LastTradeIdZero(exchange=at.exchange, seconds=dice.uniform(5, 60)),
    lambda dice, at: SlowRest(exchange=at.exchange, seconds=dice.uniform(0.5, 5)),
    lambda dice, at: RestError(exchange=at.exchange, status=dice.choice((200, 429, 503))),
    lambda dice, at: Hole(exchange=at.exchange, symbol=at.symbol, trades=dice.randint(1, 3)),
)
