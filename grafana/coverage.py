"""Whether each market's day is whole."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.parts import GREEN, GREY, RED, YELLOW, days, exchanges, figure, page, rows

VERDICTS = {
    "3": ("complete", GREEN),
    "2": ("complete with absences", YELLOW),
    "1": ("unknown", GREY),
    "0": ("incomplete", RED),
}

JUDGED = """
FROM market_coverage
WHERE day >= $__timeFrom()::timestamptz::date AND day <= $__timeTo()::timestamptz::date
  AND exchange IN ($exchange)"""

DAYS = f"""
SELECT day::timestamp AT TIME ZONE 'UTC' AS time, exchange || '/' || symbol AS metric,
       CASE verdict WHEN 'complete' THEN 3 WHEN 'complete with absences' THEN 2
                    WHEN 'unknown' THEN 1 ELSE 0 END AS value
{JUDGED}
ORDER BY 1, 2"""

SHARE = f"""
SELECT 100 * avg((verdict IN ('complete', 'complete with absences'))::int)::float8 AS value
{JUDGED} AND NOT is_provisional"""

INCOMPLETE = f"SELECT count(*) AS value {JUDGED} AND verdict = 'incomplete'"
MISSING = f"SELECT coalesce(sum(missing), 0) AS value {JUDGED}"
REPAIRED = f"SELECT coalesce(sum(repaired), 0) AS value {JUDGED}"

REASONS = f"""
SELECT day, exchange, symbol, verdict, reason, expected, stored, repaired, absent, missing,
       round(100 * observed::numeric, 2) AS "observed %", is_provisional, judged_at
{JUDGED} AND verdict <> 'complete'
ORDER BY day DESC, exchange, symbol LIMIT 500"""


def make() -> Dashboard:
    return page(
        "coverage",
        "AlphaPulse: coverage",
        "Of each market and UTC day: is every trade there, and if not, what is missing and why.",
        [
            [
                (figure("Whole days", "Of those that are over.", "percent", SHARE), 4),
                (figure("Incomplete", "Market-days.", "none", INCOMPLETE, bad_from=1), 4),
                (figure("Trades missing", "Ids that ought to be there.", "short", MISSING,
                        bad_from=1), 4),
                (figure("Trades repaired", "Ids that stood in a gap and are stored now.", "short",
                        REPAIRED), 4),
            ],
            [(days("Markets by day", "Verdicts; today's are provisional.", DAYS, VERDICTS), 14)],
            [(rows("Days that are not simply complete", "The newest first.", REASONS), 10)],
        ],
        [exchanges()],
        since="now-30d",
        refresh="1m",
    )  # fmt: skip
