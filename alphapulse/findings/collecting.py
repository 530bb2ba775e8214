"""Exchanges that nobody collects, or not as it should be. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from alphapulse.alerts import Alert, Severity
from alphapulse.findings.links import Links

STARTING = 45.0  # seconds that a collector may need until it is back, connected
BEHIND = 120.0  # seconds that it may be behind before somebody is told
UNHEARD = timedelta(seconds=90)  # uptime grows every ten seconds


class Collecting(Struct, frozen=True):
    """What is known of one exchange. `said`: its collector's own words, if it runs on this machine;
    `holder`: who holds it in the database; `heard_at`: up to when a connection was alive.
    """

    exchange: str
    said: Mapping[str, Any] | None
    holder: str | None
    heard_at: datetime | None

    @property
    def is_here(self) -> bool:
        return self.said is not None and bool(self.said.get("is_fresh"))

    @property
    def is_alive(self) -> bool:
        return self.is_here or self.holder is not None


def collecting_alerts(found: Iterable[Collecting], now: datetime, links: Links) -> Iterator[Alert]:
    for one in found:
        if not one.is_alive:
            yield nobody(one, now, links)
        elif one.is_here:
            yield from of_words(one, one.said or {}, now, links)
        elif one.heard_at is None or now - one.heard_at > UNHEARD:
            yield unconnected(one, now, links)


def of_words(
    one: Collecting, said: Mapping[str, Any], now: datetime, links: Links
) -> Iterator[Alert]:
    name = one.exchange
    journal = said.get("journal") or {}
    if said.get("feed", {}).get("is_connected") is False:
        yield unconnected(one, now, links)
    if journal.get("state") == "full":
        text = f"raw frames are not kept: {journal.get('why') or 'the disk is full'}. Make room."
        title = f"the journal of {name} is full"
        yield Alert(f"journal/{name}", Severity.CRITICAL, title, text, now, page(links))
    if said.get("is_behind"):
        waiting = journal.get("lag_bytes", 0)
        text = (
            f"{waiting:,} bytes wait in the journal: the database is slower than the exchange, "
            "or was away"
        )
        title = f"the store is behind {name}"
        yield Alert(f"behind/{name}", Severity.WARNING, title, text, now, page(links), BEHIND)


def nobody(one: Collecting, now: datetime, links: Links) -> Alert:
    words = "no collector speaks in status/, and none holds the exchange in the database"
    title = f"nobody collects {one.exchange}"
    text = f"{words}. log/collector-{one.exchange}.log says why."
    key = f"collector/{one.exchange}"
    since = one.heard_at or now
    return Alert(key, Severity.CRITICAL, title, text, since, page(links), STARTING)


def unconnected(one: Collecting, now: datetime, links: Links) -> Alert:
    who = one.holder or "its collector"
    title = f"{one.exchange} is not connected"
    text = f"{who} runs, and has no connection to the exchange that serves a market."
    key = f"connected/{one.exchange}"
    since = one.heard_at or now
    return Alert(key, Severity.CRITICAL, title, text, since, page(links), STARTING)


def page(links: Links) -> str:
    return links.asset("trades")
