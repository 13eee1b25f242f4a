"""The rules that choose a move: pure, so they are tested by values alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery import (
    TABLE,
    TICK,
    Absent,
    Found,
    IllegalMove,
    Move,
    State,
    Wait,
    after,
    changes,
    difference,
    verdict,
)
from connector.plugins import Look, Receipt

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTLE = 360.0


def look(*found: str, date: datetime | None = NOON, control: bool | None = True) -> Look:
    return Look(tuple(Receipt(name) for name in found), date, control)


def test_the_table_knows_these_moves_and_no_others() -> None:
    assert after(State.SENDING, Move.LOST) is State.UNSURE
    for state in State:
        for move in Move:
            if (state, move) not in TABLE:
                with pytest.raises(IllegalMove):
                    after(state, move)


def test_nothing_leads_from_sending_back_to_queued_but_a_proof_that_nothing_was_done() -> None:
    ways = {move for (state, move), now in TABLE.items() if state is State.SENDING and now is State.QUEUED}
    assert ways == {Move.DEFERRED}


def test_final_states_have_no_way_out() -> None:
    assert not {state for state, _ in TABLE} & {State.SENT, State.DROPPED}


def test_a_hit_is_adopted_oldest_first_and_the_rest_is_named() -> None:
    decided = verdict(look("old", "young"), None, SETTLE, guarded=False)
    assert isinstance(decided, Found)
    assert decided.receipt.remote_id == "old"
    assert [other.remote_id for other in decided.others] == ["young"]


def test_one_empty_look_proves_nothing() -> None:
    decided = verdict(look(), None, SETTLE, guarded=True)
    assert decided == Wait(NOON, SETTLE + TICK, "not found; looking again later")


def test_two_empty_looks_far_enough_apart_with_a_control_prove_absence() -> None:
    later = NOON + timedelta(seconds=SETTLE + TICK)
    assert isinstance(verdict(look(date=later), NOON, SETTLE, guarded=False), Absent)


@pytest.mark.parametrize("control", [None, False])
def test_without_a_control_absence_is_not_believed(control: bool | None) -> None:
    later = NOON + timedelta(hours=5)
    assert isinstance(verdict(look(date=later, control=control), NOON, SETTLE, guarded=False), Wait)


def test_a_failed_control_throws_away_what_the_first_look_seemed_to_say() -> None:
    decided = verdict(look(date=NOON + timedelta(hours=1), control=False), NOON, SETTLE, guarded=False)
    assert isinstance(decided, Wait)
    assert decided.empty_since is None


def test_where_the_remote_refuses_a_second_copy_no_control_is_needed() -> None:
    later = NOON + timedelta(seconds=SETTLE + TICK)
    assert isinstance(verdict(look(date=later, control=None), NOON, SETTLE, guarded=True), Absent)


def test_an_answer_without_a_date_proves_nothing() -> None:
    decided = verdict(look(date=None), NOON, SETTLE, guarded=True)
    assert isinstance(decided, Wait)
    assert decided.empty_since is None


@given(st.floats(0, 100), st.floats(0, SETTLE))
def test_dates_that_are_cut_to_seconds_prove_nothing_early(first: float, apart: float) -> None:
    seen, later = (NOON + timedelta(seconds=int(moment)) for moment in (first, first + apart))
    assert isinstance(verdict(look(date=later), seen, SETTLE, guarded=False), Wait)


@given(st.floats(min_value=-1e5, max_value=SETTLE), st.booleans(), st.sampled_from([True, None]))
def test_absence_is_never_proved_early(seconds: float, guarded: bool, control: bool | None) -> None:
    decided = verdict(look(date=NOON + timedelta(seconds=seconds), control=control), NOON, SETTLE, guarded)
    assert isinstance(decided, Wait)
    assert decided.seconds > 0


def test_an_update_sends_only_what_differs_from_what_we_last_sent() -> None:
    decided = changes({"a": "1", "b": "2"}, {"a": "1", "b": "x"}, {"b": "x"}, {"b": "x"}, frozenset())
    assert decided.send == {"b": "2"}


def test_what_an_analyst_changed_is_left_alone() -> None:
    decided = changes({"group": "A"}, {"group": "B"}, {"group": "b-id"}, {"group": "other-id"}, frozenset())
    assert decided.send == {}
    assert decided.left == ("group",)


def test_unless_the_mapping_says_that_we_own_the_field() -> None:
    decided = changes({"group": "A"}, {"group": "B"}, {"group": "b"}, {"group": "c"}, frozenset({"group"}))
    assert decided.send == {"group": "A"}


def test_tags_are_added_and_removed_never_replaced() -> None:
    decided = changes(
        {"tags": ["a", "c"]}, {"tags": ["a", "b"]}, {"tags": "x"}, {"tags": "y"}, frozenset(), frozenset({"tags"})
    )
    assert decided.send == {"tags": {"add": ["c"], "remove": ["b"]}}


@given(st.lists(st.text(max_size=3), unique=True), st.lists(st.text(max_size=3), unique=True))
def test_a_difference_leads_from_one_list_to_the_other(now: list[str], before: list[str]) -> None:
    step = difference(now, before)
    assert set(before) - set(step["remove"]) | set(step["add"]) == set(now)


values = st.one_of(st.none(), st.text(max_size=3), st.integers(0, 3))
fields = st.dictionaries(st.sampled_from("abcde"), values)


@given(fields, fields, fields, fields)
def test_nothing_is_sent_twice_and_nothing_unmapped_is_touched(rendered, sent, echo, current) -> None:
    decided = changes(rendered, sent, echo, current, frozenset())
    assert set(decided.send) | set(decided.left) <= set(rendered)
    assert not set(decided.send) & set(decided.left)
    for name in decided.send:
        assert name not in sent or sent[name] != rendered[name]
        assert name not in echo or current.get(name) == echo[name]
