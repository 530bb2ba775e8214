"""What market_data.duckdb holds itself: small tables, and the views and macros over the files."""

from pathlib import Path

from duckdb import DuckDBPyConnection

from alphapulse.archive.views import CANDLES, TRADES, Day, Shelf, of_market, shown

FILES = """
CREATE TABLE files AS FROM catalogue ORDER BY exchange, symbol, date;
COMMENT ON TABLE files IS 'One row per market-day, where it lies, and what its file certifies.';
CREATE TABLE candle_files AS FROM candle_catalogue ORDER BY size, exchange, symbol, date;
COMMENT ON TABLE candle_files IS 'The same of candles.';
CREATE TABLE seen AS FROM found ORDER BY path;
COMMENT ON TABLE seen IS 'Every file that lay there when this was written.';
CREATE VIEW days AS
    SELECT date, count(*) AS markets, sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes,
           bool_and(day_closed) AS day_closed
    FROM files GROUP BY date ORDER BY date;"""

COVERAGE = """
SELECT exchange, symbol, day AS date, verdict, reason, expected, stored, missing, absent, repaired,
       unexplained, observed, is_provisional, judged_at, exported_at, reopened_at
FROM store.market_coverage"""

CERTIFIED = """
SELECT exchange, symbol, date, verdict, reason, expected, rows AS stored, missing, absent, repaired,
       unexplained, observed, NOT day_closed AS is_provisional, exported_at AS judged_at,
       exported_at, NULL::TIMESTAMPTZ AS reopened_at
FROM files WHERE verdict IS NOT NULL"""

GAPS = """
SELECT exchange, symbol, gap_id, after_id, before_id, after_at, before_at, state, cause, found_at,
       closed_at, attempts, filled, absent, note
FROM store.market_gaps"""

NO_GAPS = """
SELECT NULL::VARCHAR AS exchange, NULL::VARCHAR AS symbol, NULL::BIGINT AS gap_id,
       NULL::BIGINT AS after_id, NULL::BIGINT AS before_id, NULL::TIMESTAMPTZ AS after_at,
       NULL::TIMESTAMPTZ AS before_at, NULL::VARCHAR AS state, NULL::VARCHAR AS cause,
       NULL::TIMESTAMPTZ AS found_at, NULL::TIMESTAMPTZ AS closed_at, NULL::INTEGER AS attempts,
       NULL::BIGINT AS filled, NULL::BIGINT AS absent, NULL::VARCHAR AS note
LIMIT 0"""

MARKETS = """
WITH stored AS ({stored}),
    archived AS (
        SELECT exchange, symbol, count(*) AS days, sum(rows)::BIGINT AS trades,
               min(date) AS first_day, max(date) AS last_day, bool_or(simulated) AS simulated
        FROM {files} GROUP BY exchange, symbol)
SELECT exchange, symbol, coalesce(days, 0) AS days, coalesce(trades, 0) AS trades, first_day,
       last_day, simulated, counts_trades, first_seen_at, refused_at, refusal
FROM stored FULL JOIN archived USING (exchange, symbol)"""

STORED = """
SELECT exchange, symbol, counts_trades, first_seen_at, refused_at, refusal FROM store.markets"""

NONE_STORED = """
SELECT NULL::VARCHAR AS exchange, NULL::VARCHAR AS symbol, NULL::BOOLEAN AS counts_trades,
       NULL::TIMESTAMPTZ AS first_seen_at, NULL::TIMESTAMPTZ AS refused_at,
       NULL::VARCHAR AS refusal LIMIT 0"""

INFO = """
CREATE TABLE archive_info AS
SELECT now() AS written_at, CASE WHEN $with_store THEN now() END AS store_seen_at,
       $parquet::VARCHAR AS parquet, $candles::VARCHAR AS candles"""

OF_INFO = """
COMMENT ON TABLE archive_info IS
    'When this was written, and as of when coverage, gaps and markets are
    the store''s (null: the files'').';"""


def describe(duck: DuckDBPyConnection, parquet: Path, candles: Path, *, with_store: bool) -> None:
    """Everything in the file, from the registered `catalogue` and `candle_catalogue`.

    With the store: it is attached as `store`.
    """
    duck.execute(FILES)
    words = {"with_store": with_store, "parquet": str(parquet), "candles": str(candles)}
    duck.execute(INFO, words)
    duck.execute(OF_INFO)
    write_tables(duck, with_store=with_store)
    show(duck, TRADES, parquet)
    show(duck, CANDLES, candles)


def write_tables(duck: DuckDBPyConnection, *, with_store: bool) -> None:
    stored = STORED if with_store else NONE_STORED
    tables = {
        "coverage": COVERAGE if with_store else CERTIFIED,
        "gaps": GAPS if with_store else NO_GAPS,
        "markets": MARKETS.format(stored=stored, files="files"),
    }
    for name, query in tables.items():
        duck.execute(f"CREATE TABLE {name} AS {query}")


def show(duck: DuckDBPyConnection, shelf: Shelf, root: Path) -> None:
    """A view of the closed days, one of all, and a macro for one market."""
    columns = ", ".join([*shelf.names, "row_group IS NOT NULL", "day_closed"])
    rows = duck.table(shelf.files).project(columns).fetchall()
    days = [
        (Day(tuple(folder), date, in_month), is_closed)
        for *folder, date, in_month, is_closed in rows
    ]
    for name, wanted in ((f"closed_{shelf.view}", True), (f"open_{shelf.view}", False)):
        found = [day for day, is_closed in days if is_closed is wanted]
        duck.execute(f"CREATE VIEW {name} AS {shown(shelf, root, found)}")
    duck.execute(
        f"CREATE VIEW {shelf.view} AS FROM closed_{shelf.view} UNION ALL FROM open_{shelf.view}"
    )
    duck.execute(of_market(shelf, root, [day for day, _ in days]))
