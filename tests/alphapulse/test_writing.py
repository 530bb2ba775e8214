"""Rows get in exactly once, whatever way they take, and exactly as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alphapulse.store import text, writing
from alphapulse.store.connect import Store, connect
from alphapulse.store.text import Seconds
from alphapulse.store.writing import (
    COPY_FROM,
    DAY,
    RefusedRow,
    TradeWriter,
    insert_each,
    make_days,
    market_id,
)
from alphapulse.trade import Market, Side, Source, Trade

NOON = 1_723_118_400_000_000  # 2024-08-08 12:00 UTC
FIRST = -62_135_596_800_000_000  # 0001-01-01
LAST = 253_402_300_799_999_999  # the last microsecond of 9999
ON_REAL_ROWS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ROWS = """
SELECT symbol, trade_id, (extract(epoch FROM traded_at) * 1000000)::bigint,
       (extract(epoch FROM received_at) * 1000000)::bigint, price, size, side, source
FROM market_trades ORDER BY symbol, trade_id, traded_at"""


def trade(id: int, symbol: str = "BTC/USD", **other: object) -> Trade:
    usual = Trade(
        "kraken",
        symbol,
        id,
        Decimal("61000.10"),
        Decimal("0.5"),
        Side.BUY,
        NOON + id,
        NOON + id + 7,
    )
    return replace(usual, **other)


def trades(count: int, symbol: str = "BTC/USD") -> list[Trade]:
    return [trade(id, symbol) for id in range(1, count + 1)]


def ids(store: Store) -> list[int]:
    return [id for (id,) in store.execute("SELECT trade_id FROM trades ORDER BY trade_id")]


@pytest.fixture
def writer(store: Store) -> TradeWriter:
    return TradeWriter(store)


@pytest.mark.parametrize("count", [1, 2, COPY_FROM - 1, COPY_FROM, 3 * COPY_FROM])
def test_what_is_inserted_is_there_and_counted(writer: TradeWriter, count: int) -> None:
    assert writer.insert(trades(count)) == count
    assert ids(writer.store) == list(range(1, count + 1))


def test_no_trades_are_no_work(writer: TradeWriter) -> None:
    assert writer.insert([]) == 0


@pytest.mark.parametrize("count", [10, 3 * COPY_FROM])
def test_repeats_of_an_earlier_batch_are_ignored_and_the_rest_kept(
    writer: TradeWriter, count: int
) -> None:
    writer.insert([trade(5), trade(7)])
    assert writer.insert(trades(count)) == count - 2
    assert ids(writer.store) == list(range(1, count + 1))


@pytest.mark.parametrize("count", [10, 3 * COPY_FROM])
def test_of_repeats_within_a_batch_the_first_counts(writer: TradeWriter, count: int) -> None:
    once = trades(count)
    later = [replace(one, source=Source.SNAPSHOT, received_at=NOON * 2) for one in once]
    assert writer.insert(once + later) == count
    assert {row[-1] for row in writer.store.execute(ROWS)} == {"live"}


def test_a_batch_of_repeats_alone_stores_nothing(writer: TradeWriter) -> None:
    writer.insert(trades(100))
    assert writer.insert(trades(100)) == 0
    assert writer.insert(trades(3)) == 0


def test_the_same_id_in_two_markets_is_two_trades(writer: TradeWriter) -> None:
    assert writer.insert([trade(1), trade(1, "ETH/USD"), trade(1, exchange="coinbase")]) == 3


def test_twins_with_different_ids_are_two_trades(writer: TradeWriter) -> None:
    assert writer.insert([trade(1, traded_at=NOON), trade(2, traded_at=NOON)]) == 2


def test_both_ways_in_give_the_same_rows(writer: TradeWriter) -> None:
    batch = [
        trade(
            id,
            symbol=("BTC/USD", "ETH/USD")[id % 2],
            price=Decimal(f"{id}.{id:08}"),
            size=Decimal(f"{id}E-8"),
            side=Side.SELL if id % 3 else Side.BUY,
            source=list(Source)[id % 3],
        )
        for id in range(1, 200)
    ]
    rows = writer.rows(batch)
    assert writer.copy(rows) == len(batch)
    copied = writer.store.execute(ROWS).fetchall()
    writer.store.execute("TRUNCATE trades")
    assert writer.upsert(rows) == len(batch)
    assert writer.store.execute(ROWS).fetchall() == copied
    assert len(copied) == len(batch)


@given(instants=st.lists(st.integers(FIRST, LAST), min_size=1, max_size=40))
@ON_REAL_ROWS
def test_any_instant_is_told_to_the_microsecond(store: Store, instants: list[int]) -> None:
    """From year 1 to year 9999; extract gives exact numerics."""
    seconds = Seconds()
    texts = [f"{seconds[at // 1_000_000]}.{at % 1_000_000:06d}+00" for at in instants]
    read = store.execute(
        "SELECT (extract(epoch FROM at) * 1000000)::bigint FROM unnest(%s::timestamptz[]) AS at",
        [texts],
    )
    assert [at for (at,) in read] == instants


@given(
    numbers=st.lists(
        st.one_of(
            st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**15),
            st.builds(
                lambda digits, exponent: Decimal(digits).scaleb(exponent),
                st.integers(0, 10**18),
                st.integers(-30, 20),
            ),
            st.sampled_from([Decimal("1E-8"), Decimal("1E+3"), Decimal("0E-20"), Decimal("0.10")]),
        ),
        min_size=1,
        max_size=2 * COPY_FROM,
    )
)
@ON_REAL_ROWS
def test_any_number_arrives_exactly(store: Store, numbers: list[Decimal]) -> None:
    store.execute("TRUNCATE trades")
    batch = [trade(id, price=number, size=number) for id, number in enumerate(numbers, 1)]
    TradeWriter(store).insert(batch)
    read = store.execute("SELECT price, size FROM trades ORDER BY trade_id").fetchall()
    assert read == [(number, number) for number in numbers]


def test_exponents_and_trailing_zeros_arrive_as_digits(writer: TradeWriter) -> None:
    texts = ["1E-8", "1E+3", "0.10", "61000.00000000"]
    writer.insert([trade(id, price=Decimal(text)) for id, text in enumerate(texts, 1)])
    read = writer.store.execute("SELECT price::text FROM trades ORDER BY trade_id").fetchall()
    assert [text for (text,) in read] == ["0.00000001", "1000", "0.10", "61000.00000000"]


UNFIT: dict[str, dict[str, Any]] = {
    "a number of a million digits": {"price": Decimal("1E+999999")},
    "an id beyond bigint": {"id": 2**63},
    "a time beyond the year 9999": {"traded_at": LAST + 1},
    "a time before the year 1": {"received_at": FIRST - 1},
    "a symbol that is no text": {"symbol": "A\0B"},
    "a symbol that is no Unicode": {"symbol": "\ud800"},
    "no symbol": {"symbol": ""},
}


@pytest.mark.parametrize("unfit", UNFIT)
@pytest.mark.parametrize("count", [10, 3 * COPY_FROM])
def test_a_row_that_postgresql_cannot_hold_is_refused_alone(
    writer: TradeWriter, unfit: str, count: int
) -> None:
    bad = replace(trade(4), **UNFIT[unfit])
    batch = [bad if one.id == 4 else one for one in trades(count)]
    with pytest.raises(RefusedRow):
        writer.insert(batch)
    assert ids(writer.store) == []
    refused: list[Trade] = []
    assert insert_each(writer, batch, lambda one, _: refused.append(one)) == count - 1
    assert refused == [bad]
    assert ids(writer.store) == [id for id in range(1, count + 1) if id != 4]


@pytest.mark.parametrize("size", [COPY_FROM - 1, 1500])
def test_two_writers_of_the_same_rows_in_other_orders_do_not_deadlock(
    database_url: str, size: int
) -> None:
    """Round after round both store one batch at once, each from its own end."""
    rounds = 12
    batches = [
        [
            trade(id, symbol=("A", "B")[id % 2], traded_at=NOON + id % 3 * DAY + id)
            for id in range(number * size + 1, (number + 1) * size + 1)
        ]
        for number in range(rounds)
    ]
    counts = [0, 0]
    together = Barrier(2, timeout=30)

    def write(number: int) -> None:
        with connect(database_url, f"writer {number}") as store:
            writer = TradeWriter(store)
            for batch in batches:
                together.wait()
                counts[number] += writer.insert(reversed(batch) if number else batch)

    threads = [Thread(target=write, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with connect(database_url, "test") as store:
        assert ids(store) == list(range(1, rounds * size + 1))
    assert sum(counts) == rounds * size


def partitions(store: Store) -> set[str]:
    named = "SELECT relid::text FROM pg_partition_tree('trades') WHERE level = 1"
    return {name for (name,) in store.execute(named)}


def has_native_days(store: Store) -> bool:
    return store.execute("SELECT layout FROM instance").fetchone() == ("partitions",)


@pytest.fixture
def native(writer: TradeWriter) -> TradeWriter:
    if not has_native_days(writer.store):
        pytest.skip("a hypertable makes its own chunks")
    return writer


def test_days_get_their_partitions_ahead_of_need(native: TradeWriter) -> None:
    assert native.make_ahead(NOON // DAY)
    names = {"trades_20240808", "trades_20240809", "trades_20240810", "trades_20240811"}
    assert partitions(native.store) == names | {"trades_default"}


def test_old_days_get_theirs_when_they_come(native: TradeWriter) -> None:
    native.insert([trade(1), trade(2, traded_at=NOON - 400 * DAY), trade(3, traded_at=-1)])
    expected = {"trades_20240808", "trades_20230705", "trades_19691231", "trades_default"}
    assert partitions(native.store) == expected
    assert native.store.execute("SELECT count(*) FROM trades_default").fetchone() == (0,)


@contextmanager
def long_transaction(url: str) -> Iterator[None]:
    """Somebody who has read the default partition, as a backup does, and does not end."""
    with connect(url, "backup") as store, store.transaction():
        store.execute("SELECT count(*) FROM trades")
        yield


def test_recent_days_are_copied_straight_into_their_partition(native: TradeWriter) -> None:
    assert native.make_ahead(NOON // DAY)
    rows = native.rows(trades(100))
    assert "trades_20240808" in native.copy_statement(rows).as_string()
    assert native.copy(rows) == 100
    assert native.insert(trades(150)) == 50
    both_days = native.rows([trade(1), trade(2, traded_at=NOON + DAY)])
    assert '"trades"' in native.copy_statement(both_days).as_string()
    assert ids(native.store) == list(range(1, 151))


def test_a_partition_dropped_under_the_writer_costs_nothing(native: TradeWriter) -> None:
    assert native.make_ahead(NOON // DAY)
    native.store.execute("DROP TABLE trades_20240808")
    assert native.insert(trades(100)) == 100
    assert ids(native.store) == list(range(1, 101))


def test_a_hypertable_is_copied_into_by_its_name(writer: TradeWriter) -> None:
    writer.make_ahead(NOON // DAY)
    if not has_native_days(writer.store):
        assert writer.copies == {}
    assert writer.insert(trades(100)) == 100


def test_a_long_transaction_holds_up_partitions_but_no_trades(
    native: TradeWriter, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "AGAIN", 0.0)
    with long_transaction(database_url):
        assert not native.make_ahead(NOON // DAY)
        assert native.insert([trade(1)]) == 1
        assert native.insert(trades(100)) == 99
        assert native.store.execute("SELECT count(*) FROM trades_default").fetchone() == (100,)
    assert native.insert([trade(101)]) == 1
    assert native.store.execute("SELECT count(*) FROM trades_default").fetchone() == (0,)
    assert ids(native.store) == list(range(1, 102))


def test_a_partition_that_could_not_be_made_is_not_tried_for_each_batch(
    native: TradeWriter, database_url: str
) -> None:
    with long_transaction(database_url):
        assert not native.make_ahead(NOON // DAY)
    assert not native.make_ahead(NOON // DAY)  # nobody is in the way, but it is early
    native.retry_at = 0.0
    assert native.make_ahead(NOON // DAY)


def test_a_day_that_was_dropped_is_made_again_when_its_trades_return(native: TradeWriter) -> None:
    native.insert([trade(1)])
    native.store.execute("DROP TABLE trades_20240808")
    native.make_ahead(NOON // DAY + 30)
    native.insert([trade(1)])
    assert "trades_20240808" in partitions(native.store)


def test_make_days_waits_for_nobody_for_long(native: TradeWriter, database_url: str) -> None:
    with long_transaction(database_url), pytest.raises(psycopg.errors.LockNotAvailable):
        make_days(native.store, date(2024, 8, 8), date(2024, 8, 8))
    assert native.store.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_a_market_has_one_number(store: Store) -> None:
    number = market_id(store, Market("kraken", "BTC/USD"))
    assert market_id(store, Market("kraken", "BTC/USD")) == number
    assert market_id(store, Market("kraken", "ETH/USD")) != number


def test_seconds_are_remembered_but_not_without_end() -> None:
    seconds = Seconds()
    assert seconds[0] == "1970-01-01 00:00:00"
    assert seconds[-1] == "1969-12-31 23:59:59"
    for second in range(text.REMEMBERED + 5):
        assert seconds[second]
    assert len(seconds) <= text.REMEMBERED


def test_a_lost_connection_is_said_to_be_one(writer: TradeWriter, database_url: str) -> None:
    with connect(database_url, "admin") as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [writer.store.info.backend_pid])
    with pytest.raises(writing.AWAY):
        writer.insert(trades(100))
