"""Markets that are silent for longer than they are wont to be. Pure."""

from collections.abc import Container, Iterable, Iterator
from itertools import groupby

from alphapulse.alerts import Alert, Severity
from alphapulse.findings.links import Links
from alphapulse.pauses import Silence
from alphapulse.trade import Market

LISTED = 10  # markets that the alert of an exchange names


def silence_alerts(
    silences: Iterable[Silence], standing: Container[str], links: Links
) -> Iterator[Alert]:
    """One for each silent market; where all of an exchange are silent, one for the exchange.

    A market that was told of before its exchange fell silent as a whole goes on standing.
    """
    ordered = sorted(silences, key=lambda one: (one.exchange, one.symbol))
    for exchange, group in groupby(ordered, key=lambda one: one.exchange):
        markets = list(group)
        silent = [one for one in markets if one.is_silent]
        if len(markets) > 1 and len(silent) == len(markets):
            yield exchange_alert(exchange, silent, links)
            silent = [one for one in silent if key_of(one) in standing]
        for one in silent:
            yield market_alert(one, links)


def key_of(one: Silence) -> str:
    return f"silent/{Market(one.exchange, one.symbol).key}"


def market_alert(one: Silence, links: Links) -> Alert:
    market = Market(one.exchange, one.symbol)
    limit = one.limit
    text = (
        f"{'its last trade' if one.newest_at else 'first seen, and no trade,'} was at "
        f"{one.since:%Y-%m-%d %H:%M:%S} UTC; its own limit is {limit.seconds:,.0f} s "
        f"({limit.basis}: {limit.pauses:,} pauses)"
    )
    title = f"{market.key} is silent"
    return Alert(key_of(one), Severity.WARNING, title, text, one.since, checks(links))


def exchange_alert(exchange: str, silent: list[Silence], links: Links) -> Alert:
    names = ", ".join(one.symbol for one in silent[:LISTED])
    more = f" and {len(silent) - LISTED} more" if len(silent) > LISTED else ""
    newest = max(one.since for one in silent)
    text = f"none of its {len(silent)} markets trades within its own limit: {names}{more}"
    title = f"{exchange} is silent: all {len(silent)} markets"
    return Alert(f"silent/{exchange}", Severity.CRITICAL, title, text, newest, checks(links))


def checks(links: Links) -> str:
    return links.checks("trades")
