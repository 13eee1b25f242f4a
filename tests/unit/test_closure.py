"""What the end of a problem means for its members, and what a record's new version says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.closure import DEFAULT, OVER, Closure, Ending, Member, Parent, Stage, ending, follows
from connector.news import Seen, news, remarks, seen
from connector.plugins import Change, Said, Status

R, C, O = Status.RESOLVED, Status.CLOSED, Status.OPEN  # noqa: E741 - as they stand in the tables
MEMBERS = (Member(1, O), Member(2, R), Member(3, None), Member(4, C), Member(5, Status.GONE))


def parent(stage: Stage = Stage.OPEN, now: Status = R, code: str = "", was: Status | None = O) -> Parent:
    return Parent(stage, was, now, code)


def test_those_still_open_are_solved_and_all_are_told() -> None:
    then = follows(parent(), MEMBERS)
    assert (then.stage, then.told, then.solve) == (Stage.RESOLVED, ("problem_resolved",), (1, 3))


def test_closed_without_a_word_is_resolved_and_closed() -> None:
    then = follows(parent(now=C), MEMBERS)
    assert (then.stage, then.told, then.solve) == (Stage.CLOSED, ("problem_resolved", "problem_closed"), (1, 3))


def test_resolved_becomes_closed() -> None:
    then = follows(parent(Stage.RESOLVED, C, was=R), MEMBERS)
    assert (then.stage, then.told, then.solve) == (Stage.CLOSED, ("problem_closed",), ())


def test_what_will_not_be_changed_says_so() -> None:
    then = follows(parent(code="Risk_Accepted"), MEMBERS)
    assert (then.told, then.solve, then.declined) == (("declined",), (1, 3), True)


@pytest.mark.parametrize("end", [(R, "canceled"), (C, "duplicate"), (Status.GONE, ""), (Status.MERGED, "")])
def test_a_problem_that_only_went_away_solves_nothing(end: tuple[Status, str]) -> None:
    then = follows(parent(now=end[0], code=end[1]), MEMBERS)
    assert (then.told, then.solve) == (("problem_closed",), ())
    assert then.stage is not Stage.OPEN


def test_reopened_it_reopens_what_we_solved_where_that_is_wanted() -> None:
    members = (Member(1, R, solved_by_us=True), Member(2, R), Member(3, C, solved_by_us=True))
    again = parent(Stage.RESOLVED, O, was=R)
    assert follows(again, members).reopen == ()
    then = follows(again, members, Closure(reopen_children=True))
    assert (then.stage, then.reopen, then.told) == (Stage.OPEN, (1,), ("problem_changed",))


def test_known_and_no_date() -> None:
    assert follows(Parent(Stage.OPEN, O, O, newly_known=True), MEMBERS).told == ("deferred",)


@given(
    st.sampled_from(Stage),
    st.none() | st.sampled_from(Status),
    st.sampled_from(Status),
    st.sampled_from(["", "canceled", "risk_accepted"]),
)
def test_what_followed_does_not_follow_again(stage: Stage, was: Status | None, now: Status, code: str) -> None:
    then = follows(Parent(stage, was, now, code), MEMBERS)
    again = follows(Parent(then.stage, now, now, code), MEMBERS)
    assert (again.stage, again.told, again.solve, again.reopen) == (then.stage, (), (), ())
    assert not {2, 4, 5} & set(then.solve)
    assert (then.stage is Stage.OPEN) == (now not in OVER)


def test_codes_count_in_any_case() -> None:
    assert ending("NO RESOLUTION PROVIDED", DEFAULT) is Ending.DECLINED
    assert ending("", DEFAULT) is Ending.SOLVED


# ── news ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def told(was: Status | None, now: Status, **more: object) -> list[str]:
    before = None if was is None else Seen("R", was)
    change = Change("R", now, stamp="s", updated_at=5.0, **more)  # type: ignore[arg-type]
    return [each.what for each in news(before, seen(before, change, ()), change, DEFAULT)]


def test_steps() -> None:
    assert told(None, Status.NEW) == []
    assert told(None, R) == ["resolved"]
    assert told(O, Status.PENDING) == ["changed"]
    assert told(O, R, resolution="No resolution provided") == ["declined"]
    assert told(R, C) == ["closed"]
    assert told(O, C) == ["resolved", "closed"]
    assert told(O, Status.CANCELLED) == ["closed"]
    assert told(R, O) == told(C, O) == ["reopened"]
    assert told(O, Status.GONE) == []
    assert told(Status.GONE, O) == ["changed"]
    assert told(O, Status.MERGED, merged_into="7") == ["changed"]


@given(st.none() | st.sampled_from(Status), st.sampled_from(Status))
def test_the_same_version_again_is_no_news(was: Status | None, now: Status) -> None:
    change = Change("R", now, stamp="s", updated_at=5.0)
    first = seen(None if was is None else Seen("R", was), change, ())
    assert news(first, seen(first, change, ()), change, DEFAULT) == []
    assert remarks(first, seen(first, change, ()), change) == []


def test_what_the_remote_does_not_count_is_counted() -> None:
    answer = Said("c1", 7.0, "ann", public=True, desk=True, text="x")
    first = seen(None, Change("R", O, "1", 1.0, group="A"), (answer, Said("c2", 3.0, "", True, False, "y")))
    assert (first.replies, first.answered_at) == (1, 7.0)
    second = seen(first, Change("R", R, "2", 9.0, group="B"), ())
    assert (second.reassigned, second.resolved_at, second.answered_at) == (1, 9.0, 7.0)
    third = seen(second, Change("R", O, "3", 11.0, group="B"), ())
    assert (third.reopened, third.resolved_at) == (1, None)
    assert seen(third, Change("R", C, "4", 12.0, group="B", reopened=3), ()).reopened == 3


def test_words_stay_out_of_what_people_are_told() -> None:
    change = Change("R", R, "1", 1.0, notes="Jane Sample", said=(Said("c", 1.0, "", True, True, "Jane Sample"),))
    assert "Jane" not in str(news(None, seen(None, change, ()), change, DEFAULT))
