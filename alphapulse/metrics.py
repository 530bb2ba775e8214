"""Our counters for Prometheus: read when somebody scrapes, so that counting costs nothing more.

The only door to prometheus_client, which knows the formats, escaping and the process's own numbers.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIServer

from msgspec import Struct
from prometheus_client import GCCollector, PlatformCollector, ProcessCollector, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from alphapulse.settings import LOOPBACK
from alphapulse.statistics import Histogram, middle_of

log = logging.getLogger(__name__)

# What each part listens on: this much above `metrics_port`.
STREAMER, API, COLLECTORS = 0, 1, 2  # a collector adds its exchange's place in EXCHANGES

FIRST, LAST = 7, 26  # powers of two, in microseconds, that are told as bounds: 128 us to 67 s
NO_LABELS: Mapping[str, str] = {}


class Metrics:
    """Families in the making; every one of `labels` is on each of them."""

    def __init__(self, **labels: str) -> None:
        self.labels = labels
        self.families: dict[str, Any] = {}

    def counter(
        self, name: str, meaning: str, value: float, more: Mapping[str, str] = NO_LABELS
    ) -> None:
        """`_total` is added to the name."""
        self.family(CounterMetricFamily, name, meaning, more).add_metric(self.values(more), value)

    def gauge(
        self, name: str, meaning: str, value: float, more: Mapping[str, str] = NO_LABELS
    ) -> None:
        self.family(GaugeMetricFamily, name, meaning, more).add_metric(self.values(more), value)

    def histogram(
        self, name: str, meaning: str, counted: Histogram, more: Mapping[str, str] = NO_LABELS
    ) -> None:
        """In seconds. The sum is that of the buckets' middles: within 6.25 %."""
        counts = dict(counted.counts)  # a copy in one step: another thread goes on counting
        family = self.family(HistogramMetricFamily, name, meaning, more)
        total = sum(middle_of(bucket) * number for bucket, number in counts.items()) / 1_000_000
        family.add_metric(self.values(more), cumulated(counts), total)

    def scribe(self, lost: int, waiting: int) -> None:
        """How well a process writes its own statistics."""
        prefix = "alphapulse_statistics"
        self.counter(f"{prefix}_lost_seconds", "Seconds of statistics that were given up.", lost)
        meaning = "Seconds of statistics that wait for the database."
        self.gauge(f"{prefix}_waiting_seconds", meaning, waiting)

    def family(self, kind: Any, name: str, meaning: str, more: Mapping[str, str]) -> Any:
        if name not in self.families:
            self.families[name] = kind(name, meaning, labels=[*self.labels, *more])
        return self.families[name]

    def values(self, more: Mapping[str, str]) -> list[str]:
        return [*self.labels.values(), *more.values()]


def cumulated(counts: Mapping[int, int]) -> list[tuple[str, int]]:
    """How many lie below each bound, in seconds; a bound is one of our buckets' too."""
    told = []
    for power in range(FIRST, LAST + 1):
        end = (power - 2) * 8  # the bucket that begins at 2 ** power
        below = sum(number for bucket, number in counts.items() if bucket < end)
        told.append((repr(2**power / 1_000_000), below))
    return [*told, ("+Inf", sum(counts.values()))]


class Source(Collector):
    def __init__(self, collect: Callable[[], Metrics]) -> None:
        self.collect_ours = collect

    def collect(self) -> Iterable[Metric]:
        return list(self.collect_ours().families.values())

    def describe(self) -> Iterable[Metric]:
        return ()


def registry_of(collect: Callable[[], Metrics]) -> CollectorRegistry:
    """What a process tells: `collect`, asked at each scrape, and how the process itself does."""
    registry = CollectorRegistry()
    registry.register(Source(collect))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def text_of(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """The answer to a scrape and its media type, by what the scraper accepts."""
    encoder, media = choose_encoder(accept)
    return encoder(registry), media


class Door(Struct):
    """The open port; None: it is off, or somebody else has it."""

    server: WSGIServer | None = None
    thread: Thread | None = None

    @property
    def port(self) -> int:
        return self.server.server_port if self.server else 0

    def close(self) -> None:
        if self.server and self.thread:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
            self.server = None


def open_door(base: int, place: int, collect: Callable[[], Metrics]) -> Door:
    """Answer scrapes of this machine at `base` + `place`, in a thread; `base` 0: do not.

    A port that is taken costs the metrics, nothing else.
    """
    if not base:
        return Door()
    try:
        server, thread = start_http_server(base + place, LOOPBACK, registry_of(collect))
    except (OSError, OverflowError) as failure:
        log.error(  # noqa: TRY400  # no traceback: it is said what to do
            "no metrics at %s:%d (%s): choose another ALPHAPULSE_METRICS_PORT",
            LOOPBACK, base + place, failure,
        )  # fmt: skip
        return Door()
    log.info("metrics: http://%s:%d/metrics", LOOPBACK, base + place)
    return Door(server, thread)
