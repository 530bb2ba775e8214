"""Fill one gap as `alphapulse backfill --gap N` does, for whoever has no terminal to speak to."""

from threading import Timer
from time import time_ns

from msgspec import Struct

from alphapulse.settings import Settings
from alphapulse.store.backfills import HistoryTaken, UnknownGap, Wish, find_gap
from alphapulse.store.connect import connect
from alphapulse.store.turn import Turn
from collectors.backfilling import Backfill
from collectors.collector import UnknownExchange, find_exchange, rest_address
from collectors.exchange import ExchangeError
from collectors.fetch import Fetcher
from collectors.patience import Asker, Stop, Stopped


class Filled(Struct, frozen=True):
    """What came of one gap. `state`: done, interrupted (time was up), passed over, or refused.

    `note` says why it is not done. The other numbers are this run's: requests, rows that were
    new, ids that the exchange lacks too.
    """

    gap_id: int
    state: str
    requests: int = 0
    new: int = 0
    absent: int = 0
    note: str = ""


def fill_gap(settings: Settings, url: str, gap_id: int, seconds: float) -> Filled:
    """Walk the gap for at most so long; the next one goes on behind the last stored page.

    Raises psycopg's errors when the server is away.
    """
    stop = Stop()
    timer = Timer(seconds, stop.tell)
    timer.daemon = True
    timer.start()
    try:
        return walk(settings, url, gap_id, stop)
    except (UnknownGap, HistoryTaken) as reason:
        return Filled(gap_id, "passed over", note=str(reason))
    except Stopped:
        return Filled(gap_id, "interrupted", note="time was up while it was planned")
    except (ExchangeError, UnknownExchange) as refusal:
        return Filled(gap_id, "refused", note=str(refusal))
    finally:
        timer.cancel()


def walk(settings: Settings, url: str, gap_id: int, stop: Stop) -> Filled:
    with connect(url, "repair run") as store:
        found = find_gap(store, gap_id)
        gap = found.gap
        until = time_ns() // 1000 if gap.before_at is None else gap.before_at
        wish = Wish(gap.market, gap.after_at, max(until, gap.after_at), gap_id)
        exchange = find_exchange(gap.market.exchange)
        fetcher = Fetcher(rest_address(settings, exchange), exchange.REQUEST_PAUSE)
        fetcher.turn = Turn(store, fetcher.base)
        try:
            work = Backfill(store, exchange, Asker(fetcher, stop), wish, found)
            work.claim()
            plan = work.plan()
            if plan is None:
                return Filled(gap_id, "passed over", note="the market has no trades there")
            done = work.run(plan, lambda _: None)
        finally:
            fetcher.close()
    note = "time was up; the next run goes on there" if done.state != "done" else ""
    return Filled(gap_id, done.state, done.requests, done.totals.new, done.absent, note)
