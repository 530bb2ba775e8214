"""Which fault strikes when: a function of the seed, the markets and the length. Pure.

Kinds come in rounds, each kind once per round in an order of its own, so that they are evenly
mixed; HEAVY ones sit out every other round. The exchanges take turns within each kind.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import cycle
from random import Random
from typing import TypeAlias, TypeVar

from msgspec import Struct

from alphapulse.trade import Market
from chaos import faults as own
from chaos.faults import Fault
from replay import faults as theirs

FIRST = 0.04  # of the run: until then everything just works
LAST = 0.90  # of the run: behind it trades show the last fault's damage
ABSENCES = 0.55  # of the run: holes come before it, an absence needs three looks to be believed
LOADABLE = 0.45  # of the run: the past that backfills load has happened by then
RESTART = 1.0  # seconds after a refusal's end until the collector that suffered it is restarted


class Aim(Struct, frozen=True):
    """Where one strike goes."""

    market: Market
    client: int

    @property
    def exchange(self) -> str:
        return self.market.exchange


class Strike(Struct, frozen=True):
    """`at`: seconds after the first trade."""

    at: float
    kind: str
    fault: Fault


T = TypeVar("T")
Make: TypeAlias = Callable[[Random, Aim], Fault]

KINDS: dict[str, Make] = {
    "kill -9 collector": lambda dice, aim: own.KillCollector(aim.exchange),
    "kill -9 streamer": lambda dice, aim: own.KillStreamer(),
    "kill -9 PostgreSQL": lambda dice, aim: own.KillPostgres(),
    "kill -9 supervisor": lambda dice, aim: own.KillSupervisor(),
    "kill -9 export run": lambda dice, aim: own.KillExport(
        dice.choice(("starting", "writing")), dice.uniform(1, 6)
    ),
    "kill -9 backfill": lambda dice, aim: own.KillBackfill(aim.exchange, dice.uniform(1, 8)),
    "kill -9 client": lambda dice, aim: own.KillClient(aim.client),
    "cut client": lambda dice, aim: own.CutClient(aim.client),
    "stall client": lambda dice, aim: own.StallClient(aim.client, dice.uniform(1, 6)),
    "stall collector": lambda dice, aim: own.StallCollector(aim.exchange, dice.uniform(0.5, 6)),
    "stall streamer": lambda dice, aim: own.StallStreamer(dice.uniform(0.5, 4)),
    "stall PostgreSQL": lambda dice, aim: own.StallPostgres(dice.uniform(0.5, 4)),
    "PostgreSQL away": lambda dice, aim: own.Outage(dice.uniform(2, 8)),
    "second collector": lambda dice, aim: own.SecondCollector(aim.exchange),
    "clock step": lambda dice, aim: own.ClockStep(
        dice.choice((-1, 1)) * dice.randint(2, 7200), dice.uniform(3, 15)
    ),
    "disk full": lambda dice, aim: own.FullDisk(dice.uniform(2, 10)),
    "cut": lambda dice, aim: theirs.Cut(
        exchange=aim.exchange, code=dice.choice((1006, 1006, 1000, 1001, 1008, 1011, 1012, 1013))
    ),
    "farewell": lambda dice, aim: theirs.Farewell(
        exchange=aim.exchange, seconds=dice.uniform(0.5, 3)
    ),
    "silence": lambda dice, aim: theirs.Silence(exchange=aim.exchange, seconds=dice.uniform(1, 12)),
    "refuse": lambda dice, aim: theirs.Refuse(
        exchange=aim.exchange, symbol=aim.market.symbol, seconds=dice.uniform(1, 8)
    ),
    "drop": lambda dice, aim: theirs.Drop(exchange=aim.exchange, frames=dice.randint(1, 50)),
    "repeat": lambda dice, aim: theirs.Repeat(exchange=aim.exchange, frames=dice.randint(1, 50)),
    "reorder": lambda dice, aim: theirs.Reorder(exchange=aim.exchange, frames=dice.randint(1, 20)),
    "garbage": lambda dice, aim: theirs.Garbage(
        exchange=aim.exchange, kind=dice.choice(theirs.KINDS)
    ),
    "last-trade-id zero": lambda dice, aim: theirs.LastTradeIdZero(
        exchange=aim.exchange, seconds=dice.uniform(3, 15)
    ),
    "REST slow": lambda dice, aim: theirs.SlowRest(
        exchange=aim.exchange, seconds=dice.uniform(0.5, 4), requests=dice.randint(1, 3)
    ),
    "REST error": lambda dice, aim: theirs.RestError(
        exchange=aim.exchange, status=dice.choice((429, 418, 500, 503)), retry_after=1.0
    ),
    "hole": lambda dice, aim: theirs.Hole(
        exchange=aim.exchange, symbol=aim.market.symbol, trades=dice.randint(1, 3)
    ),
}
# While these last, nothing trades that another fault could harm; or they cost a whole process.
HEAVY = {"kill -9 PostgreSQL", "PostgreSQL away", "kill -9 supervisor", "kill -9 export run"}
ONLY_AT = {"last-trade-id zero": "coinbase"}  # only its heartbeats know an id


def schedule(
    seed: int,
    markets: Sequence[Market],
    clients: int,
    seconds: float,
    count: int,
    without: AbstractSet[str] = frozenset(),
) -> list[Strike]:
    """`count` strikes in order of time, in a run of `seconds`; kinds in `without` cannot be done.

    Each refusal brings a restart of its collector with it, which counts.
    """
    if count < 1 or not markets:
        return []
    dice = Random(f"chaos/{seed}")
    kinds = [kind for kind in KINDS if kind not in without and is_possible(kind, markets)]
    aims = {kind: cycle(shuffled(dice, aims_of(kind, markets, clients))) for kind in kinds}
    strikes: list[Strike] = []
    places = moments(dice, count)
    for kind, place in zip(rounds(dice, kinds), places, strict=False):
        within = when(kind, place)
        at = (FIRST + (LAST - FIRST) * within) * seconds
        fault = KINDS[kind](dice, next(aims[kind]))
        strikes.append(Strike(at, kind, fault))
        if isinstance(fault, theirs.Refuse) and "kill -9 collector" not in without:
            strikes.append(restart_after(at, fault))
        if len(strikes) >= count:
            break
    return sorted(strikes, key=lambda strike: strike.at)


def when(kind: str, place: float) -> float:
    """Holes come early enough to be believed, backfills when there is something to load."""
    if kind == "hole":
        return place * ABSENCES
    return LOADABLE + place * (1 - LOADABLE) if kind == "kill -9 backfill" else place


def is_possible(kind: str, markets: Sequence[Market]) -> bool:
    wanted = ONLY_AT.get(kind)
    return wanted is None or any(market.exchange == wanted for market in markets)


def aims_of(kind: str, markets: Sequence[Market], clients: int) -> list[Aim]:
    wanted = ONLY_AT.get(kind)
    fit = [market for market in markets if wanted in {None, market.exchange}]
    number = max(len(fit), clients)
    return [Aim(fit[place % len(fit)], place % max(clients, 1)) for place in range(number)]


def restart_after(at: float, refusal: theirs.Refuse) -> Strike:
    """A refused market is asked for again each hour, or by a collector that starts anew."""
    moment = at + refusal.seconds + RESTART
    return Strike(moment, "kill -9 collector", own.KillCollector(refusal.exchange or ""))


def moments(dice: Random, count: int) -> list[float]:
    """Places in [0, 1), one in each of `count` equal parts."""
    return [(place + dice.random()) / count for place in range(count)]


def rounds(dice: Random, kinds: Sequence[str]) -> Iterator[str]:
    light = [kind for kind in kinds if kind not in HEAVY] or kinds
    while True:
        yield from shuffled(dice, kinds)
        yield from shuffled(dice, light)


def shuffled(dice: Random, values: Sequence[T]) -> list[T]:
    return dice.sample(values, len(values))
