"""One pace for an exchange's REST, whichever of our processes asks it.

A lock stands for the request under way, so that two never overlap and whoever dies sets it free; a
row remembers until when nobody may ask, be it the usual pause or what the exchange told one of us.
"""

from alphapulse.store.connect import Store

REST_SPACE = 0x52455354  # "REST": first half of these locks' keys
LONGEST = (
    3600.0  # seconds; a row that says more was written by a clock that has been set back since
)

LOCK = "SELECT pg_advisory_lock(%s, hashtext(%s))"
UNLOCK = "SELECT pg_advisory_unlock(%s, hashtext(%s))"
BEGIN = """
INSERT INTO rest_turns AS t (address, free_at)
VALUES (%(address)s, clock_timestamp() + make_interval(secs => %(pause)s))
ON CONFLICT (address) DO UPDATE
SET free_at = make_interval(secs => %(pause)s) + CASE
    WHEN t.free_at > clock_timestamp() + make_interval(secs => %(longest)s) THEN clock_timestamp()
    ELSE greatest(t.free_at, clock_timestamp()) END
RETURNING extract(epoch FROM free_at - clock_timestamp())::float8 - %(pause)s"""
END = """
UPDATE rest_turns SET free_at = clock_timestamp() + make_interval(secs => %s) WHERE address = %s"""


class Turn:
    """Whose turn it is to ask the REST `address`; `begin` and `end` enclose one request.

    Both raise psycopg.OperationalError when the server is away; the turn is over then.
    """

    def __init__(self, store: Store, address: str) -> None:
        self.store = store
        self.address = address

    def begin(self, pause: float) -> float:
        """Wait until nobody else asks; gives the seconds until the exchange may be asked."""
        self.store.execute(LOCK, [REST_SPACE, self.address])
        values = {"address": self.address, "pause": pause, "longest": LONGEST}
        (left,) = self.store.execute(BEGIN, values).fetchone() or (0.0,)
        return max(0.0, float(left))

    def end(self, seconds: float) -> None:
        """Nobody may ask for so long."""
        self.store.execute(END, [seconds, self.address])
        self.store.execute(UNLOCK, [REST_SPACE, self.address])
