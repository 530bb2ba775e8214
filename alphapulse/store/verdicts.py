"""How the verdicts of whole days stand: enough to see that one of them changed."""

from collections.abc import Iterator
from datetime import date, datetime

from msgspec import Struct

from alphapulse.store.connect import Store

STANDS = """
SELECT day, left(md5(string_agg(
           concat_ws('|', market_id, verdict, missing, absent, repaired, unexplained), ','
           ORDER BY market_id)), 16), max(judged_at)
FROM coverage WHERE day < (now() AT TIME ZONE 'UTC')::date
GROUP BY day
HAVING day >= %(recent)s OR %(after)s::timestamptz IS NULL OR max(judged_at) > %(after)s
ORDER BY day"""


class Stand(Struct, frozen=True):
    """A day that is over; `digest` is another one as soon as one market's verdict is."""

    day: date
    digest: str
    judged_at: datetime


def verdict_stands(store: Store, recent: date, after: datetime | None) -> Iterator[Stand]:
    """The days from `recent` on, and older ones that were judged after `after` (None: all)."""
    values = {"recent": recent, "after": after}
    for row in store.execute(STANDS, values).fetchall():
        yield Stand(*row)
