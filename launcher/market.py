"""How people spell a market and a time."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from difflib import get_close_matches

from alphapulse.trade import Market, Micros, unspell
from collectors.exchange import Exchange

MARKS = re.compile(r"[-_/]")


class UnknownMarket(ValueError):
    """No such market as far as we can tell; the message shows similar names."""


class BadTime(ValueError):
    """Not a time; the message says how to write one."""


def find_market(exchange: Exchange, spelling: str, symbols: Sequence[str]) -> Market:
    """The market that `spelling` means: as the exchange writes it, as in paths (BTC_USD), or with
    another mark between its halves, where only one market of `symbols` can be meant.

    A symbol that is not among them is taken if it has two halves; the exchange will say.
    """
    for exact in (spelling, unspell(spelling)):
        if exact in symbols:
            return Market(exchange.NAME, exact)
    found = [symbol for symbol in symbols if plain(symbol) == plain(spelling)]
    if len(found) == 1:
        return Market(exchange.NAME, found[0])
    if found:
        raise UnknownMarket(f"{exchange.NAME}/{spelling} may be {' or '.join(found)}: say which")
    mark = "".join(sign for sign in exchange.MARKETS[0] if not sign.isalnum())
    halves = MARKS.split(spelling)
    if all(halves) and len(halves) == (2 if mark else min(len(halves), 2)):
        return Market(exchange.NAME, mark.join(halves))
    raise UnknownMarket(
        f"{exchange.NAME}/{spelling} is no market that we know; {similar(spelling, symbols)}"
    )


def plain(symbol: str) -> str:
    return MARKS.sub("", symbol).upper()


def similar(spelling: str, symbols: Sequence[str]) -> str:
    """Names that come close, or else all that we know."""
    names = {plain(symbol): symbol for symbol in symbols}
    close = [names[name] for name in get_close_matches(plain(spelling), names, cutoff=0.5)]
    return f"similar: {', '.join(close)}" if close else f"known: {', '.join(sorted(symbols))}"


def read_time(text: str) -> Micros:
    """RFC 3339, or a date (midnight); UTC where no offset is given."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            at = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        raise BadTime(
            f"{text!r} is no time; write 2026-11-01 or 2026-11-01T12:00Z (RFC 3339)"
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not 2009 <= at.year < 2100:
        raise BadTime(f"{text!r}: years from 2009 to 2099 are possible")
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)


def write_time(at: Micros) -> str:
    """As `read_time` reads it, as short as it may be."""
    moment = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
    if moment.time() == datetime.min.time():
        return str(moment.date())
    return moment.isoformat().replace("+00:00", "Z")
