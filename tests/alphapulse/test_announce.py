"""The trigger in sql/ against the decoder, on a real database: what is stored is announced."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Rollback

from alphapulse.notice import CHANNEL, Doorbell, Row, Rows, decode
from alphapulse.store import stream
from alphapulse.store.connect import Store, connect
from alphapulse.trade import Side, Source
from tests.chunk import make_first_chunk


@pytest.fixture
def database_url(database_url: str) -> str:
    return make_first_chunk(database_url)


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MICROS = int(NOON.timestamp()) * 1_000_000
INSERT = (
    "INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, source, price, size)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)

Heard = Callable[[], list[str]]


@pytest.fixture
def heard(database_url: str) -> Iterator[Heard]:
    """Gives the payloads since the last call."""
    with (
        connect(database_url, "test ear", read_only=True) as ear,
        connect(database_url, "mark") as voice,
    ):
        stream.listen(ear)

        def payloads() -> list[str]:
            stream.send_mark(voice, "@end")
            found: list[str] = []
            for notify in ear.notifies(timeout=20):
                if notify.payload == "@end":
                    return found
                found.append(notify.payload)
            raise AssertionError("the mark did not come")

        yield payloads


def trade(id: int, **changes: Any) -> list[Any]:
    row = {
        "traded_at": NOON,
        "received_at": NOON + timedelta(microseconds=1500),
        "trade_id": id,
        "market_id": 7,
        "side": "b",
        "source": "l",
        "price": "100.10",
        "size": "0.50",
    }
    return list((row | changes).values())


def rows_in(payloads: list[str]) -> list[Row]:
    notices = [decode(payload) for payload in payloads]
    assert all(isinstance(notice, Rows) for notice in notices)
    return [row for notice in notices if isinstance(notice, Rows) for row in notice.rows]


def copy(store: Store, rows: list[list[Any]]) -> None:
    columns = "traded_at, received_at, trade_id, market_id, side, source, price, size"
    with store.cursor() as cursor, cursor.copy(f"COPY trades ({columns}) FROM STDIN") as copying:
        for row in rows:
            copying.write_row(row)


def test_an_inserted_row_is_announced_whole(store: Store, heard: Heard) -> None:
    store.execute(INSERT, trade(900, side="s", source="b"))
    ((tx, seq),) = store.execute("SELECT tx, seq FROM trades").fetchall()
    (payload,) = heard()
    assert decode(payload) == Rows(
        tx,
        (Row(seq, 7, 900, MICROS, MICROS + 1500, Side.SELL, Source.BACKFILL, "100.10", "0.50"),),
    )


def test_the_announcement_says_what_the_store_says(store: Store, heard: Heard) -> None:
    copy(store, [trade(id, traded_at=NOON + timedelta(microseconds=id)) for id in range(50)])
    announced = rows_in(heard())
    ((tx,),) = store.execute("SELECT DISTINCT tx FROM trades").fetchall()
    assert announced == stream.rows_of(store, tx)
    assert [row.trade_id for row in announced] == list(range(50))


@pytest.mark.parametrize("count", [1, 100, 101, 2_000])
@pytest.mark.parametrize("way", ["copy", "insert"])
def test_every_payload_is_shorter_than_8000_bytes(
    count: int, way: str, store: Store, heard: Heard
) -> None:
    rows = [
        trade(id, price="9" * (id % 41 + 1), size="1." + "5" * (id % 43)) for id in range(count)
    ]
    if way == "copy":
        copy(store, rows)
    else:
        store.execute(
            "INSERT INTO trades"
            " (traded_at, received_at, trade_id, market_id, side, source, price, size)"
            " SELECT %s, %s, id, 7, 'b', 'l', rpad('9', mod(id, 41) + 1, '9')::numeric,"
            " ('1.' || rpad('5', mod(id, 43) + 1, '5'))::numeric"
            " FROM generate_series(0, %s - 1) AS id",
            [NOON, NOON, count],
        )
    payloads = heard()
    assert max(len(payload.encode()) for payload in payloads) < 8000
    assert len(payloads) <= count / 48 + 2
    assert [row.trade_id for row in rows_in(payloads)] == list(range(count))


def test_a_row_as_wide_as_numeric_allows_is_announced_by_its_key(
    store: Store, heard: Heard
) -> None:
    wide = "1" * 131_000 + "." + "1" * 16_000
    copy(store, [trade(1), trade(2, price=wide), trade(3)])
    (payload,) = heard()
    notice = decode(payload)
    assert isinstance(notice, Doorbell)
    found = stream.rows_of(store, notice.tx, notice.seqs)
    assert [(row.trade_id, len(row.price)) for row in found] == [(1, 6), (2, len(wide)), (3, 6)]


def test_many_wide_rows_stay_under_the_limit(store: Store, heard: Heard) -> None:
    copy(store, [trade(id, price="1" * (870 if id % 2 else 2000)) for id in range(200)])
    payloads = heard()
    assert max(map(len, payloads)) < 8000
    seqs = [seq for p in payloads for seq in seqs_of(p)]
    assert seqs == sorted(seqs)
    assert len(seqs) == 200


def test_what_is_copied_into_a_partition_by_its_name_is_announced_once(
    store: Store, heard: Heard
) -> None:
    if store.execute("SELECT layout FROM instance").fetchone() != ("partitions",):
        pytest.skip("a hypertable has no partitions of ours")
    store.execute("SELECT make_days('2026-01-31', '2026-01-31')")
    store.execute(INSERT.replace("trades", "trades_20260131"), trade(1))
    store.execute(INSERT.replace("trades", "trades_default"), trade(2, traded_at=NOON + 9 * DAY))
    store.execute(INSERT, trade(3))
    assert [row.trade_id for row in rows_in(heard())] == [1, 2, 3]
    store.execute("SELECT make_days('2026-02-09', '2026-02-09')")  # moves the second row
    assert heard() == []


def seqs_of(payload: str) -> list[int]:
    notice = decode(payload)
    if isinstance(notice, Rows):
        return [row.seq for row in notice.rows]
    assert isinstance(notice, Doorbell)
    return list(notice.seqs)


def test_a_statement_that_stores_nothing_announces_nothing(store: Store, heard: Heard) -> None:
    store.execute(INSERT, trade(1))
    heard()
    store.execute(INSERT + " ON CONFLICT DO NOTHING", trade(1))
    store.execute("INSERT INTO trades SELECT * FROM trades WHERE false")
    assert heard() == []


def test_only_the_rows_that_are_new_are_announced(store: Store, heard: Heard) -> None:
    store.execute(INSERT, trade(2))
    heard()
    store.execute(
        "INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)"
        " SELECT %s, %s, id, 7, 'b', 1, 1 FROM generate_series(1, 3) AS id ON CONFLICT DO NOTHING",
        [NOON, NOON],
    )
    assert [row.trade_id for row in rows_in(heard())] == [1, 3]


def test_rows_of_many_days_in_one_copy_keep_their_order(store: Store, heard: Heard) -> None:
    store.execute("SELECT make_days('2026-01-29', '2026-02-02')")
    days = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
    copy(
        store,
        [trade(id, traded_at=NOON + timedelta(days=day - 5)) for id, day in enumerate(days)],
    )
    rows = rows_in(heard())
    assert [row.trade_id for row in rows] == list(range(len(days)))
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)


def test_statements_of_one_transaction_come_in_their_order(store: Store, heard: Heard) -> None:
    with store.transaction():
        for id in (5, 4, 3):
            store.execute(INSERT, trade(id))
        with store.transaction():
            store.execute(INSERT, trade(2))
            raise Rollback
        store.execute(INSERT, trade(1))
    payloads = heard()
    assert len({payload.partition("|")[0] for payload in payloads}) == 1
    rows = rows_in(payloads)
    assert [row.trade_id for row in rows] == [5, 4, 3, 1]
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)


def test_an_aborted_transaction_announces_nothing(store: Store, heard: Heard) -> None:
    with store.transaction():
        store.execute(INSERT, trade(1))
        raise Rollback
    assert heard() == []


def test_equal_trades_are_announced_each(store: Store, heard: Heard) -> None:
    with store.transaction():
        store.execute(INSERT, trade(1))
        store.execute(INSERT, trade(2))
    assert len(rows_in(heard())) == 2


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-1", "0", "1e-90", "100.1000"])
def test_any_number_is_announced_as_the_store_writes_it(
    price: str, store: Store, heard: Heard
) -> None:
    store.execute(INSERT, trade(1, price=price))
    ((text,),) = store.execute("SELECT price::text FROM trades").fetchall()
    (row,) = rows_in(heard())
    assert row.price == text


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "294276-12-31Z", "4713-01-01 BC"])
def test_an_impossible_time_does_not_stop_the_insert(
    moment: str, store: Store, heard: Heard
) -> None:
    try:
        store.execute(INSERT, trade(1, traded_at=moment))
    except psycopg.Error as refusal:  # a hypertable has no chunk for some of them
        assert "chunk" in str(refusal) or "out of range" in str(refusal)  # noqa: PT017
        return
    (payload,) = heard()
    notice = decode(payload)
    assert isinstance(notice, Doorbell | Rows)
    assert len(stream.rows_of(store, notice.tx)) == 0


SESSIONS = [
    "SET search_path = pg_catalog",
    "SET search_path = ''",
    "SET datestyle = 'SQL, DMY'",
    "SET timezone = 'Asia/Kathmandu'",
    "SET intervalstyle = 'sql_standard'",
    "SET extra_float_digits = -15",
    "SET lc_numeric = 'C'",
    "SET client_encoding = 'LATIN1'",
]


@pytest.mark.parametrize("setting", SESSIONS)
def test_the_session_of_the_writer_changes_nothing(
    setting: str, store: Store, heard: Heard
) -> None:
    store.execute(setting)
    at = datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC)
    row = trade(1, traded_at=at, received_at=at + timedelta(days=40, microseconds=1))
    store.execute(INSERT.replace("INTO trades", "INTO public.trades"), row)
    (announced,) = rows_in(heard())
    micros = int(at.timestamp()) * 1_000_000 + 999_999
    assert (announced.traded_at, announced.received_at) == (
        micros,
        micros + 40 * 86_400_000_000 + 1,
    )
    assert announced.price == "100.10"


@pytest.mark.parametrize("year", [1970, 1999, 2009, 2026, 2038, 2099])
def test_times_are_exact_to_the_microsecond(year: int, store: Store, heard: Heard) -> None:
    start = datetime(year, 7, 1, tzinfo=UTC)
    moments = [start + timedelta(microseconds=n * 999_983) for n in range(300)]
    copy(store, [trade(n, traded_at=at, received_at=start) for n, at in enumerate(moments)])
    rows = rows_in(heard())
    base = int(start.timestamp()) * 1_000_000
    assert [row.traded_at for row in rows] == [base + n * 999_983 for n in range(300)]
    assert {row.received_at for row in rows} == {base}


def test_the_channel_is_the_one_that_listeners_know(store: Store) -> None:
    source = store.execute(
        "SELECT prosrc FROM pg_proc WHERE proname = 'announce_trades'"
    ).fetchone()
    assert source and f"pg_notify('{CHANNEL}'" in source[0]
