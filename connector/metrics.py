"""Figures in the text format of Prometheus: of a run, in a file for the node exporter's textfile collector.

Labels are names of sources and sinks, never what comes from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_READ = ("read", "new", "changed", "unchanged", "counted", "rejected")
_WRITTEN = ("created", "updated", "commented", "attached", "linked", "requests")
_STANDING = ("queued", "unsure", "blocked")


class Now(Collector):
    """What is so at the moment of asking."""

    def __init__(self, ask: Callable[[], Iterable[GaugeMetricFamily]]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._ask()

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())  # asked when registered, when there is nothing to tell yet


def gauge(name: str, what: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """One figure for each source, sink or the like."""
    family = GaugeMetricFamily(name, what, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family


def of_run(
    report: Mapping[str, Any],
    code: int,
    ended: float,
    read_to_end: Mapping[str, float],
    standing: Mapping[str, Mapping[str, int]],
) -> Iterator[GaugeMetricFamily]:
    """The figures of one run: its document, its exit code and when it ended; when each source was last read to its end
    (epoch seconds), and how many deliveries stand in which state at each sink."""
    yield GaugeMetricFamily("connector_run_ended_timestamp_seconds", "When the last run ended.", ended)
    yield GaugeMetricFamily("connector_run_seconds", "How long it took.", report["seconds"])
    yield GaugeMetricFamily("connector_run_exit_code", "Its exit code.", code)
    sources, sinks = report["sources"], report["sinks"]
    for word in _READ:
        values = {name: figures[word] for name, figures in sources.items()}
        yield gauge(f"connector_source_{word}", f"Records of the last run: {word}.", "source", values)
    failed = {name: float(name in report["unread"]) for name in sources}
    yield gauge("connector_source_failed", "1 where the last run could not read it.", "source", failed)
    what = "When it was last read to its end."
    yield gauge("connector_source_read_to_end_timestamp_seconds", what, "source", read_to_end)
    for word in _WRITTEN:
        values = {name: figures[word] for name, figures in sinks.items()}
        yield gauge(f"connector_sink_{word}", f"Of the last run: {word}.", "sink", values)
    for word in _STANDING:
        values = {name: states[word] for name, states in standing.items()}
        yield gauge(f"connector_sink_{word}_deliveries", f"Deliveries that are {word} now.", "sink", values)
    failed = {name: float(name in report["errors"]) for name in standing}
    yield gauge("connector_sink_failed", "1 where it was down, refused us or rested in the last run.", "sink", failed)


def write(path: Path, families: Iterable[GaugeMetricFamily]) -> None:
    """Put the figures in place of those in the file, at once. Raises OSError."""
    registry = CollectorRegistry()
    kept = list(families)
    registry.register(Now(lambda: kept))
    write_to_textfile(str(path), registry)
