"""What speaks against a day's leaving, decided from facts alone."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alphapulse.day import MarketDay
from alphapulse.retention import Held, Policy, Refusal, Sheet, Why, decide
from tests.stored import BTC_DAY, DAY, ETH

TODAY = DAY + timedelta(days=31)
POLICY = Policy(keep_days=30, today=TODAY)
SHEET = Sheet(is_there=True, rows=3, checksum="7", verdict="complete", digest="9")
GOOD = Held(
    BTC_DAY,
    market_id=1,
    rows=3,
    exported_at=BTC_DAY.ends_at + timedelta(minutes=10),
    certified_rows=3,
    certified="7",
    verdict="complete",
    digest="9",
    sheet=SHEET,
)


def reasons(held: Held, policy: Policy = POLICY) -> list[Why]:
    return [refusal.why for refusal in decide(held.day.date, [held], policy).refusals]


def test_a_day_whose_file_holds_its_rows_may_leave() -> None:
    decision = decide(DAY, [GOOD], POLICY)
    assert decision.may_leave and decision.rows == 3


def test_a_day_of_which_a_file_was_not_looked_at_may_not() -> None:
    assert not decide(DAY, [GOOD, replace(GOOD, sheet=None)], POLICY).may_leave


def test_the_last_days_stay() -> None:
    assert POLICY.limit == DAY + timedelta(days=1)
    assert POLICY.is_due(DAY) and not POLICY.is_due(POLICY.limit)
    assert reasons(GOOD, replace(POLICY, today=TODAY - timedelta(days=1))) == [Why.TOO_YOUNG]
    assert not Policy(keep_days=0, today=TODAY).is_due(date(1970, 1, 1))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"exported_at": None}, Why.NOT_EXPORTED),
        ({"certified": None, "sheet": None}, Why.NOT_EXPORTED),
        ({"exported_at": BTC_DAY.ends_at - timedelta(seconds=1)}, Why.NOT_OVER),
        ({"reopened_at": BTC_DAY.ends_at}, Why.REOPENED),
        ({"late": 1}, Why.LATE_ROWS),
        ({"late": 1, "was_dropped": True}, Why.LATE_AFTER_LEAVING),
        ({"reopened_at": BTC_DAY.ends_at, "was_dropped": True}, Why.LATE_AFTER_LEAVING),
        ({"gaps": (4, 5)}, Why.GAPS_OPEN),
        ({"sheet": Sheet(is_there=False)}, Why.FILE_MISSING),
        ({"sheet": Sheet(is_there=True, failures=("ids",))}, Why.FILE_DAMAGED),
        ({"sheet": replace(SHEET, day_closed=False)}, Why.NOT_OVER),
        ({"sheet": replace(SHEET, checksum="8")}, Why.STORE_DIFFERS),
        ({"sheet": replace(SHEET, verdict="incomplete")}, Why.STORE_DIFFERS),
        ({"sheet": replace(SHEET, digest="8")}, Why.STORE_DIFFERS),
        ({"digest": None}, Why.STORE_DIFFERS),
        ({"rows": 2}, Why.STORE_DIFFERS),
        ({"was_dropped": True, "sheet": replace(SHEET, unfiled=1)}, Why.LATE_AFTER_LEAVING),
    ],
)
def test_each_reason_alone_keeps_it(change: dict[str, Any], why: Why) -> None:
    assert reasons(replace(GOOD, **change)) == [why]


def test_of_a_day_that_left_before_the_store_has_less_than_the_file() -> None:
    assert reasons(replace(GOOD, was_dropped=True, rows=1, digest="other")) == []


def test_with_backups_the_copy_must_be_the_files() -> None:
    policy = replace(POLICY, backups=True)
    assert reasons(GOOD, policy) == [Why.NOT_BACKED_UP]
    assert reasons(replace(GOOD, copied="8"), policy) == [Why.NOT_BACKED_UP]
    assert reasons(replace(GOOD, copied="7"), policy) == []


def test_a_refusal_names_day_market_and_what_to_do() -> None:
    other = Held(MarketDay(DAY, ETH), market_id=2, rows=5)
    decision = decide(DAY, [GOOD, other], POLICY)
    (refusal,) = decision.refusals
    assert not decision.may_leave
    assert str(refusal) == (
        "2024-08-08 kraken/ETH_USD: not exported: materialize its partition of trades_parquet"
    )


def test_what_speaks_against_the_day_itself_keeps_all_markets() -> None:
    odd = Refusal(DAY, None, Why.ODD_CHUNK, "a week")
    decision = decide(DAY, [GOOD], POLICY, [odd])
    assert not decision.may_leave
    assert str(decision.refusals[0]).startswith("2024-08-08 all markets: ")


FACTS = st.builds(
    Held,
    day=st.just(BTC_DAY),
    market_id=st.just(1),
    rows=st.integers(0, 3),
    late=st.integers(0, 1),
    exported_at=st.sampled_from([None, BTC_DAY.starts_at, GOOD.exported_at]),
    certified_rows=st.sampled_from([None, 3]),
    certified=st.sampled_from([None, "7"]),
    verdict=st.sampled_from([None, "complete"]),
    reopened_at=st.sampled_from([None, BTC_DAY.ends_at]),
    gaps=st.sampled_from([(), (1,)]),
    copied=st.sampled_from([None, "7"]),
    was_dropped=st.booleans(),
    digest=st.sampled_from([None, "9"]),
    sheet=st.sampled_from([None, SHEET, Sheet(is_there=False), replace(SHEET, unfiled=1)]),
)


@given(FACTS, st.booleans())
def test_nothing_leaves_that_no_good_file_holds(held: Held, backups: bool) -> None:
    if decide(DAY, [held], replace(POLICY, backups=backups)).may_leave:
        assert held.sheet == SHEET
        assert held.certified == SHEET.checksum
        assert not (held.late or held.reopened_at or held.gaps)
        assert held.was_dropped or (held.rows, held.digest) == (SHEET.rows, SHEET.digest)
        assert held.copied == SHEET.checksum or not backups


def test_the_first_export_is_asked_for_before_its_copy() -> None:
    fresh = Held(BTC_DAY, market_id=1, rows=3)
    assert reasons(fresh, replace(POLICY, backups=True)) == [Why.NOT_EXPORTED]
