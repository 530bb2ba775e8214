"""What transactions are called here: nothing of another cluster's numbers stays."""

from alphapulse.store.connect import Store
from alphapulse.store.restoring import in_order, loading, settle_snapshots
from tests.stored import BTC, DAY, store_market

EXPORTED = """
INSERT INTO coverage (market_id, day, verdict, reason, is_provisional, exported_at, snapshot)
VALUES (%(id)s, %(day)s, 'complete', 'x', false, now(), '900000000:900000009:900000003'),
       (%(id)s, %(day)s::date + 1, 'complete', 'x', false, now(), '900000000:900000009:'),
       (%(id)s, %(day)s::date + 2, 'unknown', 'x', true, null, null)"""


def test_exports_saw_what_the_restore_stored_but_for_late_days(store: Store) -> None:
    id = store_market(store, BTC)
    store.execute(EXPORTED, {"id": id, "day": DAY})
    with loading(store) as tx:
        settle_snapshots(store, tx, [(id, DAY)])
    found = store.execute("SELECT snapshot::text FROM coverage ORDER BY day").fetchall()
    assert found == [(f"{tx}:{tx}:",), (f"{tx + 1}:{tx + 1}:",), (None,)]
    (seen,) = store.execute(
        "SELECT array_agg(pg_visible_in_snapshot(%s::text::xid8, snapshot) ORDER BY day)"
        " FROM coverage WHERE snapshot IS NOT NULL",
        [tx],
    ).fetchone() or ([],)
    assert seen == [False, True]


def test_what_retention_dropped_elsewhere_cuts_off_no_reader_here(store: Store) -> None:
    store.execute("CREATE TEMP TABLE dropped_days (last_tx bigint)")
    store.execute("INSERT INTO dropped_days VALUES (900000000), (3)")
    with loading(store) as tx:
        settle_snapshots(store, tx, [])
    found = store.execute("SELECT last_tx FROM pg_temp.dropped_days ORDER BY 1").fetchall()
    assert found == [(3,), (tx,)]


def test_tables_come_behind_those_that_they_refer_to(store: Store) -> None:
    found = in_order(store, ["uptime", "gaps", "coverage", "markets"])
    assert found[0] == "markets"
    assert set(found) == {"uptime", "gaps", "coverage", "markets"}
