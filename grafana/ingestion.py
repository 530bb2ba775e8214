"""How much comes in, how much of it is stored, and who is alive."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.parts import bars, exchanges, figure, graph, page
from grafana.seconds import of_collectors, of_stream, rate

NOW_RATE = """
SELECT coalesce(sum(trades), 0)::float8 / 60 AS value FROM collector_seconds
WHERE at >= now() - interval '62 seconds' AND at < now() - interval '2 seconds'
  AND exchange IN ($exchange)"""

ALIVE = """
SELECT count(DISTINCT exchange) AS value FROM collector_seconds
WHERE at > now() - interval '30 seconds' AND exchange IN ($exchange)"""

DATABASE = "SELECT pg_database_size(current_database()) AS value"

NEWEST = """
SELECT extract(epoch FROM now() - max(at))::float8 AS value FROM collector_seconds
WHERE exchange IN ($exchange)"""


def changes(*columns: str) -> str:
    sums = ", ".join(f"sum({column}) AS {column}" for column in columns)
    return f"""
    SELECT $__timeGroupAlias(at,$__interval), {sums}
    FROM {of_collectors(", ".join(columns))}
    GROUP BY 1 ORDER BY 1"""


def peak(column: str) -> str:
    return f"""
    SELECT $__timeGroupAlias(at,$__interval), exchange AS metric, max({column})::float8 AS value
    FROM {of_collectors(column)}
    GROUP BY 1, 2 ORDER BY 1, 2"""


STREAM = f"""
SELECT $__timeGroupAlias(at,$__interval), sum(sent)::float8 / sum(seconds) AS "frames a second",
       max(clients)::float8 AS clients
FROM {of_stream("sent, clients")}
GROUP BY 1 ORDER BY 1"""


def make() -> Dashboard:
    return page(
        "ingestion",
        "AlphaPulse: ingestion",
        "Trades from the exchanges' sockets to the database and on to stream clients.",
        [
            [
                (figure("Trades a second", "Mean of the last minute.", "short", NOW_RATE), 4),
                (figure("Collectors alive", "Told something in the last 30 s.", "none", ALIVE), 4),
                (figure("Newest statistics", "Their age.", "s", NEWEST, bad_from=30), 4),
                (figure("Database", "On disk, indexes included.", "bytes", DATABASE), 4),
            ],
            [
                (graph("Trades received", "A second, by exchange.", "short", rate("trades")), 9),
                (graph("Bytes received", "Payload, by exchange.", "Bps", rate("bytes")), 9),
            ],
            [
                (
                    bars(
                        "Stored and repeated",
                        "Repeats were stored before: snapshots, repairs, restarts.",
                        "short",
                        changes("stored", "repeats"),
                    ),
                    8,
                ),
                (
                    bars(
                        "Connections",
                        "Made and lost, and frames that no parser understood.",
                        "short",
                        changes("connects", "disconnects", "rejected"),
                    ),
                    8,
                ),
            ],
            [
                (graph("Queue", "Most trades that waited for the database.", "short",
                       peak("queue_rows")), 8),
                (graph("Journal behind", "Raw frames that are not in the database yet.", "bytes",
                       peak("journal_lag_bytes")), 8),
                (graph("Stream", "Frames to clients, and how many clients.", "short", STREAM), 8),
            ],
        ],
        [exchanges()],
    )  # fmt: skip
