"""Dagster's own events, which it never deletes: old ones go, and what partitions are stays known.

Deleting a run through Dagster deletes its materializations, and then partitions are missing. So the
newest event of each kind of each asset and partition stays for ever, as do runs, and whatever
belongs to a run that is under way.
"""

from msgspec import Struct

from alphapulse.store.connect import Store

BATCH = 5_000  # rows of one transaction: nobody waits long for them

# Events of assets of which the newest per partition tells all that Dagster asks of a partition.
HISTORY = [
    "ASSET_MATERIALIZATION",
    "ASSET_MATERIALIZATION_PLANNED",
    "ASSET_FAILED_TO_MATERIALIZE",
    "ASSET_OBSERVATION",
]
CHECKS = ["ASSET_CHECK_EVALUATION", "ASSET_CHECK_EVALUATION_PLANNED"]
ENDED = ["SUCCESS", "FAILURE", "CANCELED"]

CUTOFF = "SELECT (now() AT TIME ZONE 'UTC') - make_interval(days => %s)"

EXECUTIONS = """
DELETE FROM asset_check_executions WHERE id IN (
    SELECT id FROM asset_check_executions e
    WHERE coalesce(evaluation_event_timestamp, create_timestamp) < %(cutoff)s AND EXISTS (
        SELECT FROM asset_check_executions n
        WHERE n.asset_key = e.asset_key AND n.check_name = e.check_name
          AND n.partition IS NOT DISTINCT FROM e.partition AND n.id > e.id
          AND n.execution_status <> 'PLANNED')
    LIMIT %(batch)s)"""

EVENTS = """
WITH gone AS (
    DELETE FROM event_logs WHERE id IN (
        SELECT id FROM event_logs e
        WHERE timestamp < %(cutoff)s
          AND NOT EXISTS (
              SELECT FROM runs r WHERE r.run_id = e.run_id AND r.status <> ALL (%(ended)s))
          AND (
            dagster_event_type IS NULL OR dagster_event_type NOT LIKE 'ASSET\\_%%'
            OR dagster_event_type = ANY (%(history)s) AND (
                EXISTS (SELECT FROM event_logs n
                        WHERE n.asset_key = e.asset_key AND n.partition = e.partition
                          AND n.dagster_event_type = e.dagster_event_type AND n.id > e.id)
                OR e.partition IS NULL AND EXISTS (
                        SELECT FROM event_logs n
                        WHERE n.asset_key = e.asset_key AND n.partition IS NULL
                          AND n.dagster_event_type = e.dagster_event_type AND n.id > e.id))
            OR dagster_event_type = ANY (%(checks)s) AND e.id NOT IN (
                SELECT evaluation_event_storage_id FROM asset_check_executions
                WHERE evaluation_event_storage_id IS NOT NULL))
        LIMIT %(batch)s)
    RETURNING id
), tags AS (
    DELETE FROM asset_event_tags WHERE event_id IN (SELECT id FROM gone) RETURNING id
)
SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM tags)"""

SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relname IN (
    'event_logs', 'asset_event_tags', 'asset_check_executions', 'job_ticks', 'runs')"""


class Pruned(Struct, frozen=True):
    """Rows that were deleted, and what Dagster's tables take on disk (they are reused, not given
    back).
    """

    events: int = 0
    tags: int = 0
    check_executions: int = 0
    bytes: int = 0


def prune_events(store: Store, days: int, batch: int = BATCH) -> Pruned:
    """Delete what is older than `days` in Dagster's database; 0: nothing. In small transactions."""
    events = tags = executions = 0
    if days:
        (cutoff,) = store.execute(CUTOFF, [days]).fetchone() or (None,)
        values = {
            "cutoff": cutoff,
            "batch": batch,
            "history": HISTORY,
            "checks": CHECKS,
            "ended": ENDED,
        }
        while done := store.execute(EXECUTIONS, values).rowcount:
            executions += done
        while True:
            gone, untagged = store.execute(EVENTS, values).fetchone() or (0, 0)
            events, tags = events + gone, tags + untagged
            if not gone:
                break
    (size,) = store.execute(SIZE).fetchone() or (0,)
    return Pruned(events, tags, executions, int(size))
