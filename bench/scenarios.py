"""This product beside what a user would write today, against remotes that are slow or strict in several ways."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.remote import Remote

OURS, SINGLE, LOOP, LOOKING, DLT = "connector", "connector, bulk off", "loop", "loop that looks first", "dlt"
# dlt wants a newer pytz than pysnow allows, so it has an environment of its own.
DLT_PYTHON = Path(sys.executable).parents[1] / "dlt" / "bin" / "python"

MINUTE = 60.0
_READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A remote, and how many tickets each contender sends there.

    `allowed` is how many a second the remote lets through: tickets, or requests where it counts those (`by_request`);
    then all contenders work side by side, each with a remote of its own, for they mostly wait.
    """

    name: str
    title: str
    sink: str
    settings: Mapping[str, Any]
    counts: Mapping[str, int]
    allowed: float | None = None
    by_request: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """How one contender fared. `share` is of what the remote allows, `cpu` in ms a ticket, `peak` in MB."""

    scenario: str
    title: str
    sink: str
    contender: str
    tickets: int
    rate: float
    requests: float
    share: float | None
    refused: int
    early: int
    cpu: float
    peak: float


def _counts(ours: int, loop: int, looking: int, **more: int) -> dict[str, int]:
    return {OURS: ours, LOOP: loop, LOOKING: looking, DLT: loop, **more}


SCENARIOS = (
    Scenario("servicenow", "no limit", "servicenow", {}, _counts(2000, 500, 300)),
    Scenario("zendesk", "no limit", "zendesk", {}, _counts(2000, 500, 300)),
    Scenario("servicenow-far", "80 ms away", "servicenow", {"latency": 0.08}, _counts(2000, 100, 50)),
    Scenario("zendesk-far", "80 ms away", "zendesk", {"latency": 0.08}, _counts(2000, 100, 50)),
    Scenario(
        "servicenow-slow", "40 ms a record", "servicenow", {"servicenow": {"work": 0.04}}, _counts(2000, 150, 150)
    ),
    Scenario(
        "zendesk-slow", "40 ms a record", "zendesk", {"zendesk": {"work": 0.04, "job_speed": 25}},
        _counts(2000, 150, 150),
    ),
    Scenario(
        "servicenow-four", "40 ms a record, 4 at once", "servicenow", {"servicenow": {"work": 0.04, "threads": 4}},
        _counts(2000, 150, 150), allowed=100.0,
    ),
    Scenario(
        "zendesk-jobs", "80 ms away, jobs at 4 tickets/s each", "zendesk",
        {"latency": 0.08, "zendesk": {"job_speed": 4}}, {OURS: 2000}, allowed=120.0,
    ),
    Scenario(
        "zendesk-rate", "700 requests a minute", "zendesk", {"zendesk": {"rate_limit": 700}},
        {OURS: 2000, SINGLE: 800, LOOP: 800, LOOKING: 400, DLT: 800}, allowed=700 / MINUTE, by_request=True,
    ),
)  # fmt: skip


def run(scenario: Scenario, quick: bool = False) -> Iterator[Line]:
    """Every contender in its turn, or side by side. With `quick` a tenth of the tickets."""
    counts = {name: max(count // 10, 10) if quick else count for name, count in scenario.counts.items()}
    if DLT in counts and not DLT_PYTHON.exists():
        print("dlt is left out: `make bench` gives it an environment of its own", file=sys.stderr)
        del counts[DLT]
    with ThreadPoolExecutor(len(counts) if scenario.by_request else 1) as pool:
        yield from pool.map(lambda each: _line(scenario, *each), counts.items())


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the remote saw."""

    made: int
    requests: int
    refused: int
    early: int
    log: list[dict[str, Any]] = field(repr=False)


def _line(scenario: Scenario, contender: str, count: int) -> Line:
    with Remote(scenario.settings) as remote, tempfile.TemporaryDirectory(prefix="connector-bench-") as folder:
        told = _told(scenario, contender, remote.url, Path(folder) / "work", count)
        counted = remote.counted()
        seen = _Seen(
            remote.records(scenario.sink),
            sum(number for name, number in counted["requests"].items() if "/oauth" not in name),
            counted["refused"].get(scenario.sink, 0),
            counted["early"].get(scenario.sink, 0),
            remote.log(),
        )
    if not told["made"] == seen.made == count:
        sys.exit(f"{scenario.name}: {contender} said {told['made']} of {count}; the remote has {seen.made}")
    return Line(
        scenario.name,
        scenario.title,
        scenario.sink,
        contender,
        count,
        count / told["seconds"],
        seen.requests / count,
        _share(scenario, seen),
        seen.refused,
        seen.early,
        1000 * told["cpu"] / count,
        told["peak"],
    )


def _told(scenario: Scenario, contender: str, url: str, folder: Path, count: int) -> dict[str, Any]:
    python = str(DLT_PYTHON) if contender == DLT else sys.executable
    command = [python, "-m", "bench.runner", contender, scenario.sink, url, str(folder), str(count)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{scenario.name}: {contender} failed\n{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _share(scenario: Scenario, seen: _Seen) -> float | None:
    """Of what the remote allows: over the first minute where it counts requests, else from first to last write."""
    if scenario.allowed is None:
        return None
    log = [entry for entry in seen.log if entry["system"] == scenario.sink and "/oauth" not in entry["path"]]
    if scenario.by_request:
        good: list[float] = [entry["at"] for entry in log if entry["status"] < 400]
        within = sum(at <= good[0] + MINUTE for at in good)
        return within / (scenario.allowed * MINUTE)
    ends: list[float] = [entry["at"] for entry in log if entry["method"] not in _READS or "show_many" in entry["path"]]
    return seen.made / (scenario.allowed * (ends[-1] - ends[0]))
