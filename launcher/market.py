"""Which market of an exchange a spelling means, one included that we have not met yet."""

from collections.abc import Sequence

from alphapulse.spelling import MARKS, UnknownMarket, find_symbol, similar_names
from alphapulse.trade import Market
from collectors.exchange import Exchange


def find_market(exchange: Exchange, spelling: str, symbols: Sequence[str]) -> Market:
    """The market that `spelling` means: as the exchange writes it, as in paths (BTC_USD), or with
    another mark between its halves, where only one market of `symbols` can be meant.

    A symbol that is not among them is taken if it has two halves; the exchange will say.
    """
    if symbol := find_symbol(exchange.NAME, spelling, symbols):
        return Market(exchange.NAME, symbol)
    mark = "".join(sign for sign in exchange.MARKETS[0] if not sign.isalnum())
    halves = MARKS.split(spelling)
    if all(halves) and len(halves) == (2 if mark else min(len(halves), 2)):
        return Market(exchange.NAME, mark.join(halves))
    raise UnknownMarket(
        f"{exchange.NAME}/{spelling} is no market that we know; {similar_names(spelling, symbols)}"
    )
