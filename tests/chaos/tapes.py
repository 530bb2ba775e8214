"""A tape as replay publishes it, and the same trades as rows and as COPY text."""

from alphapulse.trade import Market, Side
from replay.tape import Digits, Print, Tape

MARKET = Market("kraken", "BTC/USD")
FIRST = 1_000_000
BEGIN = 1_723_075_200_000_000 - 2_500_000  # 2.5 s before 2024-08-08 00:00 UTC


def tape_of(count: int, *, without: tuple[int, ...] = ()) -> Tape:
    """Trades a second apart, across a midnight; `without` counts from 0."""
    tape = Tape(MARKET, Digits(price=1, size=8))
    for n in range(count):
        if n not in without:
            side = Side.BUY if n % 3 else Side.SELL
            at = BEGIN + n * 1_000_000
            tape.add(Print(FIRST + n, f"6700{n % 10}.5", f"0.0000{n:04}", side, at))
    return tape
