"""The streamer's statements on a real database: which rows lie between two places."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from alphapulse.cursor import Cursor, Heard
from alphapulse.notice import GapState, Row, decode
from alphapulse.store import stream
from alphapulse.store.connect import Store, StoreUnavailable, connect
from alphapulse.trade import Market, Side, Source
from tests.chunk import make_first_chunk
from tests.stored import BTC, store_market


@pytest.fixture
def database_url(database_url: str) -> str:
    return make_first_chunk(database_url)


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MICROS = int(NOON.timestamp()) * 1_000_000


@pytest.fixture
def reader(database_url: str) -> Iterator[Store]:
    with connect(database_url, "test reader", read_only=True) as connection:
        yield connection


def insert(store: Store, *ids: int, market: int = 1) -> int:
    """Trades a second apart, as their ids say; gives the transaction, 0 where none was new."""
    rows = store.execute(
        "INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)"
        " SELECT %s + id * interval '1 s', %s, id, %s, 's', 10.50, 2"
        " FROM unnest(%s::bigint[]) AS id"
        " RETURNING tx",
        [NOON, NOON, market, list(ids)],
    ).fetchall()
    return int(rows[0][0]) if rows else 0


def here(store: Store) -> Cursor:
    return Heard(stream.epoch(store), stream.snapshot(store)).cursor()


def ids_between(
    store: Store, after: Cursor, upto: Cursor, markets: set[int] | None = None
) -> list[int]:
    chunks = list(stream.rows_between(store, after, upto, markets, 3))
    assert all(len(chunk) == 3 for chunk in chunks[:-1])
    rows = [row for chunk in chunks for _, row in chunk]
    assert stream.count_between(store, after, upto, markets, 10**6) == len(rows)
    return [row.trade_id for row in rows]


def test_the_epoch_is_a_name_of_this_database(store: Store, reader: Store, server_url: str) -> None:
    name = stream.epoch(store)
    assert stream.epoch(reader) == name
    assert Cursor.parse(f"{name}-1").epoch == name
    with connect(server_url, "test") as elsewhere:
        assert stream.epoch(elsewhere) != name


def test_whoever_may_only_read_can_ask_for_the_epoch(store: Store) -> None:
    store.execute("CREATE ROLE streamer_test_reader")
    try:
        name = stream.epoch(store)
        store.execute("SET ROLE streamer_test_reader")
        assert stream.epoch(store) == name
    finally:
        store.execute("RESET ROLE")
        store.execute("DROP ROLE streamer_test_reader")


def test_a_row_comes_with_its_exact_texts(store: Store, reader: Store) -> None:
    before = here(store)
    tx = insert(store, 4)
    ((placed,),) = stream.rows_between(reader, before, here(store), None, 10)
    ((seq,),) = store.execute("SELECT seq FROM trades").fetchall()
    row = Row(seq, 1, 4, MICROS + 4_000_000, MICROS, Side.SELL, Source.LIVE, "10.50", "2")
    assert placed == (tx, row)


def test_rows_come_by_transaction_in_chunks(store: Store, reader: Store) -> None:
    before = here(store)
    insert(store, 9, 8)
    insert(store, 1)
    insert(store, 7, 6, 5, 4)
    assert ids_between(reader, before, here(store)) == [9, 8, 1, 7, 6, 5, 4]


def test_only_what_lies_between_is_read(store: Store, reader: Store) -> None:
    insert(store, 1)
    after = here(store)
    insert(store, 2)
    upto = here(store)
    insert(store, 3)
    assert ids_between(reader, after, upto) == [2]
    assert ids_between(reader, after, after) == []


def test_an_open_transaction_is_missing_until_it_has_ended(
    store: Store, reader: Store, database_url: str
) -> None:
    with connect(database_url, "late") as late:
        late.execute("BEGIN")
        insert(late, 1)
        insert(store, 2)
        after = here(store)
        assert after.pending
        late.execute("COMMIT")
    insert(store, 3)
    assert ids_between(reader, after, here(store)) == [1, 3]


def test_the_rest_of_an_unfinished_transaction_comes_first(store: Store, reader: Store) -> None:
    start = here(store)
    insert(store, 1)
    tx = insert(store, 10, 11, 12)
    upto = here(store)
    ((seq,),) = store.execute("SELECT seq FROM trades WHERE trade_id = 11").fetchall()
    after = Cursor(start.epoch, start.xmax, start.pending, tx, seq)
    assert ids_between(reader, after, upto) == [12, 1]


def test_only_the_markets_asked_for_are_read(store: Store, reader: Store) -> None:
    before = here(store)
    insert(store, 1, market=1)
    insert(store, 2, market=2)
    insert(store, 3, market=3)
    assert ids_between(reader, before, here(store), {1, 3}) == [1, 3]
    assert ids_between(reader, before, here(store), set()) == []


def test_counting_stops_where_it_is_told(store: Store, reader: Store) -> None:
    before = here(store)
    insert(store, *range(50))
    assert stream.count_between(reader, before, here(store), None, 7) == 7


def test_rows_that_this_database_never_stored_have_no_place(store: Store, reader: Store) -> None:
    before = here(store)
    insert(store, 1)
    store.execute("UPDATE trades SET tx = tx + 1000000000")
    assert ids_between(reader, before, Cursor(before.epoch, before.xmax + 2_000_000_000)) == []


def test_a_reader_that_stops_early_leaves_the_connection_usable(
    store: Store, reader: Store
) -> None:
    before = here(store)
    insert(store, *range(10))
    chunks = stream.rows_between(reader, before, here(store), None, 3)
    assert len(stream.following(chunks)) == 3
    chunks.close()
    assert stream.following(chunks) == []
    assert reader.info.transaction_status.name == "IDLE"


def test_the_rows_of_a_transaction_by_place_or_all(store: Store, reader: Store) -> None:
    insert(store, 1)
    tx = insert(store, 5, 6, 7)
    seqs = [row.seq for row in stream.rows_of(reader, tx)]
    assert [row.trade_id for row in stream.rows_of(reader, tx)] == [5, 6, 7]
    assert [row.trade_id for row in stream.rows_of(reader, tx, seqs[1:])] == [6, 7]
    assert stream.rows_of(reader, tx + 1) == []


def test_the_last_trades_of_each_market_oldest_first(store: Store, reader: Store) -> None:
    insert(store, 5, 1, 3, market=1)
    insert(store, 4, 2, market=2)
    insert(store, 9, market=3)
    rows = stream.last_rows(reader, here(store), {1, 2, 8}, 2)
    assert [(row.market_id, row.trade_id) for _, row in rows] == [(2, 2), (1, 3), (2, 4), (1, 5)]
    assert stream.last_rows(reader, here(store), {1}, 0) == []


def test_the_last_trades_end_at_the_place(store: Store, reader: Store, database_url: str) -> None:
    with connect(database_url, "late") as late:
        late.execute("BEGIN")
        insert(late, 2)
        insert(store, 1)
        upto = here(store)
        late.execute("COMMIT")
    insert(store, 3)
    assert [row.trade_id for _, row in stream.last_rows(reader, upto, {1}, 9)] == [1]


def test_markets_are_read_with_their_ids(store: Store, reader: Store) -> None:
    store.execute("INSERT INTO markets (exchange, symbol) VALUES ('kraken', 'BTC/USD')")
    assert list(stream.read_markets(reader).values()) == [Market("kraken", "BTC/USD")]
    assert stream.is_simulated(reader) is False


def open_gap(store: Store, after_id: int, before_id: int | None = None) -> int:
    row = store.execute(
        "INSERT INTO gaps (market_id, after_id, after_at, before_id, cause)"
        " SELECT market_id, %s, %s, %s, 'restart' FROM markets RETURNING gap_id",
        [after_id, NOON, before_id],
    ).fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def gaps(store: Store) -> list[int]:
    """Ids of an open gap, one that is repaired, an open one, and one that is absent."""
    store.execute("INSERT INTO markets (exchange, symbol) VALUES ('kraken', 'BTC/USD')")
    ids = [open_gap(store, 10, 20), open_gap(store, 30), open_gap(store, 50), open_gap(store, 70)]
    close = "UPDATE gaps SET state = %s, closed_at = now() WHERE gap_id = %s"
    store.execute(close, ["repaired", ids[1]])
    store.execute(close, ["absent", ids[3]])
    return ids


def test_open_gaps_are_read_as_they_are_announced(
    store: Store, reader: Store, database_url: str
) -> None:
    with connect(database_url, "test ear", read_only=True) as ear:
        stream.listen(ear)
        store.execute("INSERT INTO markets (exchange, symbol) VALUES ('kraken', 'BTC/USD')")
        id = open_gap(store, 10, 20)
        (announced,) = (decode(n.payload) for n in ear.notifies(timeout=10, stop_after=1))
    found = stream.read_gaps(reader, [], None, 10)
    assert found == {id: announced}
    assert found[id].after_at == MICROS


def test_gaps_that_are_known_or_new_are_read_though_they_are_closed(
    reader: Store, gaps: list[int]
) -> None:
    first, repaired, open_one, absent = gaps
    assert list(stream.read_gaps(reader, [], None, 10)) == [first, open_one]
    assert list(stream.read_gaps(reader, [repaired, 999], None, 10)) == [first, repaired, open_one]
    assert list(stream.read_gaps(reader, [], open_one, 10)) == [first, open_one, absent]
    assert stream.read_gaps(reader, [], 0, 10)[absent].state is GapState.ABSENT


def test_no_more_gaps_are_read_than_asked_for(reader: Store, gaps: list[int]) -> None:
    assert list(stream.read_gaps(reader, [], None, 1)) == [gaps[2]]
    assert list(stream.read_gaps(reader, [], 0, 1)) == [gaps[2], gaps[3]]


def test_a_gap_beyond_all_dates_does_not_stop_the_streamer(
    store: Store, reader: Store, gaps: list[int]
) -> None:
    store.execute("UPDATE gaps SET after_at = 'infinity' WHERE gap_id = %s", [gaps[0]])
    store.execute("UPDATE gaps SET before_at = '-infinity' WHERE gap_id = %s", [gaps[1]])
    assert list(stream.read_gaps(reader, gaps, 0, 10)) == gaps[2:]


def test_a_listener_may_be_read_only(reader: Store, database_url: str) -> None:
    stream.listen(reader)
    with connect(database_url, "voice", read_only=True) as voice:
        stream.mark_durably(voice)
        stream.send_mark(voice, "@hello")
    assert [notify.payload for notify in reader.notifies(timeout=10, stop_after=1)] == ["@hello"]


def test_a_dead_connection_is_store_unavailable(store: Store, reader: Store) -> None:
    store.execute("SELECT pg_terminate_backend(%s)", [reader.info.backend_pid])
    with pytest.raises(StoreUnavailable):
        stream.snapshot(reader)
    with pytest.raises(StoreUnavailable):
        list(stream.rows_between(reader, Cursor("a", 1), Cursor("a", 9), None, 3))


def test_what_retention_removed_is_known_by_its_record(store: Store, reader: Store) -> None:
    store_market(store, BTC)
    place = here(store)
    assert not stream.has_dropped_since(reader, place)
    store.execute(
        "INSERT INTO dropped_days (market_id, day, rows, checksum, last_id, last_at, last_tx, "
        "first_ids, last_ids) SELECT market_id, '2024-08-08', 1, 1, 1, now(), %s, '{1}', '{1}' "
        "FROM markets LIMIT 1",
        [insert(store, 1)],
    )
    assert stream.has_dropped_since(reader, place)
    later = here(store)  # of which other databases of the cluster may hold transactions open
    assert not stream.has_dropped_since(reader, Cursor(later.epoch, later.xmax))
