"""What `GET /metrics` tells: how many posts came, what became of them, how long it took. Names of sources, no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from connector.metrics import Now, gauge

CONTENT_TYPE = CONTENT_TYPE_LATEST
_STEPS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Measures:
    """The figures of one process, and what the ledger's inbox holds when somebody asks."""

    def __init__(self, waiting: Callable[[], Mapping[str, int]], held: Callable[[], Mapping[str, float]]) -> None:
        self._registry = CollectorRegistry()
        self._posts = Counter(
            "connector_intake_posts", "Posts, by what became of them.", ["source", "outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "connector_intake_seconds",
            "From the head of a post to its receipt.",
            ["source"],
            buckets=_STEPS,
            registry=self._registry,
        )
        self._bytes = Counter("connector_intake_bytes", "Bytes accepted.", ["source"], registry=self._registry)
        self._registry.register(Now(lambda: _now(waiting(), held())))

    def accepted(self, source: str, repeated: bool, size: int, seconds: float) -> None:
        """A post was stored, or was there already."""
        self._posts.labels(source, "repeated" if repeated else "accepted").inc()
        self._bytes.labels(source).inc(size)
        self._seconds.labels(source).observe(seconds)

    def refused(self, source: str, code: str) -> None:
        """A post was refused. `source` is empty where there is none of that name: names from outside are no labels."""
        self._posts.labels(source, code).inc()

    def document(self) -> bytes:
        """All of it, in the text format of Prometheus. Raises LedgerError."""
        return generate_latest(self._registry)


def _now(waiting: Mapping[str, int], held: Mapping[str, float]) -> Iterator[GaugeMetricFamily]:
    yield gauge("connector_inbox_posts", "Posts that no run has taken in yet.", "source", waiting)
    for name, value in held.items():
        yield GaugeMetricFamily(f"connector_intake_{name}", f"{name.replace('_', ' ').capitalize()} now.", value)
