"""What the platform does to records on its own."""

from __future__ import annotations

import pytest

RESOLVED = {"state": "6", "close_code": "Solution provided", "close_notes": "Changed the drum."}


def create(desk, table="incident", **values):
    answer = desk.post(f"/table/{table}", json=values)
    assert answer.status_code == 201, answer.text
    return answer.json()["result"]["sys_id"]


def change(desk, sys_id, table="incident", **values):
    return desk.patch(f"/table/{table}/{sys_id}", json=values)


def row(box, sys_id, table="incident"):
    (found,) = box.servicenow.rows(table, sys_id=sys_id)
    return found


def test_resolving_needs_code_and_notes(box, sn):
    key = create(sn)
    answer = change(sn, key, state="6", close_code="Solution provided")
    assert answer.status_code == 403
    assert answer.json()["error"]["detail"] == (
        "Data Policy Exception: The following fields are mandatory: Resolution notes"
    )
    box.clock.advance(90)
    answer = change(sn, key, **RESOLVED)
    assert answer.status_code == 200
    found = row(box, key)
    assert (found["active"], found["closed_at"], found["incident_state"]) == ("true", "", "6")
    assert found["resolved_by"]
    assert int(found["calendar_stc"]) >= 90
    box.servicenow.resolution_mandatory = False
    assert change(sn, create(sn), state="6").status_code == 200


def test_a_code_that_is_not_on_the_list_does_not_resolve(sn):
    assert change(sn, create(sn), state="6", close_code="Done", close_notes="x").status_code == 403


def test_a_resolved_one_may_be_reopened(box, sn):
    key = create(sn)
    change(sn, key, **RESOLVED)
    assert change(sn, key, state="2").status_code == 200
    found = row(box, key)
    assert (found["reopen_count"], found["resolved_at"], found["active"]) == ("1", "", "true")


def test_a_closed_one_is_locked_for_the_integration(box, sn, admin):
    key = create(sn)
    change(sn, key, **RESOLVED)
    assert change(sn, key, state="7").status_code == 403
    assert change(admin, key, state="7").status_code == 200
    assert row(box, key)["active"] == "false"
    for values in ({"comments": "thanks"}, {"state": "2"}, {"short_description": "x"}):
        answer = change(sn, key, **values)
        assert answer.status_code == 403
        assert "aborted by Business Rule 'Prevent changes to closed incidents^" in answer.json()["error"]["detail"]
    assert box.servicenow.journal(key) == []
    box.servicenow.closed_locked = False
    assert change(sn, key, comments="thanks").status_code == 200


def test_state_and_its_twin_agree(box, sn):
    key = create(sn, state="2", incident_state="1")
    assert row(box, key)["incident_state"] == "2"
    change(sn, key, incident_state="3", hold_reason="1")
    assert (row(box, key)["state"], row(box, key)["hold_reason"]) == ("3", "1")
    change(sn, key, state="2")
    assert row(box, key)["hold_reason"] == ""


def test_reassignments_are_counted(box, sn):
    key = create(sn, assignment_group="a")
    change(sn, key, assignment_group="b")
    assert row(box, key)["reassignment_count"] == "1"


@pytest.mark.parametrize(
    ("values", "child"),
    [
        ({"state": "2"}, ("2", "")),
        ({"state": "3", "hold_reason": "5"}, ("3", "5")),
        ({"state": "3", "hold_reason": "1"}, ("1", "")),
        (RESOLVED, ("6", "")),
        ({"state": "8"}, ("1", "")),
    ],
)
def test_children_follow_their_parent(box, sn, values, child):
    parent = create(sn)
    key = create(sn, parent_incident=parent)
    assert row(box, parent)["child_incidents"] == "1"
    assert change(sn, parent, **values).status_code == 200
    found = row(box, key)
    assert (found["state"], found["hold_reason"]) == child
    if values is RESOLVED:
        assert found["close_notes"] == RESOLVED["close_notes"]
        change(sn, parent, state="2")
        assert row(box, key)["state"] == "2"


def test_families_in_a_circle_come_to_rest(box, sn):
    one = create(sn)
    two = create(sn, parent_incident=one)
    change(sn, one, parent_incident=two)
    assert change(sn, one, **RESOLVED).status_code == 200
    assert row(box, two)["state"] == "6"


def test_a_problem_is_walked_step_by_step(box, sn):
    key = create(sn, "problem", short_description="Printing is down")
    assert row(box, key, "problem")["number"].startswith("PRB")

    def move(state, status=200, **values):
        answer = change(sn, key, "problem", state=state, **values)
        assert answer.status_code == status, answer.text
        return answer.json()

    assert move("106")["result"]["state"] == "101", "a step that is left out changes nothing, and nothing says so"
    box.servicenow.refuses_moves = True
    assert "from state 101 to 106 is not possible" in move("106", 403)["error"]["detail"]
    assert "Assigned to" in move("102", 403)["error"]["detail"]
    move("102", assigned_to="someone")
    move("103")
    assert "Cause notes, Fix notes" in move("104", 403)["error"]["detail"]
    move("104", cause_notes="c", fix_notes="f")
    assert "Resolution code" in move("106", 403)["error"]["detail"]
    assert "Duplicate of" in move("106", 403, resolution_code="duplicate")["error"]["detail"]
    move("106", resolution_code="fix_applied")
    move("107")
    found = row(box, key, "problem")
    assert (found["active"], found["problem_state"]) == ("false", "107")
    move("103")
    assert row(box, key, "problem")["reopen_count"] == "1"


def through(sn, key, code, **values):
    change(sn, key, "problem", state="102", assigned_to="someone")
    change(sn, key, "problem", state="103")
    notes = {"cause_notes": "c", "fix_notes": "f", "close_notes": "accepted", "resolution_code": code}
    answer = change(sn, key, "problem", **{"state": "106", **notes, **values})
    assert answer.status_code == 200, answer.text


def test_a_fix_resolves_the_incidents_that_wait_for_it(box, sn):
    problem = create(sn, "problem")
    waiting = create(sn, problem_id=problem, state="3", hold_reason="3")
    other = create(sn, problem_id=problem)
    assert row(box, problem, "problem")["related_incidents"] == "2"
    through(sn, problem, "fix_applied")
    assert (row(box, waiting)["state"], row(box, waiting)["close_code"]) == ("6", "Resolved by problem")
    assert row(box, other)["state"] == "1"


def test_an_accepted_risk_is_told_in_work_notes(box, sn):
    problem = create(sn, "problem")
    key = create(sn, problem_id=problem)
    through(sn, problem, "risk_accepted", state="107")
    (note,) = box.servicenow.journal(key)
    assert (note["element"], note["value"]) == ("work_notes", "Risk accepted: accepted")
