"""What is counted and timed, for Prometheus.

Names follow its conventions: https://prometheus.io/docs/practices/naming/. No label holds text, a key or a path
that a client chose.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from scalemt.languages import base
from scalemt.serve.work import Lane
from scalemt.types import Translation

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Meters:
    """The counters of one server."""

    def __init__(self) -> None:
        # When a counter was first seen nobody asks, and it is a third of all lines.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        # Looking a child up by its labels takes longer than counting.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        ProcessCollector(registry=self.registry)  # of the process that listens; workers are told of by `workers`
        told: dict[str, Any] = {"registry": self.registry, "namespace": "scalemt"}
        self.requests = Counter("requests", "Requests answered.", ["surface", "route", "status"], **told)
        self.seconds = Histogram(
            "request_seconds", "From request to answer.", ["surface", "route"], buckets=_SECONDS, **told
        )
        self.open = Gauge("requests_open", "Requests under way.", **told)
        self.refused = Counter("refusals", "Requests refused.", ["kind"], **told)
        self.segments = Counter("segments", "Segments done.", ["profile", "pair", "method", "outcome"], **told)
        self.characters = Counter("characters", "Characters translated.", ["profile", "pair"], **told)
        self.tokens = Counter("generalist_tokens", "Tokens of generalists.", ["profile", "side"], **told)
        self.cost = Counter(
            "generalist_cost", "Cost of generalists, in the currency of prices.", ["profile"], **told
        )
        self.batches = Histogram(
            "batch_segments", "Segments in a batch.", ["profile"], buckets=(1, 2, 4, 8, 16, 32, 64), **told
        )
        self.batch_seconds = Histogram("batch_seconds", "Time of a batch.", ["profile"], buckets=_SECONDS, **told)

    def request(self, surface: str, route: str, status: int, seconds: float) -> None:
        """Count a request that is answered; `route` is one of those there are, with names for what varies."""
        key = (surface, route, status)
        if key not in self._children:
            counted, timed = self.requests.labels(surface, route, str(status)), self.seconds.labels(surface, route)
            self._children[key] = (counted, timed)
        counter, histogram = self._children[key]
        counter.inc()
        histogram.observe(seconds)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a number that is read when it is asked for."""
        Gauge(name, text, registry=self.registry, namespace="scalemt").set_function(value)

    def counter(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a number that only grows, and is read when it is asked for."""
        self.registry.register(_Count(f"scalemt_{name}", text, value))

    def workers(self, processes: Callable[[], Mapping[int, int | None]]) -> None:
        """Show the memory of worker processes.

        Args:
            processes: returns the process of each worker by its number.
        """
        self.registry.register(_Memory(processes))

    def batch(self, lane: Lane, segments: int, seconds: float) -> None:
        """Count a batch that came back."""
        self.batches.labels(lane.variant.profile).observe(segments)
        self.batch_seconds.labels(lane.variant.profile).observe(seconds)

    def translated(self, lane: Lane, translation: Translation) -> None:
        """Count a segment that is done, well or not."""
        profile, pair = lane.variant.profile, f"{base(lane.pair.source)}-{base(lane.pair.target)}"
        outcome = "failed" if translation.error else "translated"
        self.segments.labels(profile, pair, translation.method, outcome).inc()
        self.characters.labels(profile, pair).inc(len(translation.segment.text))
        usage = translation.usage
        if usage.calls:
            self.tokens.labels(profile, "prompt").inc(usage.prompt_tokens)
            self.tokens.labels(profile, "completion").inc(usage.completion_tokens)
            self.cost.labels(profile).inc(usage.cost)

    def text(self) -> bytes:
        """Return all of it in the text format of Prometheus."""
        return generate_latest(self.registry)


class _Count(Collector):
    """A counter that somebody else keeps."""

    def __init__(self, name: str, text: str, value: Callable[[], float]) -> None:
        self._told = (name, text)
        self._value = value

    def collect(self) -> Iterator[Metric]:
        """Yield the number."""
        yield CounterMetricFamily(*self._told, value=self._value())


class _Memory(Collector):
    """What workers hold in memory, read when it is asked for."""

    def __init__(self, processes: Callable[[], Mapping[int, int | None]]) -> None:
        self._processes = processes

    def collect(self) -> Iterator[Metric]:
        """Yield the resident memory of each worker."""
        found = GaugeMetricFamily(
            "scalemt_worker_resident_memory_bytes", "Resident memory of a worker.", labels=["worker"]
        )
        for place, process in self._processes().items():
            size = _resident(process)
            if size is not None:
                found.add_metric([str(place)], size)
        yield found


def _resident(process: int | None) -> int | None:
    """Return the bytes of memory that a process has; None where that cannot be told (no process, no /proc)."""
    if process is None:
        return None
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except OSError:
        return None
    return int(pages) * resource.getpagesize()
