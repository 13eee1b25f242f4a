"""What every test may use: a clock that is moved by hand, and a fresh ledger, on SQLite and on PostgreSQL."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
import structlog

from connector.ledger import identity
from connector.ledger.database import Database
from tests.postgres import Server, serving

# No deadlines, for machines are slow and busy at times; in CI the same examples every time.
hypothesis.settings.register_profile("any-machine", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("any-machine")
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server. Where none can be had the test says why; with CONNECTOR_NEED_POSTGRES set, it fails."""
    with ExitStack() as held:
        try:
            server = held.enter_context(serving())
        except Exception as error:
            told = pytest.fail if os.environ.get("CONNECTOR_NEED_POSTGRES") else pytest.skip
            told(f"no PostgreSQL to test with ({type(error).__name__}: {error}); TEST_DATABASE_URL may name one")
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """The URL of a PostgreSQL ledger that nobody has used."""
    url = postgres.ledger()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def sqlite_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite ledger that nobody has used, to be copied."""
    folder = tmp_path_factory.mktemp("ledger")
    Database.open("sqlite:///ledger.db", folder).close()
    return folder / "ledger.db"


@pytest.fixture
def sqlite_url(sqlite_ledger: Path, tmp_path: Path) -> str:
    """The URL of an SQLite ledger that nobody has used, to be opened in `tmp_path`."""
    shutil.copy(sqlite_ledger, tmp_path)
    return f"sqlite:///{sqlite_ledger.name}"


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """The URL of a ledger that nobody has used, to be opened in `tmp_path`: on each database."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def db(ledger_url: str, tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(ledger_url, tmp_path)
    identity.claim_site(opened, "north-test", "north-test")
    yield opened
    opened.close()
