"""All places compared with the tapes, and what the platform says of itself with what is true."""

from collections import Counter
from datetime import datetime
from typing import Any

import numpy as np

from alphapulse.store.connect import Store, connect
from alphapulse.trade import Market
from chaos.claims import claims
from chaos.judge import compare, unexplained, withheld
from chaos.log import events_of
from chaos.plan import CLIENTS, MARKETS, PAST
from chaos.report import Place, problems_of
from chaos.rows import ROW, Rows, rows_of
from chaos.sources import from_database, from_log, from_parquet, stored_markets
from chaos.stage import Stage

ALL = (*MARKETS, *PAST)
GAPS = "SELECT state, found_at, closed_at FROM market_gaps"
ABSENT = """
SELECT after_id, before_id FROM market_gaps
WHERE exchange = %s AND symbol = %s AND state = 'absent' AND before_id IS NOT NULL"""
REFUSED = "SELECT exchange, symbol, refusal FROM markets WHERE refusal IS NOT NULL"


class Verdict:
    """`absent`: withheld ids that are told as such; `unexplained`: those that are not."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.places: list[Place] = []
        self.problems: list[str] = []
        self.absent = 0
        self.unexplained = 0
        self.gaps: dict[str, int] = {}
        self.repair_times: list[float] = []
        self.clients: list[dict[str, Any]] = []

    def judge(self) -> None:
        with connect(self.stage.url, "chaos judge", read_only=True) as store:
            for market in ALL:
                self.judge_market(store, market)
            self.judge_words(store)
        self.clients = [self.judge_client(number) for number in range(len(CLIENTS))]
        self.problems += [*problems_of(self.places), *self.stage.violations]

    def judge_market(self, store: Store, market: Market) -> None:
        served = self.served(market)
        self.add("database", market, served, from_database(store, market))
        self.add("Parquet files", market, served, from_parquet(self.stage.settings.parquet, market))
        told = store.execute(ABSENT, [market.exchange, market.symbol]).fetchall()
        holes = withheld(served)
        dark = unexplained(holes, told)
        self.absent += len(holes) - len(dark)
        self.unexplained += len(dark)
        if len(dark):
            self.problems.append(f"{market.key}: ids {dark[:5].tolist()} are not explained")

    def judge_words(self, store: Store) -> None:
        """What the database says beside the trades: gaps, coverage, refusals, markets."""
        found: list[tuple[str, datetime, datetime | None]] = store.execute(GAPS).fetchall()
        self.gaps = dict(Counter(state for state, _, _ in found))
        self.repair_times = [
            max(0.0, (closed_at - found_at).total_seconds())
            for state, found_at, closed_at in found
            if state == "repaired" and closed_at
        ]
        self.problems += claims(store, {market: self.served(market) for market in MARKETS})
        for exchange, symbol, why in store.execute(REFUSED).fetchall():
            self.problems.append(f"{exchange}/{symbol} is still refused: {why}")
        for market in stored_markets(store) - set(ALL):
            self.problems.append(f"the database has a market that nobody serves: {market}")

    def judge_client(self, number: int) -> dict[str, Any]:
        """Each trade once; whatever was not recovered is a loss."""
        wish, path = CLIENTS[number], self.stage.log_of(number)
        found, strangers = from_log(path, [*ALL])
        for market in ALL:
            is_wanted = market in wish.markets
            served = self.served(market) if is_wanted else np.empty(0, ROW)
            if is_wanted or len(found[market]):
                self.add(f"client {number}: {wish.name}", market, served, found[market])
        events = events_of(path)
        lost = [event.why for event in events if event.what == "not recovered"]
        self.problems += [f"client {number} was not recovered: {why}" for why in lost]
        if strangers:
            self.problems.append(f"client {number} was given {strangers} trades of no market")
        lived = Counter(event.what for event in events)
        return {"client": wish.name, "trades": sum(map(len, found.values())), **lived}

    def served(self, market: Market) -> Rows:
        """What must be found: all of a market, or the loaded part of its past."""
        return rows_of(self.stage.tape(market))[: self.stage.count_of(market)]

    def add(self, place: str, market: Market, served: Rows, found: Rows) -> None:
        self.places.append(Place(place, market.key, compare(served, found)))
