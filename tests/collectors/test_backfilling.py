"""History from replay's REST into a real database: exact plans, each row once, nothing twice."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import pytest

from alphapulse.store.backfills import HistoryTaken, Wish, claim_history, find_gap
from alphapulse.store.connect import Store, connect
from alphapulse.store.gaps import OpenGap, report
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Gap, Market, Trade
from collectors import patience
from collectors.backfilling import Backfill, Outcome
from collectors.collector import find_exchange
from collectors.exchange import Rejected
from collectors.fetch import Fetcher
from collectors.history import Plan
from collectors.patience import Asker, Stop
from replay.faults import RestError
from tests.collectors.past import SYMBOLS, Past, past, wish
from tests.collectors.stage import Row, stored_rows, tape_rows

T = TypeVar("T")

TRADES = 6_000  # of each market: 600 s

each_exchange = pytest.mark.parametrize("name", list(SYMBOLS))


class Loader:
    """What `alphapulse backfill` does, without the words and the pauses."""

    def __init__(self, url: str, replay: Past, wish: Wish, gap_id: int | None = None) -> None:
        self.url = url
        self.rest = replay.endpoint(wish.market.exchange).rest
        self.wish = wish
        self.gap_id = gap_id
        self.stop = Stop()
        self.pages = 0

    def plan(self) -> Plan | None:
        return self.do(self.planned)

    def run(self, stop_after: int | None = None) -> tuple[Plan, Outcome]:
        def both(work: Backfill) -> tuple[Plan, Outcome]:
            plan = self.planned(work)
            assert plan
            work.claim()
            return plan, work.run(plan, lambda _: self.hear(stop_after))

        return self.do(both)

    def hear(self, stop_after: int | None) -> None:
        self.pages += 1
        if stop_after == self.pages:
            self.stop.tell()

    def planned(self, work: Backfill) -> Plan | None:
        return work.plan()

    def do(self, what: Callable[[Backfill], T]) -> T:
        exchange = find_exchange(self.wish.market.exchange)
        fetcher = Fetcher(self.rest, 0.0)
        with connect(self.url, "test backfill") as store:
            found = find_gap(store, self.gap_id) if self.gap_id else None
            try:
                return what(Backfill(store, exchange, Asker(fetcher, self.stop), self.wish, found))
            finally:
                fetcher.close()


def within(rows: list[Row], wish: Wish) -> list[Row]:
    return [row for row in rows if wish.from_at <= row[1] < wish.to_at]


def tape(replay: Past, wish: Wish) -> list[Row]:
    market = wish.market
    return within(tape_rows(replay, market.exchange, market.symbol), wish)


def stored(store: Store, wish: Wish) -> list[Row]:
    return stored_rows(store, wish.market.exchange, wish.market.symbol)


def trades_of(replay: Past, name: str, start: int, stop: int) -> list[Trade]:
    """Trades of a tape by their places, as a collector would have stored them."""
    return [
        Trade(name, SYMBOLS[name], p.id, Decimal(p.price), Decimal(p.size), p.side, p.traded_at, 7)
        for p in replay.tape(name).prints(start, stop)
    ]


@each_exchange
def test_the_plan_is_exact_and_the_run_stores_exactly_the_tape(
    name: str, store: Store, database_url: str
) -> None:
    asked = wish(name, 60, 500)
    with past(name, trades=TRADES) as replay:
        plan, outcome = Loader(database_url, replay, asked).run()
        truth = tape(replay, asked)
        assert (plan.expected, plan.stored, plan.missing) == (len(truth), 0, len(truth))
        assert stored(store, asked) == truth
        assert (outcome.state, outcome.absent, outcome.open) == ("done", 0, 0)
        assert outcome.totals.trades >= outcome.totals.new == len(truth)
        assert plan.requests == -(-len(truth) // 1000)
        more = 2 if name == "kraken" else 0  # its pages overlap
        assert plan.requests <= outcome.requests <= plan.requests + more
        assert replay.requests == plan.looks + outcome.requests
        assert plan.looks < 25


@each_exchange
def test_what_is_stored_is_not_asked_for_again(name: str, store: Store, database_url: str) -> None:
    asked = wish(name, 0, 10_000)
    with past(name, trades=TRADES) as replay:
        TradeWriter(store).insert(trades_of(replay, name, 1_500, 4_900))
        TradeWriter(store).insert(trades_of(replay, name, 5_500, TRADES))
        plan, outcome = Loader(database_url, replay, asked).run()
        assert (plan.expected, plan.stored, plan.missing) == (TRADES, 3_900, 2_100)
        assert [gap.before_id and gap.before_id - gap.after_id - 1 for gap in plan.stretches] in (
            [1500, 600],
            [600, 1500],
        )
        assert outcome.totals.new == 2_100
        assert outcome.requests <= 5
        assert stored(store, asked) == tape(replay, asked)
        again, nothing = Loader(database_url, replay, asked).run()
        assert (again.requests, again.missing, nothing.requests) == (0, 0, 0)


@each_exchange
def test_small_holes_between_stored_trades_share_a_page(
    name: str, store: Store, database_url: str
) -> None:
    asked = wish(name, 0, 10_000)
    with past(name, trades=3_000) as replay:
        everything = trades_of(replay, name, 0, 3_000)
        TradeWriter(store).insert(trade for trade in everything if trade.id % 10)
        plan, outcome = Loader(database_url, replay, asked).run()
        assert len(plan.stretches) == 1
        assert plan.missing == 300 == outcome.totals.new
        assert outcome.requests <= 4
        assert stored(store, asked) == tape(replay, asked)


@each_exchange
def test_told_to_stop_it_ends_after_a_page_and_goes_on_behind_it(
    name: str, store: Store, database_url: str
) -> None:
    asked = wish(name, 0, 10_000)
    with past(name, trades=TRADES) as replay:
        _, first = Loader(database_url, replay, asked).run(stop_after=3)
        assert (first.state, first.requests) == ("interrupted", 3)
        assert 2_500 < len(stored(store, asked)) <= 3_000
        plan, second = Loader(database_url, replay, asked).run()
        assert plan.is_resumed and plan.looks == 0
        assert second.requests <= 5
        assert (second.state, second.totals.new) == ("done", TRADES)
        assert second.totals.requests == first.requests + second.requests
        assert stored(store, asked) == tape(replay, asked)


@each_exchange
def test_ids_that_the_exchange_lacks_are_absent_and_never_asked_for_again(
    name: str, store: Store, database_url: str
) -> None:
    asked = wish(name, 0, 10_000)
    with past(name, trades=5_000) as replay:
        replay.lose(name, 2_500, 19)
        replay.lose(name, 999, 1)  # a page may end beside it
        plan, outcome = Loader(database_url, replay, asked).run()
        assert plan.expected == 5_000
        assert (outcome.state, outcome.absent, outcome.open) == ("done", 20, 0)
        assert stored(store, asked) == tape(replay, asked)
        rows = store.execute("SELECT state, cause, absent FROM gaps ORDER BY after_id").fetchall()
        assert rows == [("absent", "history", 1), ("absent", "history", 19)]
        again = Loader(database_url, replay, asked).plan()
        assert again and (again.absent, again.missing, again.requests) == (20, 0, 0)


def test_what_the_pages_do_not_come_to_is_left_to_the_repair_worker(
    store: Store, database_url: str
) -> None:
    """The record was longer when it was planned than it is when it is walked."""
    asked = wish("coinbase", 0, 10_000)
    with past("coinbase", trades=5_000) as replay:
        Loader(database_url, replay, asked).run(stop_after=2)
        replay.lose("coinbase", 0, 1_000)
        _, outcome = Loader(database_url, replay, asked).run()
        assert (outcome.state, outcome.absent, outcome.open) == ("done", 0, 1_000)
        rows = store.execute("SELECT state, cause FROM gaps").fetchall()
        assert rows == [("suspected", "history")]


@pytest.mark.parametrize("status", [429, 418, 503, 200])
def test_a_busy_exchange_is_asked_again_until_it_answers(
    status: int, store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST", 0.01)
    asked = wish("kraken", 0, 10_000)
    with past("kraken", trades=2_500) as replay:
        fault = RestError(exchange="kraken", status=status, retry_after=0.05, requests=5)
        replay.inject(fault)
        _, outcome = Loader(database_url, replay, asked).run()
        assert outcome.state == "done"
        assert stored(store, asked) == tape(replay, asked)


def test_a_market_that_the_exchange_does_not_know_is_an_error_at_once(
    database_url: str,
) -> None:
    for name in SYMBOLS:
        with past(name, trades=100) as replay:
            unknown = Market(name, "FOO/BAR")
            asked = wish(name, 0, 100)
            loader = Loader(database_url, replay, Wish(unknown, asked.from_at, asked.to_at))
            with pytest.raises(Rejected):
                loader.plan()


@each_exchange
def test_a_time_without_trades_has_no_plan(name: str, database_url: str) -> None:
    with past(name, trades=100) as replay:
        assert Loader(database_url, replay, wish(name, 5_000, 6_000)).plan() is None
        assert Loader(database_url, replay, wish(name, -600, -300)).plan() is None
    with past(name, trades=0) as replay:
        assert Loader(database_url, replay, wish(name, 0, 100)).plan() is None


def open_gap(store: Store, hole: Gap) -> OpenGap:
    report(store, hole, "disconnect")
    (number,) = store.execute("SELECT max(gap_id) FROM gaps").fetchone() or (0,)
    return find_gap(store, number)


@each_exchange
@pytest.mark.parametrize("has_end", [True, False])
def test_a_wide_gap_is_filled_and_closed(
    name: str, has_end: bool, store: Store, database_url: str
) -> None:
    with past(name, trades=TRADES) as replay:
        prints = replay.tape(name)
        low, high = prints[999], prints[4_000]
        market = Market(name, SYMBOLS[name])
        edges = (high.id, high.traded_at) if has_end else (None, None)
        found = open_gap(store, Gap(market, low.id, low.traded_at, *edges))
        asked = Wish(market, low.traded_at, wish(name, 0, 10_000).to_at, found.gap_id)
        plan, outcome = Loader(database_url, replay, asked, found.gap_id).run()
        expected = 3_000 if has_end else 5_000
        assert plan.expected == outcome.totals.new == expected
        rows = store.execute("SELECT state, filled FROM gaps").fetchall()
        assert rows == [("repaired", expected)]


def test_an_open_gap_inside_a_loaded_stretch_is_closed_by_it(
    store: Store, database_url: str
) -> None:
    with past("binance", trades=TRADES) as replay:
        prints = replay.tape("binance")
        low, high = prints[500], prints[5_000]
        market = Market("binance", SYMBOLS["binance"])
        open_gap(store, Gap(market, low.id, low.traded_at, high.id, high.traded_at))
        Loader(database_url, replay, wish("binance", 0, 10_000)).run()
        assert store.execute("SELECT state FROM gaps").fetchall() == [("repaired",)]


def test_one_market_has_one_backfill_at_a_time(store: Store, database_url: str) -> None:
    asked = wish("kraken", 0, 10)
    claim_history(store, asked.market)
    with past("kraken", trades=100) as replay, pytest.raises(HistoryTaken, match="kraken/BTC_USD"):
        Loader(database_url, replay, asked).run()
