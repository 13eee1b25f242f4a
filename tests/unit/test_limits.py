"""The limiter: waits, holds, what it hears, how many at once; on one ledger and between processes."""

from __future__ import annotations

import pytest

from connector import pacing
from connector.errors import Scope, Transient
from connector.ledger import budgets
from connector.ledger.database import Database
from connector.limits import BUDGET, Limiter
from connector.plugins import Allowance, Cost
from tests.conftest import FakeClock

PATIENCE = 30.0


def limiter(db: Database, clock: FakeClock, per_minute: int | None = None, account: str = "acme") -> Limiter:
    """As a process of its own has one."""
    return Limiter(db, account, per_minute, clock, PATIENCE)


def seconds_for(clock: FakeClock, calls: int, *limiters: Limiter, cost: Cost | None = None) -> float:
    """So long that many calls take, shared out evenly."""
    began = clock.now
    for number in range(calls):
        limiters[number % len(limiters)].take(cost or {"": 1})
    return clock.now - began


def refused(limiter: Limiter, cost: Cost | None = None) -> Transient:
    with pytest.raises(Transient) as caught:
        limiter.take(cost or {"": 1})
    assert caught.value.code == BUDGET
    return caught.value


# ── spreading ──


def test_requests_are_spread_over_the_minute(db: Database, clock: FakeClock) -> None:
    assert 58.0 < seconds_for(clock, 60, limiter(db, clock, 60)) < 61.8


def test_two_processes_share_one_budget(db: Database, clock: FakeClock) -> None:
    assert 58.0 < seconds_for(clock, 60, limiter(db, clock, 60), limiter(db, clock, 60)) < 61.8


def test_accounts_do_not_share(db: Database, clock: FakeClock) -> None:
    assert seconds_for(clock, 2, limiter(db, clock, 60), limiter(db, clock, 60, "other")) == 0.0


def test_where_no_rate_is_known_nothing_waits_and_nothing_is_written(db: Database, clock: FakeClock) -> None:
    assert seconds_for(clock, 50, limiter(db, clock)) == 0.0
    assert rows(db, clock, "") == {}


def test_a_call_for_many_is_charged_for_each(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock, 600)
    one.take({"": 50})
    assert 4.0 < seconds_for(clock, 1, one) < 5.2


def test_a_class_has_its_own_limit_and_the_accounts(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock, 600)
    one.allow([Allowance("update", 60, 60.0)])
    assert seconds_for(clock, 10, one, cost={"": 1, "update": 1}) > 8.0
    assert seconds_for(clock, 10, one) < 1.2, "others do not wait for it"


def test_a_single_record_takes_its_changes_as_they_come(db: Database, clock: FakeClock) -> None:
    one, two = limiter(db, clock), limiter(db, clock)
    for each in (one, two):
        each.allow([Allowance("update_each", 30, 600.0)])
    assert seconds_for(clock, 30, one, two, cost={"": 1, "update_each/35": 1}) == 0.0
    error = refused(two, {"": 1, "update_each/35": 1})
    assert error.scope is Scope.ROW
    assert error.retry_after == pytest.approx(609.0)
    assert seconds_for(clock, 30, one, cost={"": 1, "update_each/36": 1}) == 0.0
    clock.advance(609.0)
    assert seconds_for(clock, 30, two, cost={"": 1, "update_each/35": 1}) == 0.0


def test_what_single_records_used_is_forgotten(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock)
    one.allow([Allowance("update_each", 30, 600.0)])
    one.take({"": 1, "update_each/1": 1})
    clock.advance(700.0)
    for number in range(2, 501):
        one.take({"": 1, f"update_each/{number}": 1})
    assert "update_each/1" not in rows(db, clock, "update_each/1", "update_each/2")
    assert "update_each/2" in rows(db, clock, "update_each/1", "update_each/2")


class Crowd(FakeClock):
    """Whoever sleeps is joined by another one, until so many sleep; then time passes for all."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self.others = others
        self.lengths: list[float] = []
        self.limiter: Limiter

    def sleep(self, seconds: float) -> None:
        began = self.now
        self.lengths.append(seconds)
        if len(self.lengths) <= self.others:
            self.limiter.take()
        self.now = max(self.now, began + seconds)


def test_those_who_wait_stand_in_line(db: Database) -> None:
    crowd = Crowd(others=3)
    crowd.limiter = one = Limiter(db, "acme", 60, crowd, PATIENCE)
    one.take()
    one.take()
    first, *others = crowd.lengths[:4]
    assert [length - first for length in others] == pytest.approx([1.03, 2.06, 3.09], abs=0.001)


# ── Retry-After ──


@pytest.mark.parametrize("per_minute", [None, 60])
def test_nobody_sends_while_retry_after_runs(db: Database, clock: FakeClock, per_minute: int | None) -> None:
    limiter(db, clock, per_minute).hold(20.0)
    assert seconds_for(clock, 1, limiter(db, clock, per_minute)) >= 20.0


def test_a_longer_hold_is_not_shortened(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock)
    one.hold(20.0)
    one.hold(5.0)
    assert seconds_for(clock, 1, limiter(db, clock)) == pytest.approx(20.0)


def test_a_hold_of_one_class_leaves_the_others(db: Database, clock: FakeClock) -> None:
    limiter(db, clock).hold(20.0, "update")
    assert seconds_for(clock, 5, limiter(db, clock)) == 0.0
    assert seconds_for(clock, 1, limiter(db, clock), cost={"": 1, "update": 1}) == pytest.approx(20.0)


def test_a_hold_of_one_record_leaves_the_others(db: Database, clock: FakeClock) -> None:
    limiter(db, clock).hold(20.0, "update_each/35")
    assert seconds_for(clock, 1, limiter(db, clock), cost={"": 1, "update_each/36": 1}) == 0.0
    assert seconds_for(clock, 1, limiter(db, clock), cost={"": 1, "update_each/35": 1}) == pytest.approx(20.0)


def test_what_was_paid_for_does_not_leave_once_retry_after_runs(db: Database, clock: FakeClock) -> None:
    one, two = limiter(db, clock), limiter(db, clock)
    one.take()
    two.hold(20.0)
    with pytest.raises(Transient) as caught:
        one.sent()
    assert (caught.value.code, caught.value.scope, caught.value.retry_after) == (BUDGET, Scope.ROW, 20.0)
    assert one.requests == 0
    clock.advance(20.0)
    one.sent()
    assert one.requests == 1


def test_a_wait_longer_than_the_patience_is_an_error_with_a_time(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock)
    one.hold(3000.0)
    error = refused(one)
    assert error.scope is Scope.ACCOUNT
    assert error.retry_after == pytest.approx(3000.0)
    assert clock.slept == []


def test_a_day_is_the_longest_hold(db: Database, clock: FakeClock) -> None:
    limiter(db, clock).hold(1e9)
    assert refused(limiter(db, clock)).retry_after == 86_400.0


# ── what the remote says ──


def test_what_headers_say_counts_for_all_processes(db: Database, clock: FakeClock) -> None:
    limiter(db, clock).heard([Allowance("", 60, 60.0)])
    assert seconds_for(clock, 20, limiter(db, clock)) > 18.0


def test_headers_count_for_more_than_the_documentation_and_for_less_than_the_settings(
    db: Database, clock: FakeClock
) -> None:
    one = limiter(db, clock, 120)
    one.allow([Allowance("update", 30, 60.0)])
    one.heard([Allowance("", 6000, 60.0), Allowance("update", 6000, 60.0)])
    assert 8.5 < seconds_for(clock, 20, one, cost={"": 1, "update": 1}) < 10.3
    one.heard([Allowance("", 60, 60.0)])
    assert seconds_for(clock, 20, one) > 18.0


def test_what_was_heard_an_hour_ago_says_nothing(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock)
    one.heard([Allowance("", 1, 60.0)])
    clock.advance(3601.0)
    assert seconds_for(clock, 20, one, limiter(db, clock)) == 0.0


def test_where_others_use_the_account_what_is_left_is_shared_out(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock, 600)
    one.heard([Allowance("", 600, 60.0, remaining=10, resets=30.0)])
    assert 24.0 < seconds_for(clock, 10, one) < 31.0
    clock.advance(30.0)
    assert seconds_for(clock, 100, one) < 10.5, "the count has started anew"


def test_nothing_left_is_a_hold_before_any_429(db: Database, clock: FakeClock) -> None:
    limiter(db, clock).heard([Allowance("", 600, 60.0, remaining=0, resets=17.0)])
    assert seconds_for(clock, 1, limiter(db, clock)) >= 17.0


def test_nothing_left_for_one_record_holds_that_alone(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock)
    one.heard([Allowance("update_each/35", 30, 600.0, remaining=0, resets=400.0)])
    assert refused(one, {"": 1, "update_each/35": 1}).scope is Scope.ROW
    assert seconds_for(clock, 30, one, cost={"": 1, "update_each/36": 1}) == 0.0


# ── how many at once ──


def test_a_bare_429_halves_the_width_and_quiet_brings_it_back(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock)
    assert one.width(8) == 8
    one.hold(None)
    one.hold(None)  # the same crowd
    assert one.width(8) == 4
    assert seconds_for(clock, 1, one) >= 1.0
    clock.advance(5.0)
    one.hold(None)
    assert one.width(8) == 2
    assert one.width(1) == 1
    clock.advance(3600.0)
    assert one.width(8) == 8


@pytest.mark.parametrize("times", range(1, 6))
def test_one_call_at_a_time_is_always_allowed(db: Database, clock: FakeClock, times: int) -> None:
    one = limiter(db, clock)
    for _ in range(times):
        one.hold(None)
        clock.advance(5.0)
    assert one.width(4) >= 1


# ── clocks ──


@pytest.mark.parametrize("per_minute", [None, 60])
@pytest.mark.parametrize("back", [120.0, 3600.0, 7200.0])
def test_a_clock_set_back_prolongs_no_wait(db: Database, clock: FakeClock, back: float, per_minute: int | None) -> None:
    one = limiter(db, clock, per_minute)
    one.take()
    one.hold(20.0)
    clock.now -= back
    for each in (one, limiter(db, clock, per_minute)):
        assert seconds_for(clock, 1, each) <= 21.0


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_was_set_lets_no_burst_out(db: Database, clock: FakeClock, hours: int) -> None:
    one = limiter(db, clock, 60)
    seconds_for(clock, 10, one)
    clock.now += hours * 3600.0
    assert seconds_for(clock, 20, one) > 17.0


def test_a_clock_set_forward_ends_no_hold_of_this_process(db: Database, clock: FakeClock) -> None:
    one = limiter(db, clock)
    one.hold(20.0)
    clock.now += 3600.0
    assert seconds_for(clock, 1, one) >= 20.0


def rows(db: Database, clock: FakeClock, *names: str) -> dict[str, pacing.Budget]:
    return budgets.look(db, "acme", names, clock.wall())
