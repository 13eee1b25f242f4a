"""Historic loads through the Import API."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from connector.errors import Uncertain
from connector.plugins import Do, Receipt
from connector.sandbox import Sandbox
from tests.unit.sinks.conftest import Built, write

THEN = "2019-03-04T05:06:07Z"
OLD = {"subject": "Screen stayed dark", "comment": "It did.", "created_at": "2019-03-04T06:06:07+01:00"}


@pytest.fixture
def zen(zen_built: Built) -> Any:
    return zen_built(mode="import")


def tickets(box: Sandbox) -> list[Any]:
    return box.zendesk.list_tickets()


def test_times_of_their_own_for_the_ticket_and_what_was_said_first(box: Sandbox, zen: Any) -> None:
    asked = write(zen, Do.CREATE, {**OLD, "updated_at": "2019-03-05T00:00:00Z", "solved_at": "2019-03-05T00:00:00Z"})
    receipt = zen.create(asked)
    [ticket] = tickets(box)
    assert (ticket["created_at"], ticket["updated_at"]) == (THEN, "2019-03-05T00:00:00Z")
    [said] = box.zendesk.comments[ticket["id"]]
    assert (said["body"], said["created_at"]) == ("It did.", THEN)
    assert receipt.created_at == receipt.echo["created_at"] == THEN
    assert not receipt.unkept
    [sent] = (entry for entry in box.writes() if "tickets" in entry.path)
    assert (sent.path.removesuffix(".json"), sent.idempotency_key) == ("/api/v2/imports/tickets", None)
    assert zen.find(asked, None).found == (receipt,)


def test_many_are_imported_as_each_alone(box: Sandbox, zen: Any) -> None:
    writes = [write(zen, Do.CREATE, OLD, name=f"T{n}") for n in range(3)]
    job = zen.create_many(writes)
    assert [type(each) for each in zen.ended({job.id: writes})[job.id]] == [Receipt] * 3
    zen.create(write(zen, Do.CREATE, OLD, name="T0"))
    many, one = (entry for entry in box.writes() if "tickets" in entry.path)
    assert json.loads(many.body)["tickets"][0] == json.loads(one.body)["ticket"]
    assert {ticket["created_at"] for ticket in tickets(box)} == {THEN}


def test_nothing_guards_an_import(box: Sandbox, zen: Any) -> None:
    asked = write(zen, Do.CREATE, OLD)
    assert not zen.guards(asked, 0)
    assert dict(zen.cost([asked])) == {"": 1}
    box.faults.add("POST /api/v2/imports/tickets", "lose_answer")
    with pytest.raises(Uncertain):
        zen.create(asked)
    assert len(zen.find(replace(asked, job=None), None).found) == 1


def test_times_are_for_imports_and_for_births_alone(zen: Any, zen_built: Built) -> None:
    names = {spec.name for spec in zen.fields()} - {spec.name for spec in zen_built().fields()}
    assert names == {"created_at", "updated_at", "solved_at"}
    assert "created_at" not in zen.resolve(Do.UPDATE, OLD).body
    odd = zen.resolve(Do.CREATE, {**OLD, "created_at": "last year"})
    assert "created_at" not in odd.body
    assert [finding.code for finding in odd.findings] == ["not-a-time"]


@pytest.mark.parametrize(("role", "codes"), [("admin", {"imports"}), ("agent", {"imports", "forbidden"})])
def test_check_says_what_an_import_is(box: Sandbox, zen: Any, clock: Any, role: str, codes: set[str]) -> None:
    clock.now = box.clock.now()
    with box.lock:
        for user in box.zendesk.users.values():
            if user["role"] == "admin":
                user["role"] = role
    assert {finding.code for finding in zen.check()} == codes
