from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse.trade import Market
from replay.feed import SimulatedBatch, SimulatedFeed
from replay.protocols import DIALECTS
from replay.simulated import BLOCK, SimulatedMarket, price_digits, split, usual_price
from replay.tape import Print

START = 1_760_000_000_000_000
SECOND = 1_000_000


def market(exchange: str = "kraken", symbol: str = "BTC/USD", **given: float) -> SimulatedMarket:
    seed, rate = int(given.get("seed", 1)), given.get("rate", 10.0)
    return SimulatedMarket(Market(exchange, symbol), seed, START, rate)


def feed(exchange: str = "kraken", symbol: str = "BTC/USD", **given: float) -> SimulatedFeed:
    return SimulatedFeed(DIALECTS[exchange], [market(exchange, symbol, **given)], None, 10**6)


def published(feed: SimulatedFeed) -> list[Print]:
    return [print for tape in feed.tapes.values() for print in tape]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.lists(st.integers(1, 900 * SECOND), min_size=1, max_size=8))
def test_the_same_seed_gives_the_same_tape_in_whatever_steps(seed: int, steps: list[int]) -> None:
    stepwise, at_once = feed(seed=seed), feed(seed=seed)
    now = START
    for step in steps:
        now += step
        stepwise.advance(now)
    at_once.advance(now)
    assert published(stepwise) == published(at_once)
    at_once.advance(now + SECOND * 1000)
    assert published(at_once)[: len(published(stepwise))] == published(stepwise)


def test_a_tape_that_starts_late_has_the_same_trades() -> None:
    """A restart of an old market does not make its whole past again."""
    whole, late = feed(), SimulatedFeed(DIALECTS["kraken"], [market()], None, BLOCK)
    now = START + 10 * BLOCK * SECOND // 10
    whole.advance(now)
    late.catch_up(now)
    assert BLOCK <= len(published(late)) < len(published(whole))
    assert published(whole)[-len(published(late)) :] == published(late)


def test_what_is_returned_is_what_stands_on_the_tape() -> None:
    one = feed()
    batches = one.advance(START + 600 * SECOND)
    returned = [p for b in batches if isinstance(b, SimulatedBatch) for p in b.prints()]
    assert returned == published(one)


@pytest.mark.parametrize("other", [market(seed=2), market(symbol="ETH/USD"), market(rate=11.0)])
def test_another_seed_market_or_rate_gives_another_tape(other: SimulatedMarket) -> None:
    assert other.block(0).times != market().block(0).times


@pytest.mark.parametrize("rate", [0.01, 10.0, 5000.0])
def test_ids_are_consecutive_and_times_do_not_fall(rate: float) -> None:
    one = market(rate=rate)
    blocks = [one.block(number) for number in range(3)]
    ids = [id for block in blocks for id in block.ids]
    times = [at for block in blocks for at in block.times]
    assert ids == list(range(one.first_id, one.first_id + 3 * BLOCK))
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times[0] >= START and times[-1] < START + 3 * one.block_micros


def test_the_rate_is_kept_on_average() -> None:
    one = feed(rate=20.0)
    one.advance(START + 3600 * SECOND)
    assert len(published(one)) == pytest.approx(20 * 3600, rel=0.05)


def test_an_instant_lies_in_its_block() -> None:
    one = market()
    for number in (0, 1, 17):
        times = one.block(number).times
        assert one.block_at(times[0]) == one.block_at(times[-1]) == number
    assert one.block_at(START - 1) == 0


def test_several_trades_share_an_instant_a_side_and_often_a_price() -> None:
    rows = list(
        zip(*[getattr(market().block(0), n) for n in ("times", "sides", "prices")], strict=True)
    )
    pairs = list(pairwise(rows))
    ties = [(a, b) for a, b in pairs if a[0] == b[0]]
    assert 0.2 < len(ties) / len(pairs) < 0.7
    assert all(a[1] == b[1] for a, b in ties)
    assert any(a[2] != b[2] for a, b in ties) and any(a[2] == b[2] for a, b in ties)


def test_both_sides_trade() -> None:
    sides = market().block(0).sides
    assert 0.2 < sum(sides) / len(sides) < 0.8


def test_binance_counts_milliseconds_and_pads_to_eight_digits() -> None:
    one = feed("binance", "BTCUSDT")
    one.advance(START + 60 * SECOND)
    assert all(p.traded_at % 1000 == 0 for p in published(one))
    assert all(len(p.price.split(".")[1]) == len(p.size.split(".")[1]) == 8 for p in published(one))
    assert all(p.size.endswith("000") for p in published(one))


def test_prices_stay_near_where_they_began_and_sizes_are_above_zero() -> None:
    block = market().block(500)
    assert 40_000_00 < min(block.prices) <= max(block.prices) < 100_000_00
    assert min(block.sizes) > 0


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rate 0 of kraken/BTC_USD: must be above 0"):
        SimulatedMarket(Market("kraken", "BTC/USD"), 1, START, 0)


def test_a_finite_market_ends_after_its_trades() -> None:
    one = SimulatedFeed(DIALECTS["kraken"], [market()], 5000, 10**6)
    while (at := one.next_at()) is not None:
        one.advance(at)
    assert len(published(one)) == 5000


def test_withheld_trades_never_happen() -> None:
    one, same = feed(), feed()
    one.advance(START + 60 * SECOND)
    one.withhold("BTC/USD", 3)
    one.advance(START + 120 * SECOND)
    same.advance(START + 120 * SECOND)
    missing = set(published(same)) - set(published(one))
    assert len(missing) == 3
    ids = sorted(p.id for p in missing)
    assert ids == list(range(ids[0], ids[0] + 3))


def test_symbols_of_every_exchange_are_split() -> None:
    assert split("BTC-USD") == split("BTC/USD") == ("BTC", "USD")
    assert split("ETHUSDT") == ("ETH", "USDT")
    assert split("ETHBTC") == ("ETH", "BTC")
    assert split("ODD") == ("ODD", "USD")


def test_unknown_assets_have_some_price_always_the_same() -> None:
    assert usual_price("MOON-USD") == usual_price("MOON-USD") > 0
    assert usual_price("ETH/BTC") == pytest.approx(3200 / 65000)


def test_small_prices_have_more_digits() -> None:
    assert [price_digits(p) for p in (65_000, 150, 0.12, 0.0000001)] == [2, 3, 6, 8]
