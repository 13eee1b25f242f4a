"""How many writes go in one call."""

from __future__ import annotations

import sys

from hypothesis import example, given
from hypothesis import strategies as st

from connector.batching import FEW, FIRST, REFUSALS, TARGET, Pace, choose


def test_few_go_by_themselves() -> None:
    assert choose(FEW - 1, 100, 4, 0.01).items == 1
    assert choose(FEW, 100, 4, 0.01).items > 1


def test_a_kind_without_a_call_for_many_goes_by_itself() -> None:
    assert [choose(5000, most, 4, None).items for most in (0, 1)] == [1, 1]


def test_the_first_call_is_a_small_one() -> None:
    assert choose(5000, 100, 4, None).items == FIRST


def test_a_call_takes_about_as_long_as_it_should() -> None:
    assert choose(5000, 100, 4, 0.25).items == int(TARGET / 0.25)
    assert choose(5000, 100, 4, 0.001).items == 100
    assert choose(5000, 100, 4, 2.0).items == FEW  # fewer would be no call for many
    assert choose(5000, 100, 4, 60.0).items == 1  # one alone takes longer than it should


def test_what_waits_is_shared_out_among_the_calls() -> None:
    assert choose(100, 100, 4, 0.1).items == 25
    assert choose(2000, 100, 25, 0.0).items == 80


def test_what_takes_no_time_is_not_split() -> None:
    assert choose(300, 100, 30, 0.005).items == 100
    assert choose(300, 100, 30, 0.04).items == 25
    assert choose(300, 100, 30, 0.25).items == 10


@given(
    st.integers(0, 10**6),
    st.integers(0, 100),
    st.integers(0, 40),
    st.none() | st.floats(0, 1000),
)
@example(8, 2, 0, sys.float_info.min)
def test_a_choice_is_always_one_that_can_be_sent(waiting: int, most: int, calls: int, each: float | None) -> None:
    choice = choose(waiting, most, calls, each)
    assert 1 <= choice.items <= max(most, 1)
    assert choice.reason


def test_the_pace_follows_what_is_measured_and_single_refusals_do_not_end_it() -> None:
    pace = Pace()
    pace.measured(2.0, 50)
    pace.measured(4.0, 50)
    assert pace.seconds_each == (0.04 + 0.08) / 2
    pace.declined([1, 2])
    assert pace.singly == {1, 2}
    assert not pace.refused
    pace.measured(2.0, 50)
    for _ in range(REFUSALS):
        pace.declined([3])
    assert pace.refused
