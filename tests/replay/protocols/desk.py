"""A desk with one market of twelve trades, and one without any."""

from collections.abc import Iterable

from alphapulse.trade import Market, Side
from replay.dialect import Desk
from replay.tape import Digits, Print, Tape

NOW = 1_618_677_817_089_723  # 2021-04-17T16:43:37.089723Z


def desk_of(exchange: str, symbol: str, quiet: str, prints: Iterable[Print]) -> Desk:
    tape = Tape(Market(exchange, symbol), Digits(2, 8))
    for print in prints:
        tape.add(print)
    empty = Tape(Market(exchange, quiet), Digits(2, 8))
    return Desk({symbol: tape, quiet: empty}, lambda: NOW)


def twelve() -> list[Print]:
    """Ids 101 to 112, two of each instant; the taker buys at even ids."""
    return [
        Print(id, f"{id}.50", "0.02000000", Side.SELL if id % 2 else Side.BUY, NOW + id // 2 * 1000)
        for id in range(101, 113)
    ]
