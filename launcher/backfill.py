"""`alphapulse backfill`: history on demand, with a plan before and a way to go on after."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, time_ns
from typing import Any

import click
import msgspec

from alphapulse.settings import Settings
from alphapulse.spelling import BadTime, UnknownMarket, read_time, similar_names, write_time
from alphapulse.store.backfills import HistoryTaken, UnknownGap, Wish, find_gap, known_symbols
from alphapulse.store.connect import Store, StoreUnavailable, connect
from alphapulse.store.gaps import OpenGap
from alphapulse.store.turn import Turn
from alphapulse.store.writing import AWAY
from alphapulse.trade import Market, Micros
from collectors.backfilling import Backfill
from collectors.collector import find_exchange, rest_address, symbols_of
from collectors.crossing import Progress
from collectors.exchange import Exchange, ExchangeError
from collectors.fetch import Fetcher
from collectors.history import Plan
from collectors.patience import Asker, Stop, Stopped
from launcher.backfill_words import (
    outcome_facts,
    outcome_text,
    plan_facts,
    plan_text,
    progress_text,
)
from launcher.market import find_market

INTERRUPTED = 130  # exit code, as shells give it for Ctrl-C
EVERY_TTY, EVERY_LINE = 0.5, 10.0  # seconds between two words of progress


class BackfillError(Exception):
    """What an exchange refuses, or a wish that makes no sense; the message says what to do."""


REFUSALS = (BackfillError, BadTime, HistoryTaken, UnknownGap, UnknownMarket)


class Order(msgspec.Struct, frozen=True):
    """The command's words as given."""

    market: str | None
    since: str | None
    until: str | None
    gap_id: int | None

    def command(self, wish: Wish) -> str:
        """What goes on where this one ended."""
        if self.gap_id is not None:
            return f"alphapulse backfill --gap {self.gap_id}"
        since, until = write_time(wish.from_at), write_time(wish.to_at)
        return f"alphapulse backfill --market {wish.market.key} --from {since} --to {until}"


def backfill(settings: Settings, url: str, order: Order, *, dry_run: bool, as_json: bool) -> int:
    """Plan it, say so, and do it; gives the exit code."""
    with connect(url, "backfill") as store, told_to_stop() as stop:
        wish, found, exchange = read_order(settings, store, order)
        fetcher = Fetcher(rest_address(settings, exchange), exchange.REQUEST_PAUSE)
        fetcher.turn = Turn(store, fetcher.base)
        job = Job(Backfill(store, exchange, Asker(fetcher, stop), wish, found), order, as_json)
        try:
            return job.do(dry_run)
        except Stopped:
            click.echo("interrupted while planning: nothing was begun", err=True)
            return INTERRUPTED
        except KeyboardInterrupt:
            click.echo(f"ended at once; to go on: {order.command(wish)}", err=True)
            return INTERRUPTED
        except ExchangeError as failure:
            raise BackfillError(explain(settings, store, wish.market, failure)) from failure
        except AWAY as failure:
            raise StoreUnavailable(
                f"PostgreSQL went away: {failure}\nto go on: {order.command(wish)}"
            ) from failure
        finally:
            fetcher.close()


def read_order(
    settings: Settings, store: Store, order: Order
) -> tuple[Wish, OpenGap | None, Exchange]:
    if order.gap_id is not None:
        if order.market or order.since or order.until:
            raise BackfillError("--gap says it all: leave out --market, --from and --to")
        found = find_gap(store, order.gap_id)
        gap = found.gap
        until = now() if gap.before_at is None else gap.before_at
        wish = Wish(gap.market, gap.after_at, max(until, gap.after_at), order.gap_id)
        return wish, found, find_exchange(gap.market.exchange)
    if not order.market or not order.since:
        raise BackfillError("say --market EXCHANGE/SYMBOL and --from TIME, or --gap NUMBER")
    name, slash, spelling = order.market.partition("/")
    exchange = find_exchange(name)
    if not slash or not spelling:
        raise UnknownMarket(f"{order.market!r}: write --market {name}/SYMBOL")
    market = find_market(exchange, spelling, symbols(settings, store, exchange))
    from_at = read_time(order.since)
    to_at = read_time(order.until) if order.until else now()
    if to_at <= from_at:
        raise BackfillError(f"--to {write_time(to_at)} is not later than --from {order.since}")
    return Wish(market, from_at, to_at), None, exchange


def symbols(settings: Settings, store: Store, exchange: Exchange) -> list[str]:
    """Those of this exchange that anybody here has heard of."""
    names = {*exchange.MARKETS, *symbols_of(settings, exchange)}
    return sorted(names | set(known_symbols(store, exchange.NAME)))


def explain(settings: Settings, store: Store, market: Market, failure: ExchangeError) -> str:
    known = symbols(settings, store, find_exchange(market.exchange))
    words = f"{market.exchange} will not serve {market.symbol}: {failure}"
    return words if market.symbol in known else f"{words}; {similar_names(market.symbol, known)}"


class Job:
    """One command's run, and its words."""

    def __init__(self, work: Backfill, order: Order, as_json: bool) -> None:
        self.work = work
        self.order = order
        self.as_json = as_json
        self.is_tty = sys.stderr.isatty()
        self.started = self.said = monotonic()

    def do(self, dry_run: bool) -> int:
        if not dry_run:
            self.work.claim()
        plan = self.work.plan()
        facts = plan_facts(plan, self.work.wish)
        if dry_run or plan is None:
            self.print(facts, plan_text(facts))
            return 0
        click.echo(plan_text(facts), err=True)
        self.started = monotonic()
        outcome = self.work.run(plan, lambda progress: self.say(plan, progress))
        result = outcome_facts(outcome, monotonic() - self.started)
        if self.is_tty:
            click.echo(err=True)
        self.print({"plan": facts, **result}, outcome_text(result))
        if outcome.state == "done":
            return 0
        click.echo(f"to go on: {self.order.command(self.work.wish)}", err=True)
        return INTERRUPTED

    def print(self, facts: dict[str, Any], text: str) -> None:
        click.echo(msgspec.json.encode(facts).decode() if self.as_json else text)

    def say(self, plan: Plan, progress: Progress) -> None:
        at = monotonic()
        if at - self.said < (EVERY_TTY if self.is_tty else EVERY_LINE):
            return
        self.said = at
        words = progress_text(plan, progress, at - self.started)
        click.echo(f"\r{words:<79}" if self.is_tty else words, err=True, nl=not self.is_tty)


def now() -> Micros:
    return time_ns() // 1000


@contextmanager
def told_to_stop() -> Iterator[Stop]:
    """Ctrl-C and SIGTERM are heard between two pages; a second Ctrl-C ends at once."""
    stop = Stop()

    def hear(number: int, _: object) -> None:
        stop.tell()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.write(2, b"\nending after the page under way\n")  # the only safe way to speak here

    former = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
