"""Gaps that were written before they had a life of their own."""

from alphapulse.migrate import LEDGER, apply, find_migrations, sql_directory
from alphapulse.store.connect import connect
from alphapulse.store.gaps import open_gaps, report
from alphapulse.trade import Gap, Market

BTC = Market("kraken", "BTC/USD")

OLD = """
INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, cause, closed_at)
SELECT market_id, after_id, before_id, now(), now(), cause, closed_at
FROM markets, (VALUES (1, 5, 'reconnect', NULL::timestamptz), (3, 8, 'jump', NULL),
                      (10, 12, 'heartbeat', now()), (20, NULL, 'odd', now())) AS v
    (after_id, before_id, cause, closed_at)"""


def test_old_gaps_keep_their_history_under_the_new_words(empty_database: str) -> None:
    with connect(empty_database, "test") as store:
        store.execute(LEDGER.encode())
        for migration in find_migrations(sql_directory()):
            if migration.name.startswith("0006"):
                store.execute("INSERT INTO markets (exchange, symbol) VALUES ('kraken', 'BTC/USD')")
                store.execute(OLD)
            apply(store, migration, simulated=False)
        causes = store.execute("SELECT cause, revision, filled FROM gaps ORDER BY gap_id")
        assert causes.fetchall() == [
            ("disconnect", 1, 0),
            ("sequence hole", 1, 0),
            ("heartbeat", 1, 0),
            ("unknown", 1, 0),
        ]
        report(store, Gap(BTC, 4, 0, 30, 0), "disconnect")  # and touch one another as they did not
        found = {(one.gap.after_id, one.gap.before_id) for one in open_gaps(store, "kraken")}
        assert found == {(1, 11), (11, 30)}
