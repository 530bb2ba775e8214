"""Finding an instant among trades, over pages that simulated exchanges cut from a tape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Market
from collectors.exchange import Exchange, ExchangeError
from collectors.exchanges import binance, coinbase, kraken
from collectors.search import NothingTraded, Place, Point, Search, search_for
from tests.collectors.golden import NEW_YEAR
from tests.collectors.pages import PAGES, Fetch, Tape

SECOND = 1_000_000

each_exchange = pytest.mark.parametrize(
    "exchange", [binance, coinbase, kraken], ids=lambda e: e.NAME
)


def finish(search: Search, fetch: Fetch) -> Place:
    while request := search.request:
        search.take(fetch(request), 7)
    assert search.place
    return search.place


def find(
    exchange: Exchange, tape: Tape, at: int, size: int = 1000, known: tuple[Point, ...] = ()
) -> Place:
    """`at` in microseconds into 2026, as the tape's times are."""
    search = search_for(exchange, Market(exchange.NAME, "BTC/USD"), NEW_YEAR + at, known)
    return finish(search, PAGES[exchange.NAME](tape, size))


def even(first: int, count: int, step: int = SECOND) -> Tape:
    return {first + place: place * step for place in range(count)}


@st.composite
def tapes(draw: st.DrawFn) -> Tape:
    """Ids that rise with the times; some lost, some instants shared. Times are whole milliseconds,
    which is all that Binance tells.
    """
    first = draw(st.integers(1, 10**9))
    steps = st.sampled_from([0, 0, 1000, 40_000, 700_000, 5_000_000, 3_600_000_000])
    tape, id, at = Tape(), first, 10_000_000
    for _ in range(draw(st.integers(1, 200))):
        tape[id] = at
        id += draw(st.sampled_from([1, 1, 1, 1, 2, 30]))
        at += draw(steps)
    return tape


@each_exchange
@given(data=st.data())
def test_any_instant_in_any_tape_is_found_between_its_neighbours(
    exchange: Exchange, data: st.DataObject
) -> None:
    tape = data.draw(tapes())
    last = max(tape.values())
    at = data.draw(
        st.one_of(st.integers(0, last + 5 * SECOND), st.sampled_from(sorted(set(tape.values()))))
    )
    at -= at % 1000
    known = data.draw(st.lists(st.sampled_from(sorted(tape)), max_size=3))
    points = tuple(Point(id, NEW_YEAR + tape[id]) for id in known)
    place = find(exchange, tape, at, known=points)
    olds = [id for id in sorted(tape) if tape[id] < at]
    news = [id for id in sorted(tape) if tape[id] >= at]
    assert place.is_end == (not news and NEW_YEAR + at > max((p.at for p in points), default=0))
    assert place.after.id == (news[0] if news else olds[-1] + 1)
    # Where the exchange shows nothing before the instant, it lies right before the first trade.
    assert place.before.id in {olds[-1] if olds else -1, place.after.id - 1}
    assert all(id <= place.before.id for id in olds)


@each_exchange
def test_a_million_trades_cost_a_few_requests(exchange: Exchange) -> None:
    tape = even(500_000_000, 1_000_000, SECOND // 10)
    market = Market(exchange.NAME, "BTC/USD")
    fetch = PAGES[exchange.NAME](tape, 1000)
    for second in (0, 1, 33_333, 50_000, 99_999, 200_000):
        search = search_for(exchange, market, NEW_YEAR + second * SECOND)
        place = finish(search, fetch)
        assert place.after.id == 500_000_000 + min(second * 10, 1_000_000)
        assert search.steps <= 15


@each_exchange
def test_a_market_whose_pace_changes_a_thousandfold_is_still_found_soon(
    exchange: Exchange,
) -> None:
    tape, at = Tape(), 0
    for id in range(1, 300_001):
        at += 1000 if id % 100_000 < 90_000 else 60 * SECOND
        tape[id] = at
    fetch = PAGES[exchange.NAME](tape, 1000)
    for id in (1, 2, 95_000, 100_001, 195_000, 250_000, 299_999):
        search = search_for(exchange, Market(exchange.NAME, "BTC/USD"), NEW_YEAR + tape[id])
        assert finish(search, fetch).after.id == id
        assert search.steps <= 40


@pytest.mark.parametrize("exchange", [binance, coinbase], ids=lambda e: e.NAME)
def test_stored_neighbours_save_every_request(exchange: Exchange) -> None:
    known = [Point(41, NEW_YEAR + 1), Point(42, NEW_YEAR + 2), Point(90, NEW_YEAR + 9)]
    search = search_for(exchange, Market(exchange.NAME, "BTC/USD"), NEW_YEAR + 2, known)
    assert search.request is None
    assert search.place == Place(known[0], known[1])


@each_exchange
def test_a_market_without_a_trade_is_told_apart(exchange: Exchange) -> None:
    with pytest.raises(NothingTraded):
        find(exchange, {}, 5)


@each_exchange
def test_neighbours_out_of_order_in_time_are_both_inside(exchange: Exchange) -> None:
    """Id 6 is a millisecond older than id 5: from 5's time on means from id 5 on, and before it
    means up to id 6.
    """
    tape = {id: id * SECOND for id in range(1, 11)} | {5: 6 * SECOND, 6: 6 * SECOND - 1000}
    place = find(exchange, tape, 6 * SECOND)
    assert place.before.id == 4
    assert place.after.id == 7


@each_exchange
def test_after_an_error_the_same_page_may_be_asked_for_again(exchange: Exchange) -> None:
    tape = even(1, 50)
    search = search_for(exchange, Market(exchange.NAME, "BTC/USD"), NEW_YEAR + 20 * SECOND)
    request = search.request
    with pytest.raises(ExchangeError):
        search.take(b"<html>bad gateway</html>", 7)
    assert search.request is request
    assert finish(search, PAGES[exchange.NAME](tape, 1000)).after.id == 21
