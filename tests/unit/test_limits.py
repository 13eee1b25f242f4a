"""The shared budget: spread, never exceeded, obedient to Retry-After."""

from __future__ import annotations

import pytest

from connector.errors import Scope, Transient
from connector.ledger import budgets
from connector.ledger.database import Database
from connector.limits import Limiter
from tests.conftest import FakeClock


def test_requests_are_spread_over_the_minute(db: Database, clock: FakeClock) -> None:
    limiter = Limiter(db, "acme", 60, clock, 30.0)
    began = clock.now
    for _ in range(10):
        limiter.take()
    assert clock.now - began == pytest.approx(9.0, abs=0.01)


def test_two_processes_share_one_budget(db: Database, clock: FakeClock) -> None:
    one, two = Limiter(db, "acme", 60, clock, 30.0), Limiter(db, "acme", 60, clock, 30.0)
    began = clock.now
    for _ in range(5):
        one.take()
        two.take()
    assert clock.now - began == pytest.approx(9.0, abs=0.01)


def test_accounts_do_not_share(db: Database, clock: FakeClock) -> None:
    began = clock.now
    Limiter(db, "acme", 60, clock, 30.0).take()
    Limiter(db, "other", 60, clock, 30.0).take()
    assert clock.now == began


@pytest.mark.parametrize("per_minute", [None, 60])
def test_nobody_sends_while_retry_after_runs(db: Database, clock: FakeClock, per_minute: int | None) -> None:
    Limiter(db, "acme", per_minute, clock, 30.0).hold(20.0)
    began = clock.now
    Limiter(db, "acme", per_minute, clock, 30.0).take()
    assert clock.now - began >= 20.0


def test_a_wait_longer_than_the_patience_is_an_error_with_a_time(db: Database, clock: FakeClock) -> None:
    limiter = Limiter(db, "acme", None, clock, 30.0)
    limiter.hold(3000.0)
    with pytest.raises(Transient) as caught:
        limiter.take()
    assert caught.value.scope is Scope.ACCOUNT
    assert caught.value.retry_after == pytest.approx(3000.0)
    assert clock.slept == []


def test_a_clock_set_back_does_not_stop_the_budget_for_hours(db: Database, clock: FakeClock) -> None:
    limiter = Limiter(db, "acme", 60, clock, 30.0)
    limiter.take()
    clock.now -= 2 * 3600
    assert budgets.reserve(db, "acme", clock.wall(), 1.0, 1) == 0.0
