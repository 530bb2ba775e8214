"""What `coverage` says is compared with what is true."""

import pytest

from alphapulse.store.connect import Store
from chaos.claims import claims
from chaos.rows import rows_of
from tests.chaos.tapes import MARKET, tape_of
from tests.stored import store_market

SERVED = {MARKET: rows_of(tape_of(10, without=(4,)))}  # 9 trades, 1 hole
SAY = """
INSERT INTO coverage (market_id, day, verdict, reason, stored, absent, missing, unexplained,
                      is_provisional)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, false)"""
BEGIN = "nobody saw its beginning: no earlier trade is stored"


def say(store: Store, day: str, verdict: str, reason: str, *counts: int | None) -> None:
    number = store_market(store, MARKET)
    store.execute(SAY, [number, day, verdict, reason, *counts])


def test_true_words_are_no_problem(store: Store) -> None:
    say(store, "2024-08-07", "incomplete", BEGIN, 3, 0, 0, 0)
    say(store, "2024-08-08", "complete with absences", "all but 1", 5, 1, 0, 0)
    absent = "the day is not over; 1 id is absent at the exchange"
    say(store, "2024-08-09", "incomplete", absent, 1, 0, 0, 0)
    assert list(claims(store, SERVED)) == []


@pytest.mark.parametrize(
    ("verdict", "reason", "counts", "words"),
    [
        ("incomplete", f"1 id is missing; {BEGIN}", (6, 1, 1, 0), "called incomplete"),
        ("incomplete", f"2 ids are odd; {BEGIN}", (6, 1, 0, 0), "called incomplete"),
        ("complete", "all are there", (6, 1, 0, 2), "called complete"),
        ("complete", "all are there", (6, 0, 0, 0), "claims (stored, absent) [9, 0]"),
        ("complete with absences", "all but 1", (5, 1, 0, 0), "claims (stored, absent) [8, 1]"),
        ("unknown", "the day is not over; nobody knows", (6, 1, None, 0), "called unknown"),
    ],
)
def test_false_words_are_a_problem(
    store: Store, verdict: str, reason: str, counts: tuple[int | None, ...], words: str
) -> None:
    say(store, "2024-08-07", "incomplete", BEGIN, 3, 0, 0, 0)
    say(store, "2024-08-08", verdict, reason, *counts)
    (problem,) = claims(store, SERVED)
    assert words in problem


def test_no_words_at_all_are_a_problem(store: Store) -> None:
    (problem,) = claims(store, SERVED)
    assert "claims (stored, absent) [0, 0], true is [9, 1]" in problem
