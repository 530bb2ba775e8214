"""`alphapulse verify` and `alphapulse coverage`: what files and days are worth, for people."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from alphapulse.archive.verifying import Finding, verify_paths
from alphapulse.archive.verifying_candles import CandleFinding
from alphapulse.candle_certificate import CandleCertificate
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake import LakeError
from alphapulse.store.connect import Store, connect
from alphapulse.store.days import market_ids
from alphapulse.store.judgements import (
    Judged,
    days_to_judge,
    judge_again,
    list_coverage,
    today_of,
)
from alphapulse.trade import Market

HEAD = ("day", "market", "verdict", "expected", "stored", "missing", "absent", "repaired",
        "observed", "reason")  # fmt: skip


class UnknownDay(ValueError):
    """No such day, or no such market in the store; the message names it."""


REFUSALS = (UnknownDay, LakeError)


class Order(Struct, frozen=True):
    """Which days to judge; None: every market, or the days that are not settled."""

    day: date | None = None
    market: Market | None = None

    @classmethod
    def read(cls, day: str | None, market: str | None) -> "Order":
        """Raises UnknownDay."""
        try:
            return cls(
                date.fromisoformat(day) if day else None,
                Market.from_key(market) if market else None,
            )
        except ValueError as failure:
            raise UnknownDay(str(failure)) from failure


def verify(paths: Iterable[Path]) -> list[Finding | CandleFinding]:
    """Every file of `paths` against its own certificate; raises LakeError."""
    return list(verify_paths(paths))


def render_findings(found: Sequence[Finding | CandleFinding], *, as_json: bool) -> Iterator[str]:
    if as_json:
        yield msgspec.json.encode([facts_of(finding) for finding in found]).decode()
        return
    for finding in found:
        yield describe_finding(finding)
        yield from (f"    ! {failure}" for failure in finding.failures)
    bad = sum(not finding.is_good for finding in found)
    yield f"{len(found):,} files: " + (f"{bad:,} not what they certify" if bad else "all good")


def describe_finding(finding: Finding | CandleFinding) -> str:
    mark = "good" if finding.is_good else "BAD "
    words = finding.certificate
    if words is None:
        return f"{mark}  {finding.path}"
    held = ", ".join(finding.held)
    told = describe(words)
    return f"{mark}  {words.day.key}  {told}  held: {held}  {finding.path}"


def describe(words: Certificate | CandleCertificate) -> str:
    if isinstance(words, CandleCertificate):
        return f"{words.bars:,} bars of {words.size}  of {words.trades:,} trades"
    verdict = f"{words.verdict} ({words.reason})" if words.verdict else "not judged (version 1)"
    return f"{words.rows:,} rows  {verdict}"


def facts_of(finding: Finding | CandleFinding) -> dict[str, Any]:
    return {
        "path": str(finding.path),
        "ok": finding.is_good,
        "held": finding.held,
        "failures": finding.failures,
        "certificate": finding.certificate,
    }


def judge(url: str, order: Order) -> list[Judged]:
    """Judge the days and give what is known of them and, without a day, of all others.

    Raises UnknownDay.
    """
    with connect(url, "coverage") as store:
        ids = market_ids(store)
        if order.market and order.market not in ids:
            raise UnknownDay(f"the store knows no market {order.market.key}")
        for found in wanted(store, ids, order):
            judge_again(store, ids[found.market], found)
        return list_coverage(store, order.day, order.market)


def wanted(store: Store, ids: Iterable[Market], order: Order) -> list[MarketDay]:
    if order.day:
        return [MarketDay(order.day, one) for one in ids if order.market in {None, one}]
    days = days_to_judge(store, today_of(store))
    return [found for found in days if order.market in {None, found.market}]


def render_coverage(found: Sequence[Judged], *, as_json: bool) -> Iterator[str]:
    """A table; the last column, the reason, is as wide as it is."""
    if as_json:
        yield msgspec.json.encode(found).decode()
        return
    rows = [HEAD, *map(cells, found)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEAD) - 1)]
    for row in rows:
        pairs = zip(row[:-1], widths, strict=True)
        yield "  ".join([*(text.ljust(width) for text, width in pairs), row[-1]])


def cells(one: Judged) -> tuple[str, ...]:
    counts = [one.expected, one.stored, one.missing, one.absent, one.repaired]
    return (
        str(one.day),
        Market(one.exchange, one.symbol).key,
        one.verdict,
        *("-" if count is None else f"{count:,}" for count in counts),
        "-" if one.observed is None else f"{one.observed:.2%}",
        one.reason,
    )
