"""What is stored, in a few numbers."""

from datetime import UTC, datetime
from decimal import Decimal

from alphapulse.store.connect import Store
from alphapulse.store.gaps import open_gaps, refuse_market, report
from alphapulse.store.mending import conclude
from alphapulse.store.summary import count_gaps, count_trades, newest_trades
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Gap, Market, Side, Trade

NOON = 1_723_118_400_000_000
BTC, ETH = Market("kraken", "BTC/USD"), Market("kraken", "ETH/USD")


def store_trades(store: Store, market: Market, count: int) -> None:
    one = Decimal(1)
    TradeWriter(store).insert(
        Trade(market.exchange, market.symbol, id, one, one, Side.SELL, NOON + id, NOON)
        for id in range(count)
    )


def test_an_empty_store_has_nothing_to_say(store: Store) -> None:
    assert count_trades(store) == {}
    assert newest_trades(store) == []
    assert count_gaps(store) == {}


def test_trades_are_counted_by_market_and_a_silent_market_has_none(store: Store) -> None:
    store_trades(store, BTC, 3)
    refuse_market(store, ETH, "unknown")
    assert count_trades(store) == {"kraken/BTC/USD": 3, "kraken/ETH/USD": 0}


def test_each_market_has_its_newest_trade_and_its_refusal(store: Store) -> None:
    store_trades(store, BTC, 3)
    refuse_market(store, ETH, "unknown")
    at = datetime(2024, 8, 8, 12, 0, 0, 2, tzinfo=UTC)
    assert newest_trades(store) == [
        {"exchange": "kraken", "symbol": "BTC/USD", "newest_trade_at": at, "refusal": None},
        {"exchange": "kraken", "symbol": "ETH/USD", "newest_trade_at": None, "refusal": "unknown"},
    ]


def test_gaps_are_counted_by_state(store: Store) -> None:
    for after_id in (1, 10, 20):
        report(store, Gap(BTC, after_id, NOON, after_id + 5, NOON), "unknown")
    conclude(store, open_gaps(store, "kraken")[0], "absent")
    assert count_gaps(store) == {"absent": 1, "suspected": 2}
