"""Zendesk's pure rules for many at once: what results mean, what calls cost, who is new."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Permanent, RemoteError, Transient, Uncertain
from connector.plugins import Do, Key, Receipt, Write
from connector.sinks.zendesk import allowances, receipts, results
from connector.sinks.zendesk import fields as tickets
from connector.sinks.zendesk.newcomers import Acquaintance
from connector.sinks.zendesk.results import Status


def asked(do: Do = Do.CREATE, name: str = "T", remote_id: str = "", **body: Any) -> Write:
    part = "ticket" if do is Do.CREATE else f"{do}:1"
    return Write(do, Key("unit-1", "s", name, "tickets", part), body, {}, remote_id)


def told(write: Write, row: dict[str, Any] | None, **more: Any) -> results.Outcome:
    document = {"status": "completed", "total": 1, "results": None if row is None else [row], **more}
    [found] = results.outcomes("zen", Status.of(document), [write], {}, receipt)
    return found


def receipt(ticket: results.Row, write: Write) -> Receipt:
    return receipts.of_ticket("https://x", ticket, write)


# ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "details", "kind", "code"),
    [
        ("TicketCreateFailed", "Description: cannot be blank", Permanent, "refused"),
        ("TicketCreateFailed", "Type:: is required when solving a ticket", Permanent, "refused"),
        ("TicketCreateFailed", "Requester creation collision - please try again", Transient, "collision"),
        ("UpdateConflict", "Safe Update prevented the update", Transient, "collision"),
        ("TicketUpdateFailed", "Status: closed prevents ticket update", Permanent, "closed"),
        ("TicketNotFound", "Not found", Permanent, "gone"),
        ("PermissionDenied", None, Permanent, "refused"),
        ("TicketCreateFailed", "status 500", Uncertain, "odd"),
        ("TicketCreateFailed", "Error: execution timed out", Uncertain, "odd"),
        ("TicketCreateFailed", None, Uncertain, "odd"),
        ("SomethingNew", "", Uncertain, "odd"),
        ({"title": "odd"}, ["shapes"], Uncertain, "odd"),
    ],
)
@pytest.mark.parametrize("do", [Do.CREATE, Do.UPDATE])
def test_what_a_failed_result_means(do: Do, error: Any, details: Any, kind: type[RemoteError], code: str) -> None:
    row = {"index": 0, "id": 7, "success": False, "error": error, "details": details}
    found = told(asked(do, remote_id="7"), row)
    assert isinstance(found, kind)
    assert found.code == code


def test_a_refusal_names_the_field_and_not_the_person() -> None:
    row = {"index": 0, "error": "TicketCreateFailed", "details": "Requester: Jane Q. Sample is suspended."}
    assert str(told(asked(), row)) == "zen refused it (requester: TicketCreateFailed)"


@pytest.mark.parametrize("status", ["completed", "failed", "killed"])
@pytest.mark.parametrize("reported", [None, [], {"success": True}, "text", [None, 7]])
def test_what_was_not_reported_is_uncertain(status: str, reported: Any) -> None:
    found = told(asked(), None, status=status, results=reported)
    assert isinstance(found, Uncertain)
    assert found.code == "job-silent"


@pytest.mark.parametrize("status", ["queued", "working", "paused", None])
def test_other_states_are_no_end(status: Any) -> None:
    assert not Status.of({"status": status}).ended


def test_two_results_for_one_place_are_both_doubted() -> None:
    rows = [{"index": 0, "error": "TicketCreateFailed", "details": "Description: cannot be blank"}] * 2
    assert isinstance(told(asked(), None, results=rows), Uncertain)


_VALUES = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["Updated", "Failed", "TicketCreateFailed"])
_NAMES = st.sampled_from(["index", "id", "error", "details", "success", "status", "external_id", "subject"])
_ROWS = st.lists(st.dictionaries(_NAMES, _VALUES | st.lists(_VALUES, max_size=2), max_size=5), max_size=4)
_DOCUMENTS = st.fixed_dictionaries({"status": st.just("completed"), "total": _VALUES, "results": _ROWS})


def test_one_ticket_for_two_places_is_believed_of_neither() -> None:
    status = Status(True, 2, [{"index": 0, "id": 7}, {"index": 1, "id": 7}])
    found = results.outcomes("zen", status, [asked(name="A"), asked(name="B")], {}, receipt)
    assert [type(each) for each in found] == [Uncertain] * 2


@given(_DOCUMENTS, st.dictionaries(st.integers(0, 3), st.dictionaries(_NAMES, _VALUES, max_size=3)), st.booleans())
def test_every_write_has_one_outcome_whatever_a_job_says(document: Any, rows: Any, creates: bool) -> None:
    held = {number: {**row, "id": number, "status": "open"} for number, row in rows.items()}
    if creates:
        writes = [asked(name=f"T{n}", subject="s") for n in range(3)]
    else:
        writes = [asked(Do.UPDATE, remote_id=str(n)) for n in range(3)]
    found = results.outcomes("zen", Status.of(document), writes, held, receipt)
    assert len(found) == 3
    made = [each.remote_id for each in found if isinstance(each, Receipt)]
    assert len(set(made)) == len(made), "no ticket answers for two"


@given(st.permutations(range(5)), st.integers(0, 5))
def test_tickets_are_told_by_their_key_in_any_order(order: list[int], total: int) -> None:
    writes = [asked(name=f"T{n}") for n in range(5)]
    rows = [{"index": n, "id": 100 + n} for n in order]
    held = {100 + n: {"id": 100 + n, "status": "new", "external_id": writes[n].key.remote} for n in order}
    status = Status.of({"status": "completed", "total": total, "results": rows})
    found = results.outcomes("zen", status, writes, held, receipt)
    assert [each.remote_id for each in found if isinstance(each, Receipt)] == ["100", "101", "102", "103", "104"]


# ── costs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("write", "cost"),
    [
        (asked(), {"": 1, "create": 1}),
        (asked(Do.UPDATE, remote_id="5", priority="low"), {"": 1, "update": 1, "update_each/5": 1}),
        (
            asked(Do.UPDATE, remote_id="5", priority="low", tags={"add": ["a"], "remove": ["b"]}),
            {"": 3, "update": 1, "update_each/5": 3},
        ),
        (asked(Do.UPDATE, remote_id="5", tags={"add": ["a"], "remove": []}), {"": 1, "update_each/5": 1}),
        (asked(Do.COMMENT, remote_id="5"), {"": 1, "update": 1, "update_each/5": 1}),
        (asked(Do.ATTACH, remote_id="5"), {"": 2, "update": 1, "update_each/5": 1}),
        (asked(Do.LINK, remote_id="5", problem="9"), {"": 2, "update": 1, "update_each/5": 1}),
        (asked(Do.LINK, remote_id="5", problem=""), {"": 1, "update": 1, "update_each/5": 1}),
    ],
)
def test_what_one_costs(write: Write, cost: dict[str, int]) -> None:
    assert allowances.cost([write]) == cost


def test_what_a_job_costs() -> None:
    assert allowances.cost([asked()] * 100) == {"": 1, "jobs": 1}
    changed = [asked(Do.UPDATE, remote_id="5"), asked(Do.LINK, remote_id="6", problem="9")]
    assert allowances.cost(changed) == {"": 2, "jobs": 1, "update_each/5": 1, "update_each/6": 1}


# ── newcomers ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_newcomer_is_known_once_a_ticket_of_theirs_was_made() -> None:
    known = Acquaintance()
    first = {"requester": {"email": "A@x.example", "name": "A"}}
    assert known.newcomer(first) == "a@x.example"
    known.meet(first)
    assert known.newcomer({"requester": {"email": "a@X.example", "name": "A"}}) == ""
    assert known.newcomer({}) == ""


def test_no_more_people_are_remembered_than_allowed() -> None:
    known = Acquaintance(size=2)
    people = [{"requester": {"email": f"{n}@x.example"}} for n in range(3)]
    for each in (*people, people[2]):
        known.meet(each)
    assert [bool(known.newcomer(each)) for each in people] == [True, False, False]


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_of_many_says_nothing_of_tags_that_stay() -> None:
    body = {"group": None, "tags": {"add": [], "remove": ["a"]}, "reopen": True}
    assert tickets.changed(body, 5) == {"id": 5, "group_id": None, "status": "open", "remove_tags": ["a"]}


@pytest.mark.parametrize(
    ("held", "clears", "kept"),
    [("x", False, True), ("x", True, False), (None, True, True), ("", True, True), (False, True, True)],
)
def test_what_was_to_be_cleared_is_looked_at(held: Any, clears: bool, kept: bool) -> None:
    assert (not tickets.unkept({"custom:a": {"id": 1, "value": None}}, {"custom:a": held}, clears)) is kept


@pytest.mark.parametrize(
    ("name", "sent", "held", "same"),
    [
        ("created_at", "2020-01-01T00:00:00+01:00", "2019-12-31T23:00:00Z", True),
        ("due_at", "2020-01-01T00:00:00.4Z", "2020-01-01T00:00:00Z", True),
        ("due_at", "2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z", False),
        ("due_at", "2020-01-01", "2020-01-01", True),
        ("due_at", "soon", "later", False),
    ],
)
def test_times_are_the_same_moment(name: str, sent: str, held: str, same: bool) -> None:
    assert tickets.same(name, sent, held) is same
