"""What every test may use: a clock that is moved by hand, and a ledger in a folder of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from connector.ledger import identity
from connector.ledger.database import Database


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


class FakeClock:
    """Time that passes only when somebody sleeps or says so."""

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self.now = start
        self.ticks = 1000.0
        self.slept: list[float] = []

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.ticks += max(seconds, 0.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open("sqlite:///ledger.db", tmp_path)
    identity.claim_site(opened, "north-test", "north-test")
    yield opened
    opened.close()
