"""Limiters before remotes that count, refuse and are used by others too, over simulated minutes."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.errors import Transient
from connector.ledger.database import Database
from connector.limits import Limiter
from connector.plugins import Allowance
from tests.conftest import FakeClock

PER_MINUTE = 150
PATIENCE = 90.0


class Remote:
    """Allows so many requests a minute, counted as real ones do; `others` a second are not ours."""

    def __init__(self, clock: FakeClock, others: float = 0.0) -> None:
        self.clock = clock
        self.others = others
        self.began = clock.now
        self.ours: list[float] = []
        self.refused = 0

    def answer(self) -> list[Allowance]:
        self.ours.append(self.clock.now)
        self.refused += self.used() > PER_MINUTE
        return [Allowance("", PER_MINUTE, 60.0, *self.left())]

    def used(self) -> float:
        raise NotImplementedError

    def left(self) -> tuple[int | None, float | None]:
        return None, None


class Fixed(Remote):
    """Starts anew every minute of its own clock, and says how many are left."""

    def __init__(self, clock: FakeClock, others: float = 0.0, offset: float = 0.0) -> None:
        super().__init__(clock, others)
        self.offset = offset

    def started(self) -> float:
        return self.clock.now - (self.clock.now - self.began + self.offset) % 60.0

    def used(self) -> float:
        start = self.started()
        mine = next((place for place, at in enumerate(reversed(self.ours)) if at < start), len(self.ours))
        return mine + self.others * (self.clock.now - max(start, self.began))

    def left(self) -> tuple[int, float]:
        return max(PER_MINUTE - int(self.used()), 0), self.started() + 60.0 - self.clock.now


class Sliding(Remote):
    """Looks back a minute from every request."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.minute = deque[float]()

    def used(self) -> float:
        self.minute.append(self.clock.now)
        while self.minute[0] <= self.clock.now - 60.0:
            self.minute.popleft()
        return len(self.minute)


def work(remote: Remote, limiters: list[Limiter], minutes: float) -> None:
    """As many requests as the limiters let out."""
    end, number = remote.clock.now + 60.0 * minutes, 0
    while True:
        limiter = limiters[number % len(limiters)]
        limiter.take()
        if remote.clock.now > end:
            return
        limiter.sent()
        limiter.heard(remote.answer())
        number += 1


@pytest.fixture
def ledger(sqlite_url: str, tmp_path: Path) -> Database:
    return Database.open(sqlite_url, tmp_path)


def limiters(ledger: Database, clock: FakeClock) -> list[Limiter]:
    return [Limiter(ledger, "acme", None, clock, PATIENCE) for _ in range(2)]


@pytest.mark.parametrize("offset", [0.0, 17.0])
def test_three_minutes_at_a_remote_that_starts_anew(ledger: Database, clock: FakeClock, offset: float) -> None:
    remote = Fixed(clock, offset=offset)
    work(remote, limiters(ledger, clock), 3.0)
    assert remote.refused == 0
    assert len(remote.ours) >= 0.95 * 3 * PER_MINUTE


def test_three_minutes_at_a_remote_that_looks_back(ledger: Database, clock: FakeClock) -> None:
    remote = Sliding(clock)
    work(remote, limiters(ledger, clock), 3.0)
    assert remote.refused == 0
    assert len(remote.ours) >= 0.95 * 3 * PER_MINUTE


@pytest.mark.parametrize("others", [0.5, 1.2, 2.2])
def test_others_on_the_account_are_left_their_part(ledger: Database, clock: FakeClock, others: float) -> None:
    remote = Fixed(clock, others)
    work(remote, limiters(ledger, clock), 3.0)
    assert remote.refused <= 3, "who uses nearly all of a minute may take the last one from under us"
    assert len(remote.ours) >= 0.9 * 3 * (PER_MINUTE - 60.0 * others)


Story = list[tuple[int, str, float]]
STORIES = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["take", "hold", "pass", "back", "forth"]), st.floats(0.1, 40.0)),
    max_size=30,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STORIES, st.sampled_from([None, 60]))
def test_no_request_inside_retry_after_whatever_happens_to_the_clock(
    ledger: Database, story: Story, per_minute: int | None
) -> None:
    clock = FakeClock()
    pair = [Limiter(ledger, str(id(story)), per_minute, clock, 20.0) for _ in range(2)]
    until = [0.0, 0.0]  # by monotonic time: what each of them must know
    for who, what, seconds in story:
        if what == "hold":
            pair[who].hold(seconds)
            until[who] = max(until[who], clock.ticks + seconds)
        elif what in ("back", "forth"):
            clock.now += 3600.0 if what == "forth" else -3600.0
        elif what == "pass":
            clock.advance(seconds)
        else:
            began = clock.ticks
            wait = taken(pair[who])
            assert wait is None or wait <= 41.1, "no clock makes a wait longer"
            assert clock.ticks - began <= 20.0
            assert wait is not None or clock.ticks >= until[who] - 1e-6


def taken(limiter: Limiter) -> float | None:
    """None, or the seconds that it would take."""
    try:
        limiter.take()
    except Transient as error:
        return error.retry_after
    return None
