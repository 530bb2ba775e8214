"""Looks at the database once a second: how far it is, which gaps are open, what has healed."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import psycopg
from msgspec import Struct

from alphapulse.store.connect import Store, StoreUnavailable, connect
from alphapulse.trade import Market
from chaos.plan import MARKETS
from chaos.stage import Stage
from chaos.strike import Struck

EVERY = 1.0  # seconds between two looks
BEHIND = 1.0  # seconds after a fault in which it may still take trades
WIDEST = 500_000  # ids of a gap that are counted; a wider one hurts without being counted
SLACK = timedelta(minutes=1)
AWAY = (psycopg.Error, StoreUnavailable, OSError)

NEWEST = """
SELECT m.exchange, m.symbol, t.trade_id
FROM markets m CROSS JOIN LATERAL (
    SELECT trade_id FROM trades
    WHERE market_id = m.market_id ORDER BY traded_at DESC, trade_id DESC LIMIT 1
) AS t"""
OPEN = """
SELECT exchange, symbol, after_id, before_id, after_at, before_at, state, note
FROM market_gaps WHERE closed_at IS NULL ORDER BY gap_id"""
STORED = """
SELECT count(DISTINCT trade_id) FROM market_trades
WHERE exchange = %s AND symbol = %s AND trade_id > %s AND trade_id < %s
  AND traded_at BETWEEN %s AND %s"""


class OpenGap(Struct, frozen=True):
    market: Market
    after_id: int
    before_id: int | None
    after_at: datetime
    before_at: datetime | None
    state: str
    note: str | None


class Look(Struct, frozen=True):
    """One look: the newest stored id of each market, and the gaps that are open."""

    newest: dict[Market, int]
    gaps: list[OpenGap]


class Wound(Struct):
    """What must be stored before a fault counts as healed."""

    struck: Struck
    goals: dict[Market, int]


class Watch:
    """`run` looks; `heal_times` are seconds from a fault's end until all of its time was stored."""

    def __init__(self, stage: Stage, now: Callable[[], float]) -> None:
        self.stage = stage
        self.now = now
        self.look: Look | None = None
        self.wounds: list[Wound] = []
        self.healed: list[tuple[str, float]] = []
        self.store: Store | None = None

    async def suffer(self, struck: Struck) -> None:
        """Remember what a fault may have cost."""
        await asyncio.sleep(BEHIND)
        markets = [market for market in MARKETS if market.exchange in struck.exchanges]
        if struck.is_done and markets:
            goals = {market: self.stage.tape(market).last_id for market in markets}
            self.wounds.append(Wound(struck, goals))

    async def run(self) -> None:
        while True:
            with contextlib.suppress(*AWAY):
                await asyncio.to_thread(self.look_once)
            await asyncio.sleep(EVERY)

    def look_once(self) -> None:
        try:
            if self.store is None:
                self.store = connect(self.stage.url, "chaos watch", read_only=True)
                self.store.execute("SET statement_timeout = '20s'")
            self.look = take_look(self.store)
            self.heal(self.store, self.look)
        except BaseException:
            if self.store:
                self.store.close()
            self.store = None
            raise

    def heal(self, store: Store, look: Look) -> None:
        now = self.now()
        wounded = {market for wound in self.wounds for market in wound.goals}
        hurting = [gap for gap in look.gaps if gap.market in wounded and self.hurts(store, gap)]
        for wound in tuple(self.wounds):
            if is_healed(wound, look, hurting):
                self.wounds.remove(wound)
                self.healed.append((wound.struck.kind, now - wound.struck.ended_at))

    def hurts(self, store: Store, gap: OpenGap) -> bool:
        """Whether trades that were served are missing in it; an exchange's own hole does not."""
        if gap.before_id is None or gap.before_id - gap.after_id > WIDEST:
            return True
        until = (gap.before_at or gap.after_at + timedelta(days=1)) + SLACK
        names = [gap.market.exchange, gap.market.symbol]
        values = [*names, gap.after_id, gap.before_id, gap.after_at - SLACK, until]
        (stored,) = store.execute(STORED, values).fetchone() or (0,)
        return int(stored) < self.served_in(gap)

    def served_in(self, gap: OpenGap) -> int:
        tape = self.stage.tape(gap.market)
        return tape.place(gap.before_id or 0) - tape.place(gap.after_id + 1)

    @property
    def stored(self) -> int:
        """Trades up to the newest stored one of each market, without those in open gaps."""
        look = self.look
        if look is None:
            return 0
        known = [market for market in MARKETS if market in look.newest]
        reached = sum(self.stage.tape(market).place(look.newest[market] + 1) for market in known)
        return reached - sum(self.served_in(gap) for gap in look.gaps if gap.before_id)

    @property
    def is_whole(self) -> bool:
        """Nothing open, and everything up to the last trade served is there."""
        look = self.look
        if look is None or look.gaps:
            return False
        return all(look.newest.get(m, 0) >= self.stage.tape(m).last_id for m in MARKETS)

    def close(self) -> None:
        if self.store:
            self.store.close()
        self.store = None


def take_look(store: Store) -> Look:
    newest = {Market(exchange, symbol): id for exchange, symbol, id in rows(store, NEWEST)}
    gaps = [
        OpenGap(Market(exchange, symbol), *rest) for exchange, symbol, *rest in rows(store, OPEN)
    ]
    return Look(newest, gaps)


def rows(store: Store, question: Any) -> list[tuple[Any, ...]]:
    return store.execute(question).fetchall()


def is_healed(wound: Wound, look: Look, hurting: Iterable[OpenGap]) -> bool:
    return all(
        look.newest.get(market, 0) >= goal for market, goal in wound.goals.items()
    ) and not any(
        gap.market in wound.goals and gap.after_id < wound.goals[gap.market] for gap in hurting
    )
