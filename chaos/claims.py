"""What the platform says of itself must be true as well: its verdicts, beside our own."""

from collections.abc import Iterator, Mapping

from alphapulse.store.connect import Store
from alphapulse.trade import Market
from chaos.judge import withheld
from chaos.rows import Rows

WHOLE = {"complete", "complete with absences"}
# A run begins in the middle of a day and ends in the middle of the next: so much must be unknown.
EDGES = ("nobody saw its beginning", "the day is not over", "no later trade")
ABSENT = "absent at the exchange"  # counted, and compared below
COVERAGE = """
SELECT exchange, symbol, day::text, verdict, reason, stored, absent, missing, unexplained
FROM market_coverage ORDER BY exchange, symbol, day"""


def claims(store: Store, served: Mapping[Market, Rows]) -> Iterator[str]:
    """Where the verdicts on the days of these markets say what is not so."""
    judged = {market: [0, 0] for market in served}
    for exchange, symbol, day, verdict, reason, *counts in store.execute(COVERAGE).fetchall():
        market = Market(exchange, symbol)
        if market not in served:
            continue
        stored, absent, missing, unexplained = (count or 0 for count in counts)
        parts = [part for part in reason.split("; ") if not part.endswith(ABSENT)]
        is_edge = all(part.startswith(EDGES) for part in parts)
        if missing or unexplained or not (verdict in WHOLE or is_edge):
            yield f"coverage: {market.key} {day} is called {verdict}: {reason}"
        judged[market][0] += stored
        judged[market][1] += absent
    for market, rows in served.items():
        truth = [len(rows), len(withheld(rows))]
        if judged[market] != truth:
            claim = judged[market]
            yield f"coverage: {market.key} claims (stored, absent) {claim}, true is {truth}"
