"""How people spell a market and a time. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from difflib import get_close_matches

from alphapulse.trade import Market, Micros, unspell

MARKS = re.compile(r"[-_/]")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnknownMarket(ValueError):
    """No such market as far as we can tell; the message shows similar names."""


class BadTime(ValueError):
    """Not a time; the message says how to write one."""


def find_symbol(exchange: str, spelling: str, symbols: Sequence[str]) -> str | None:
    """The one of `symbols` that `spelling` means: as the exchange writes it, as in paths
    (BTC_USD), or with another mark between its halves. None: none of them.

    Raises UnknownMarket where several may be meant.
    """
    for exact in (spelling, unspell(spelling)):
        if exact in symbols:
            return exact
    found = [symbol for symbol in symbols if plain(symbol) == plain(spelling)]
    if len(found) > 1:
        raise UnknownMarket(f"{exchange}/{spelling} may be {' or '.join(found)}: say which")
    return found[0] if found else None


def find_known(market: Market | str, known: Sequence[Market]) -> Market:
    """The one of `known` that is meant: a Market, or `kraken/BTC-USD` in any of its spellings.

    Raises UnknownMarket, whose message shows what comes close.
    """
    text = f"{market.exchange}/{market.symbol}" if isinstance(market, Market) else market
    exchange, slash, spelling = text.partition("/")
    exchange = exchange.lower()
    names = sorted({market.exchange for market in known})
    if not (exchange and slash and spelling):
        raise UnknownMarket(f"{text!r} is no market; write EXCHANGE/SYMBOL, {examples(known)}")
    if exchange not in names:
        raise UnknownMarket(f"{text}: no trades of exchange {exchange!r}; {similar(text, known)}")
    symbols = [market.symbol for market in known if market.exchange == exchange]
    if symbol := find_symbol(exchange, spelling, symbols):
        return Market(exchange, symbol)
    raise UnknownMarket(f"{text} is no market that we know; {similar(text, known)}")


def examples(known: Sequence[Market]) -> str:
    if not known:
        return "such as kraken/BTC-USD"
    return f"such as {known[0].exchange}/{known[0].symbol}"


def similar(text: str, known: Sequence[Market]) -> str:
    """Those of `known` that come close to `text`, or else all of them."""
    return similar_names(text, [f"{market.exchange}/{market.symbol}" for market in known])


def similar_names(spelling: str, known: Sequence[str]) -> str:
    names = {plain(name): name for name in known}
    close = [names[name] for name in get_close_matches(plain(spelling), names, cutoff=0.5)]
    return f"similar: {', '.join(close)}" if close else f"known: {', '.join(sorted(known))}"


def plain(symbol: str) -> str:
    return MARKS.sub("", symbol).upper()


def read_time(text: str) -> Micros:
    """RFC 3339, or a date (midnight); UTC where no offset is given."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            at = midnight(date.fromisoformat(text))
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        raise BadTime(
            f"{text!r} is no time; write 2026-11-01 or 2026-11-01T12:00Z (RFC 3339)"
        ) from None
    return micros_of(at, text)


def read_instant(when: date | datetime | str) -> datetime:
    """What people give for a time, as an instant in UTC; raises BadTime.

    A date is its midnight in UTC, and a datetime without a zone is taken to be UTC.
    """
    if isinstance(when, str):
        return instant_of(read_time(when))
    if isinstance(when, datetime):
        return instant_of(micros_of(when, str(when)))
    if isinstance(when, date):
        return instant_of(micros_of(midnight(when), str(when)))
    raise BadTime(f"{when!r} is no time; give a date, a datetime or text such as 2026-11-01T12:00Z")


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def micros_of(at: datetime, text: str) -> Micros:
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not 2009 <= at.year < 2100:
        raise BadTime(f"{text!r}: years from 2009 to 2099 are possible")
    return round((at - EPOCH).total_seconds() * 1_000_000)


def instant_of(at: Micros) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)


def write_time(at: Micros) -> str:
    """As `read_time` reads it, as short as it may be."""
    moment = instant_of(at)
    if moment.time() == datetime.min.time():
        return str(moment.date())
    return moment.isoformat().replace("+00:00", "Z")


def full_time(at: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds: `2026-11-21T10:00:00.000000Z`."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
