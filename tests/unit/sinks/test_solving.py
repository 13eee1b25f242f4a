"""Records are resolved step by step, each read back; what people did there stays."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import Permanent
from connector.plugins import Do, Key, Write
from connector.sandbox import Sandbox
from connector.sandbox.servicenow.auth import Account
from tests.unit.sinks.conftest import Built, created

ANN = Account("ann.lee", "", "a" * 32, admin=True)


def solving(sink: Any, remote_id: str, **body: Any) -> Write:
    return Write(Do.SOLVE, Key("unit-1", "s", "T", sink.table, "solve:P:0"), body, body, remote_id)


def made(box: Sandbox, table: str, **values: str) -> str:
    with box.servicenow.lock:
        ours = {"short_description": "x", "correlation_display": "connector", **values}
        return box.servicenow.insert(table, ours, Account("sync", "", "5" * 32))["sys_id"]


def row(box: Sandbox, table: str, sys_id: str) -> dict[str, str]:
    return box.servicenow.tables[table].rows[sys_id]


def test_an_incident_is_resolved_once(box: Sandbox, snow: Any) -> None:
    sys_id = made(box, "incident")
    write = solving(snow, sys_id, notes="A new server.")
    assert snow.find(write, None).found == ()
    snow.solve(write)
    shown = row(box, "incident", sys_id)
    assert (shown["state"], shown["close_code"], shown["close_notes"]) == ("6", "Resolved by problem", "A new server.")
    assert [found.remote_id for found in snow.find(write, None).found] == [sys_id]
    before = len(box.writes())
    snow.solve(write)
    assert len(box.writes()) == before
    assert snow.guards(write, 1e9)


def test_one_that_is_declined_says_so(box: Sandbox, snow: Any) -> None:
    sys_id = made(box, "incident")
    snow.solve(solving(snow, sys_id, notes="Too costly.", declined=True))
    assert row(box, "incident", sys_id)["close_code"] == "No resolution provided"


@pytest.mark.parametrize("refuses", [False, True])
def test_a_problem_goes_through_every_state(box: Sandbox, snow: Any, refuses: bool) -> None:
    box.servicenow.refuses_moves = refuses
    sys_id = made(box, "problem")
    snow.solve(solving(snow, sys_id, notes="The disk was full."))
    shown = row(box, "problem", sys_id)
    assert (shown["state"], shown["resolution_code"], shown["fix_notes"]) == (
        "106",
        "fix_applied",
        "The disk was full.",
    )
    patched = [entry for entry in box.writes() if entry.method == "PATCH"]
    assert len(patched) == 4


def test_what_people_wrote_into_a_problem_stays(box: Sandbox, snow: Any) -> None:
    sys_id = made(box, "problem", cause_notes="A leak.", assigned_to="a" * 32)
    snow.solve(solving(snow, sys_id, notes="Mended.", code="risk_accepted"))
    shown = row(box, "problem", sys_id)
    assert (shown["cause_notes"], shown["fix_notes"], shown["assigned_to"]) == ("A leak.", "Mended.", "a" * 32)
    assert (shown["resolution_code"], shown["close_notes"]) == ("risk_accepted", "Mended.")


def test_a_problem_that_was_closed_stays_closed(box: Sandbox, snow: Any) -> None:
    sys_id = made(box, "problem")
    row(box, "problem", sys_id)["state"] = "107"
    snow.solve(solving(snow, sys_id, notes="x"))
    assert row(box, "problem", sys_id)["state"] == "107"


def test_a_state_that_does_not_change_is_not_taken_for_done(box: Sandbox, snow: Any, snow_built: Built) -> None:
    sys_id = made(box, "problem")
    row(box, "problem", sys_id).update(state="102", problem_state="102", active="true")
    box.servicenow.resolution_mandatory = True
    snow.solve(solving(snow, sys_id, notes="x"))
    assert row(box, "problem", sys_id)["state"] == "106"
    other = made(box, "problem")
    stuck = snow_built(solving={"problem_code": "nobody knows it"})
    with pytest.raises(Permanent):
        stuck.solve(solving(stuck, other, notes="x"))
    assert row(box, "problem", other)["state"] != "106"


def test_what_is_gone_says_so(snow: Any, zen: Any) -> None:
    for sink, name in ((snow, "7" * 32), (zen, "777")):
        with pytest.raises(Permanent) as caught:
            sink.solve(solving(sink, name, notes="x"))
        assert caught.value.code == "gone"


TICKET = {"subject": "x", "comment": "y", "requester": {"email": "ann@ward.example", "name": "Ann", "login": ""}}


def test_a_ticket_is_solved_once_with_a_private_comment(box: Sandbox, zen: Any) -> None:
    number = created(zen, TICKET).remote_id
    write = solving(zen, number, notes="A new server.")
    assert zen.find(write, None).found == ()
    zen.solve(write)
    ticket = box.zendesk.tickets[int(number)]
    assert (ticket["status"], ticket["assignee_id"] is not None) == ("solved", True)
    comments = [(comment["body"], comment["public"]) for comment in box.zendesk.comments[int(number)][1:]]
    assert comments == [("A new server.", False)]
    zen.solve(write)
    assert len(box.zendesk.comments[int(number)]) == 2
    assert [found.remote_id for found in zen.find(write, None).found] == [number]


def test_a_ticket_goes_to_the_agent_named(box: Sandbox, zen_built: Built) -> None:
    agent = next(user for user in box.zendesk.users.values() if user["role"] == "agent")
    zen = zen_built(solver=agent["email"])
    number = created(zen, TICKET).remote_id
    zen.solve(solving(zen, number, notes="x"))
    assert box.zendesk.tickets[int(number)]["assignee_id"] == agent["id"]
