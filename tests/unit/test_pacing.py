"""Never more than is allowed in any window of the remote, whoever calls when and for how much; and hardly less."""

from __future__ import annotations

import bisect
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.pacing import NOTHING, SLACK, Budget, Counted, Rule, Spread, Width

ALLOWANCES = st.tuples(st.sampled_from([1, 5, 20, 30, 100, 700, 2500]), st.sampled_from([1.0, 60.0, 600.0, 3600.0]))
START = 1_790_000_000.0
Sent = list[tuple[float, int]]


def sliding(sent: Sent, seconds: float) -> int:
    """The most units in any window, as a remote counts that looks back from every request."""
    times = [moment for moment, _ in sent]
    totals = [0]
    for _, units in sent:
        totals.append(totals[-1] + units)
    # A window excludes its far end; rounding may put a request a hair before it: seconds since 1970 are exact to a
    # quarter of a microsecond, and a time here is the sum of several.
    firsts = (bisect.bisect_right(times, moment - seconds + 1e-5) for moment in times)
    return max((totals[place + 1] - totals[first] for place, first in enumerate(firsts)), default=0)


def fixed(sent: Sent, seconds: float, offset: float) -> int:
    """The most units in one of the windows that begin at `offset`, as a remote counts that starts anew."""
    counts: dict[int, int] = {}
    for moment, units in sent:
        window = int((moment - offset) // seconds)
        counts[window] = counts.get(window, 0) + units
    return max(counts.values(), default=0)


def calls(rule: Rule, wanted: list[tuple[float, int]]) -> Iterator[tuple[float, int]]:
    """When each call goes, where each is wanted so many seconds after the one before."""
    budget, now = NOTHING, START
    for pause, units in wanted:
        now += pause
        now += rule.wait(budget, units, now)
        assert rule.wait(budget, units, now) < 1e-4
        budget = rule.spent(budget, units, now)
        yield now, units


@st.composite
def wanted(draw: st.DrawFn, rule: Rule) -> list[tuple[float, int]]:
    """Busy and quiet times, singles and calls for many."""
    pauses = st.one_of(st.just(0.0), st.floats(0, 2 * rule.seconds / rule.allowed), st.floats(0, 2 * rule.seconds))
    units = st.one_of(st.just(1), st.integers(1, max(1, min(rule.allowed, 60))))
    runs = draw(st.lists(st.tuples(st.integers(1, 40), pauses, units), max_size=12))
    return [(pause, units) for length, pause, units in runs for _ in range(length)]


@given(st.data(), ALLOWANCES, st.sampled_from([Spread, Counted]), st.floats(0, 1))
def test_no_window_of_the_remote_holds_more_than_allowed(
    data: st.DataObject, allowance: tuple[int, float], kind: type[Spread | Counted], offset: float
) -> None:
    rule = kind(*allowance)
    sent = list(calls(rule, data.draw(wanted(rule))))
    assert sliding(sent, rule.seconds) <= rule.allowed
    assert fixed(sent, rule.seconds, START + offset * rule.seconds) <= rule.allowed


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.sampled_from([(20, 60.0), (100, 60.0), (700, 60.0)]))
def test_nor_where_requests_are_late_at_the_remote(lateness: list[float], allowance: tuple[int, float]) -> None:
    rule = Spread(*allowance)
    late = rule.seconds * SLACK / 2
    times = [moment for moment, _ in calls(rule, [(0.0, 1)] * (3 * rule.allowed))]
    arrived = sorted(moment + late * lateness[place % len(lateness)] for place, moment in enumerate(times))
    assert sliding([(moment, 1) for moment in arrived], rule.seconds) <= rule.allowed


@pytest.mark.parametrize("allowance", [(700, 60.0), (200, 60.0), (100, 60.0), (20, 60.0), (1000, 3600.0)])
def test_who_always_wants_more_uses_95_percent(allowance: tuple[int, float]) -> None:
    rule = Spread(*allowance)
    windows = 4
    sent = list(calls(rule, [(0.0, 1)] * (windows * rule.allowed)))
    used = sum(moment <= START + (windows - 1) * rule.seconds for moment, _ in sent)
    assert used >= 0.95 * (windows - 1) * rule.allowed


@given(st.lists(st.floats(0, 0.8), min_size=1, max_size=35))
def test_who_wakes_up_late_catches_up(naps: list[float]) -> None:
    rule, budget, now = Spread(700, 60.0), NOTHING, START
    for number in range(700):
        now += rule.wait(budget, 1, now)
        budget = rule.spent(budget, 1, now)
        now += naps[number // 20 % len(naps)] if number % 20 == 0 else 0.0
    assert now - START <= 60.0 * (1 + SLACK) + 1.0


def test_slowed_by_others_it_keeps_the_longer_distance_at_once() -> None:
    slowed = Spread(700, 60.0, slowed=3.0)
    times = [moment for moment, _ in calls(slowed, [(0.0, 1)] * 5)]
    assert times == [START + 3.0 * place for place in range(5)]


@given(st.floats(60.0, 1e7), st.floats(0, 3600.0))
def test_a_clock_set_back_changes_no_distance(back: float, ahead: float) -> None:
    written = Budget(START + ahead, START + ahead, 5, 60.0, START, (START - 1.0, START), START)
    moved = written.at(START - back)
    assert moved.tat - (START - back) == pytest.approx(ahead, abs=1e-5)
    assert moved.held_until - (START - back) == pytest.approx(ahead, abs=1e-5)
    assert moved.uses == pytest.approx((START - back - 1.0, START - back), abs=1e-5)
    assert moved.at(START - back) is moved
    assert written.at(START + back) is written


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=50), st.integers(1, 32))
def test_the_width_is_between_one_and_most(story: list[tuple[float, bool]], most: int) -> None:
    width, now = Width(), 1000.0
    for passed, full in story:
        now += passed
        before = width.now(most, now)
        assert 1 <= before <= most
        if full:
            width.shed(now)
            assert width.now(most, now) <= before
    assert width.now(most, now + most * Width.CREEP) == most
