"""The streamer's numbers as metrics; all were counted for the statistics or the status already."""

from alphapulse.metrics import Metrics
from alphapulse.store.scribe import Scribe
from streamer.counters import Counters
from streamer.tally import Tally


def metrics_of(counters: Counters, tally: Tally, scribe: Scribe) -> Metrics:
    """Called by the thread that answers a scrape; the others go on counting."""
    told = Metrics()
    prefix = "alphapulse_stream"
    live = counters.state == "live"
    told.gauge(f"{prefix}_live", "1: it hears what the database announces.", live)
    told.gauge(f"{prefix}_clients", "Connections of clients.", counters.clients)
    told.counter(f"{prefix}_accepted_clients", "Clients that came.", counters.accepted)
    told.counter(f"{prefix}_slow_clients", "Clients closed as too slow.", counters.slow_clients)
    told.counter(f"{prefix}_refused_requests", "Requests refused.", counters.refused_requests)
    told.counter(f"{prefix}_refused_pages", "Pages that may not connect.", counters.refused_pages)
    told.counter(f"{prefix}_refused_tokens", "Clients without token.", counters.refused_tokens)
    told.counter(f"{prefix}_heard_trades", "Trades that were announced.", counters.trades)
    told.counter(f"{prefix}_sent_frames", "Trades and gaps handed to clients.", counters.frames)
    told.counter(f"{prefix}_resumed_clients", "Clients that resumed.", counters.resumed)
    lost = "Clients that could not resume without loss."
    told.counter(f"{prefix}_not_recovered_clients", lost, counters.not_recovered)
    again = "Connections to the database that were made anew."
    told.counter(f"{prefix}_database_reconnects", again, counters.catch_ups)
    lag = "From our latest mark to hearing it from the database."
    told.gauge(f"{prefix}_notice_lag_seconds", lag, counters.lag)
    deliver = "From receiving a trade of the exchange to handing it to the clients."
    told.histogram(f"{prefix}_deliver_seconds", deliver, tally.delivered)
    told.scribe(scribe.lost, len(scribe.waiting))
    return told
