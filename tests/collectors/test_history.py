"""Which stretches are worth a walk, and where one goes on: any holes, any pages."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Gap, Market
from collectors.backfill import Walk
from collectors.exchange import Pages
from collectors.exchanges import coinbase, kraken
from collectors.history import (
    count_requests,
    far_end,
    ids_in,
    reach,
    rest_of,
    unknown,
    untold,
    worth_asking,
)
from tests.collectors.golden import NEW_YEAR
from tests.collectors.pages import coinbase_pages, kraken_pages
from tests.collectors.toy import SECOND, trade

MARKET = Market("toy", "A")
UP, DOWN, TIME = (Pages(order, "page", 10) for order in ("up", "down", "time"))

orders = st.sampled_from([UP, DOWN, TIME])


def gap(after_id: int, before_id: int) -> Gap:
    return Gap(MARKET, after_id, after_id * SECOND, before_id, before_id * SECOND)


def holes_of(missing: set[int]) -> list[Gap]:
    """Consecutive missing ids, as the store gives them."""
    starts = sorted(id for id in missing if id - 1 not in missing)
    ends = sorted(id for id in missing if id + 1 not in missing)
    return [gap(start - 1, end + 1) for start, end in zip(starts, ends, strict=True)]


@given(st.sets(st.integers(1, 300)), orders)
def test_all_that_is_missing_is_asked_for_by_no_more_requests(
    missing: set[int], pages: Pages
) -> None:
    holes = holes_of(missing)
    stretches = worth_asking(holes, pages)
    asked = [id for one in stretches for id in range(one.after_id + 1, one.before_id or 0)]
    assert len(asked) == len(set(asked)) and missing <= set(asked)
    assert count_requests(stretches, pages) <= count_requests(holes, pages)
    in_order = sorted(stretches, key=lambda one: one.after_id, reverse=pages.order == "down")
    assert list(stretches) == in_order


def test_a_long_stored_stretch_is_left_out_and_a_short_one_is_read_again() -> None:
    assert worth_asking([gap(0, 4), gap(30, 34)], UP) == (gap(0, 4), gap(30, 34))
    assert worth_asking([gap(0, 4), gap(6, 9)], UP) == (gap(0, 9),)


def test_what_is_known_to_be_absent_is_not_asked_for() -> None:
    holes = [gap(0, 4), gap(10, 14), gap(20, 24)]
    assert unknown(holes, [(10, 14), (19, 23)]) == [gap(0, 4), gap(20, 24)]
    assert unknown(holes, [(0, 30)]) == []
    assert unknown(holes, []) == holes


@given(st.integers(0, 20), st.integers(2, 20), st.integers(0, 19), orders)
def test_behind_any_place_lies_what_was_not_reached(
    after_id: int, width: int, done: int, pages: Pages
) -> None:
    whole = gap(after_id, after_id + width)
    assert rest_of(whole, None, pages) == whole
    ids = range(whole.after_id + 1, whole.before_id or 0)
    walked = list(ids)[: min(done, len(ids))]
    if pages.order == "down":
        walked = list(reversed(ids))[: min(done, len(ids))]
    if walked:
        reached = reach([trade("A", id) for id in walked], whole, pages)
        left = rest_of(whole, reached, pages)
        open_ids = set(range(left.after_id + 1, left.before_id or 0)) if left else set()
        assert set(ids) - set(walked) <= open_ids
        assert len(open_ids) <= len(ids) - len(walked) + (1 if pages.order == "time" else 0)
    assert rest_of(whole, far_end(whole, pages), pages) is None


def test_by_time_the_last_second_is_asked_for_again() -> None:
    """Its trades may go on, in whatever order, on the next page."""
    rows = [trade("A", id) for id in (7, 8, 9, 11, 10)]
    assert reach(rows, gap(0, 99), TIME) == (10, 11 * SECOND)
    assert reach(rows, gap(10, 99), TIME) == (10, 11 * SECOND)


@pytest.mark.parametrize("order", ["up", "down"])
def test_pages_that_come_to_the_edge_leave_nothing_untold(order: Literal["up", "down"]) -> None:
    exchange, pages = (kraken, kraken_pages) if order == "up" else (coinbase, coinbase_pages)
    tape = {id: id * SECOND for id in range(1, 50) if id not in (20, 21)}
    market = Market(exchange.NAME, "BTC/USD")
    edges = [(10, 40), (19, 22), (30, 80)] if order == "up" else [(10, 40), (19, 22), (-40, 30)]
    left = []
    for after_id, before_id in edges:
        walk = Walk(exchange, Gap(market, after_id, NEW_YEAR + after_id * SECOND, before_id))
        while walk.request:
            walk.take(pages(tape, 10)(walk.request), 7)
        left.append(untold(walk, exchange.PAGES))
    assert left[:2] == [None, None]
    assert left[2] and ids_in(left[2]) == (30 if order == "up" else 40)
