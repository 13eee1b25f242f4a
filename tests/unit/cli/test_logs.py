"""What is logged: a line of JSON for each event where nobody looks on, lines for people on a terminal."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from functools import partial

import pytest
import structlog

from connector.engine.crew import Crew
from connector.terminal.logs import start_logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def said(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, verbosity: int = 1) -> str:
    """What two threads of a sink's crew say in a run."""
    monkeypatch.setattr(sys, "stderr", stream)
    start_logs(verbosity)
    log = structlog.get_logger("connector.test")
    with structlog.contextvars.bound_contextvars(run="r1", sink="desk"), Crew("desk", 4) as crew:
        crew.begin(partial(log.info, "delivered", delivery=7)).result()
        crew.begin(partial(log.warning, "odd", place="a\x1b[31m\u202eb", delivery=8)).result()
    return stream.getvalue()


def test_a_line_of_json_says_run_sink_and_delivery_whoever_says_it(monkeypatch):
    text = said(io.StringIO(), monkeypatch)
    first, second = map(json.loads, text.splitlines())
    assert list(first) == ["timestamp", "level", "event", "run", "sink", "delivery"]
    assert (first["event"], first["run"], first["sink"], first["delivery"]) == ("delivered", "r1", "desk", 7)
    assert second["level"] == "warning"
    assert text.isascii()


def test_a_person_reads_lines_that_order_the_terminal_nothing(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    lines = said(Terminal(), monkeypatch).splitlines()
    assert len(lines) == 2
    assert all("r1" in line and "desk" in line for line in lines)
    assert "\x1b" not in lines[1]
    assert "\u202e" not in lines[1]


@pytest.mark.parametrize(("verbosity", "lines"), [(-1, 0), (0, 1), (1, 2), (2, 2)])
def test_how_much_is_said_is_asked_for(monkeypatch, verbosity, lines):
    assert len(said(io.StringIO(), monkeypatch, verbosity).splitlines()) == lines
