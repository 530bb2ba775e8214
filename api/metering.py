"""The API's numbers as metrics."""

from alphapulse.metrics import API, Door, Metrics, open_door
from api.context import House
from api.walls import Walls


def open_metrics(house: House, app: object) -> Door:
    """On loopback, whoever may reach the API itself."""
    return open_door(house.settings.metrics_port, API, lambda: metrics_of(house, app))


def metrics_of(house: House, app: object) -> Metrics:
    """Called by the thread that answers a scrape."""
    told = Metrics()
    prefix = "alphapulse_api"
    requests = app.requests if isinstance(app, Walls) else 0
    told.counter(f"{prefix}_requests", "Requests that came.", requests)
    told.counter(f"{prefix}_computed_answers", "Answers that were computed.", house.cache.computed)
    told.counter(f"{prefix}_shared_answers", "Answers shared with another.", house.cache.shared)
    connections = len(house.readers.opened)
    told.gauge(f"{prefix}_connections", "Connections to the database.", connections)
    return told
