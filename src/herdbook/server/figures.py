"""The figures of a server: counted by each worker in memory that all share, and shown as Prometheus reads them."""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

from herdbook.verdicts import Operation

if TYPE_CHECKING:
    from prometheus_client.core import Metric

BESIDE = ("health", "ready", "metrics", "pages", "unknown")
"""What requests are counted as that are no operation."""
NAMES = (*(operation.value for operation in Operation), *BESIDE)
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
"""The upper bounds of the buckets of latency, in seconds; there is one more without bound."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_CLASSES = ("2xx", "3xx", "4xx", "5xx")
_SUM = len(_CLASSES) + len(BOUNDS_S) + 1
_WIDTH = _SUM + 1
_TOTALS = ("received_bytes", "sent_bytes", "starts")
_GAUGES = ("in_flight", "pool_waiting", "policy_revision")
_ROWS = {name: place * _WIDTH for place, name in enumerate(NAMES)}
_AFTER = {name: len(NAMES) * _WIDTH + place for place, name in enumerate((*_TOTALS, *_GAUGES))}
_SLOT = len(NAMES) * _WIDTH + len(_AFTER)
_ITEM = 8
_RECEIVED, _SENT, _IN_FLIGHT = _AFTER["received_bytes"], _AFTER["sent_bytes"], _AFTER["in_flight"]
_POOL, _REVISION = _AFTER["pool_waiting"], _AFTER["policy_revision"]


class Board:
    """What all workers count, each in a slot of its own that only it writes; forked processes share it.

    Args:
        workers: How many slots there are.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self._slots = memoryview(mmap.mmap(-1, workers * _SLOT * _ITEM)).cast("d")

    def slot(self, worker: int) -> Slot:
        """Return the slot of a worker; one that takes the place of another goes on counting where that one ended."""
        return Slot(self._slots[worker * _SLOT : (worker + 1) * _SLOT])

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 only who is scraped needs it

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """Yield every family, as prometheus_client asks for them."""
        from prometheus_client.core import (  # noqa: PLC0415 as above
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        requests = CounterMetricFamily("herdbook_requests", "Requests answered.", labels=["operation", "status"])
        latency = HistogramMetricFamily(
            "herdbook_request_seconds", "Time to the end of the answer.", labels=["operation"]
        )
        for name, row in _ROWS.items():
            counts = [self._total(row + place) for place in range(_WIDTH)]
            for status, count in zip(_CLASSES, counts, strict=False):
                if count:
                    requests.add_metric([name, status], count)
            buckets = counts[len(_CLASSES) : _SUM]
            if any(buckets):
                latency.add_metric([name], list(_cumulative(buckets)), counts[_SUM])
        yield requests
        yield latency
        for name, about in (
            ("received_bytes", "Bytes of bodies received."),
            ("sent_bytes", "Bytes of bodies sent."),
            ("starts", "Starts of workers."),
        ):
            yield CounterMetricFamily(f"herdbook_{name}", about, value=self._total(_AFTER[name]))
        for name, about in (("in_flight", "Requests under way."), ("pool_waiting", "Requests in or for a thread.")):
            yield GaugeMetricFamily(f"herdbook_{name}", about, value=self._total(_AFTER[name]))
        revision = GaugeMetricFamily("herdbook_policy_revision", "The policy decided by.", labels=["worker"])
        for worker in range(self.workers):
            revision.add_metric([str(worker)], self._slots[worker * _SLOT + _REVISION])
        yield revision

    def _total(self, place: int) -> float:
        return sum(self._slots[worker * _SLOT + place] for worker in range(self.workers))


class Slot:
    """Where one worker counts; from its event loop alone."""

    def __init__(self, values: memoryview[float]) -> None:
        self._values = values
        for place in (_IN_FLIGHT, _POOL, _REVISION):
            # A worker that was killed could not put these back.
            values[place] = 0
        values[_AFTER["starts"]] += 1

    def begin(self) -> None:
        """Count a request that begins."""
        self._values[_IN_FLIGHT] += 1

    def end(self, name: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count a request that was answered.

        Args:
            name: One of `NAMES`.
            status: The HTTP status.
            seconds: From its head to the end of the answer.
            received: Bytes of its body.
            sent: Bytes of the answer's body.
        """
        values, row = self._values, _ROWS[name]
        values[_IN_FLIGHT] -= 1
        values[row + min(max(status // 100 - 2, 0), 3)] += 1
        values[row + len(_CLASSES) + bisect_left(BOUNDS_S, seconds)] += 1
        values[row + _SUM] += seconds
        values[_RECEIVED] += received
        values[_SENT] += sent

    def show(self, *, pool_waiting: int, policy_revision: int) -> None:
        """Put down what is looked at now and then."""
        self._values[_POOL] = pool_waiting
        self._values[_REVISION] = policy_revision


def _cumulative(buckets: list[float]) -> Iterator[tuple[str, float]]:
    passed = 0.0
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), buckets, strict=True):
        passed += count
        yield bound, passed
