"""A collector's numbers as metrics; all were counted for the statistics or the status already."""

from alphapulse.metrics import COLLECTORS, Door, Metrics, open_door
from collectors.counting import Counting
from collectors.exchanges import EXCHANGES


def open_metrics(counting: Counting, base: int) -> Door:
    """At the port of its exchange; `base` 0: not at all."""
    places = list(EXCHANGES)
    if counting.exchange not in places:  # one of the tests' own
        return Door()
    place = COLLECTORS + places.index(counting.exchange)
    return open_door(base, place, lambda: metrics_of(counting))


def metrics_of(counting: Counting) -> Metrics:
    """Called by the thread that answers a scrape; the others go on counting."""
    told = Metrics(exchange=counting.exchange)
    of_connection(told, counting)
    of_markets(told, counting)
    of_store(told, counting)
    of_journal(told, counting)
    return told


def of_connection(told: Metrics, counting: Counting) -> None:
    if not counting.runner:
        return
    heard = counting.runner.counters
    prefix = "alphapulse_collector"
    told.gauge(f"{prefix}_connected", "1: a connection stands.", heard.is_connected)
    told.counter(f"{prefix}_connects", "Connections that stood.", heard.connections)
    told.counter(f"{prefix}_disconnects", "Connections that ended.", heard.disconnections)
    told.counter(f"{prefix}_frames", "Frames received.", heard.frames)
    told.counter(f"{prefix}_received_bytes", "Payload of those frames.", heard.bytes)
    told.counter(f"{prefix}_rejected_frames", "Frames that no parser understood.", heard.rejected)
    told.counter(f"{prefix}_pauses", "Times that the socket stayed unread.", heard.pauses)
    refused = len(counting.runner.refusals.symbols)
    told.gauge(f"{prefix}_refused_markets", "Markets that the exchange refuses.", refused)


def of_markets(told: Metrics, counting: Counting) -> None:
    for symbol, line in list(counting.tally.totals.items()):
        own = {"symbol": symbol}
        told.counter("alphapulse_feed_trades", "Trades received.", line.trades, own)
        meaning = "From the exchange's time of a trade that was pushed live to receiving it."
        told.histogram("alphapulse_feed_lag_seconds", meaning, line.lag, own)


def of_store(told: Metrics, counting: Counting) -> None:
    sink, prefix = counting.sink, "alphapulse_collector"
    stored = sink.counters
    told.counter(f"{prefix}_stored_trades", "Trades that were new to the store.", stored.stored)
    told.counter(f"{prefix}_repeated_trades", "Trades that it had already.", stored.repeated)
    told.counter(f"{prefix}_refused_trades", "Trades that it cannot hold.", stored.refused)
    told.counter(f"{prefix}_batches", "Transactions that stored trades.", stored.commits)
    written = counting.tally.written
    told.histogram(f"{prefix}_write_seconds", "How long each of them took.", written)
    told.gauge(f"{prefix}_queue_rows", "Trades that wait for the database.", len(sink.queue))
    told.gauge(f"{prefix}_queue_limit_rows", "At most so many do.", sink.queue_rows)
    told.gauge(f"{prefix}_behind", "1: trades wait in the journal instead.", sink.is_behind)
    lost = "Connections to the database that were lost."
    told.counter(f"{prefix}_database_disconnects", lost, stored.reconnects)
    told.counter(f"{prefix}_gaps", "Gaps that were found.", stored.gaps)
    if (gaps := counting.open_gaps) is not None:
        told.gauge("alphapulse_gaps_open", "Gaps that are not closed, as of 10 s ago.", gaps)


def of_journal(told: Metrics, counting: Counting) -> None:
    scribe = counting.scribe
    told.scribe(scribe.lost, len(scribe.waiting))
    if not counting.journal:
        return
    kept, prefix = counting.journal.counters, "alphapulse_journal"
    told.gauge(f"{prefix}_open", "1: frames are kept; 0: the disk refuses.", kept.state == "open")
    told.gauge(f"{prefix}_bytes", "What the journal takes on disk.", kept.bytes)
    told.gauge(f"{prefix}_waiting_bytes", "Of it, not in the store yet.", kept.lag_bytes)
    told.counter(f"{prefix}_frames", "Frames that were kept.", kept.kept)
    told.counter(f"{prefix}_left_out_frames", "Frames that could not be.", kept.left_out)
