"""Incidents and their problem."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import Permanent, Scope, Uncertain
from connector.plugins import Do, Key, Receipt, Write
from connector.sandbox import Sandbox
from tests.unit.sinks.conftest import created, write

GOOD = {"subject": "Screen stays dark", "comment": "It does."}


def linking(zen: Any, remote_id: str, problem: str) -> Write:
    key = Key("unit-1", "s", f"T{remote_id}", "tickets", "link:1")
    fields = {"problem": problem}
    return Write(Do.LINK, key, zen.resolve(Do.LINK, fields).body, fields, remote_id)


def problem(zen: Any, name: str = "P") -> str:
    return created(zen, {**GOOD, "type": "problem"}, name).remote_id


def test_a_question_becomes_an_incident_of_the_problem_and_is_let_go(box: Sandbox, zen: Any) -> None:
    child, parent = created(zen, {**GOOD, "type": "question"}).remote_id, problem(zen)
    asked = linking(zen, child, parent)
    assert not zen.find(asked, None).found
    receipt = zen.link(asked)
    assert (receipt.remote_id, dict(receipt.unkept)) == (child, {})
    ticket = box.zendesk.tickets[int(child)]
    assert (ticket["type"], ticket["problem_id"]) == ("incident", int(parent))
    assert zen.find(asked, None).found
    unlinked = linking(zen, child, "")
    assert not zen.find(unlinked, None).found
    assert not zen.link(unlinked).unkept
    assert box.zendesk.tickets[int(child)]["problem_id"] is None
    assert zen.find(unlinked, None).found


@pytest.mark.parametrize("parent", ["incident", "itself", "nobody", "text"])
def test_only_a_problem_can_be_a_parent(box: Sandbox, zen: Any, parent: str) -> None:
    child = problem(zen, "C")
    names = {"incident": created(zen, GOOD).remote_id, "itself": child, "nobody": "999", "text": "no number"}
    asked = linking(zen, child, names[parent])
    before = len(box.writes())
    with pytest.raises(Permanent) as caught:
        zen.link(asked)
    assert caught.value.code == ("bad-id" if parent == "text" else "no-problem")
    [alone] = zen.update_many([asked])
    assert (type(alone), alone.code, alone.scope) == (Permanent, caught.value.code, Scope.ROW)
    assert len(box.writes()) == before


def test_what_cannot_be_linked_keeps_nobody_from_the_job(box: Sandbox, zen: Any) -> None:
    parent, one, two = problem(zen), created(zen, GOOD, "T1").remote_id, created(zen, GOOD, "T2").remote_id
    nameless = write(zen, Do.UPDATE, {"priority": "low"}, "no number", name="T3")
    writes = [linking(zen, one, two), linking(zen, two, parent), nameless]
    job = zen.update_many(writes)
    found = zen.ended({job.id: writes})[job.id]
    assert [getattr(each, "code", "") for each in found] == ["no-problem", "", "bad-id"]
    again = zen.ended({job.id: writes})[job.id]
    assert [type(each) for each in again] == [Uncertain, Receipt, Uncertain], "as after a crash"


def test_a_problem_with_incidents_stays_one(zen: Any) -> None:
    first, second, child = problem(zen, "P1"), problem(zen, "P2"), created(zen, GOOD).remote_id
    zen.link(linking(zen, child, first))
    with pytest.raises(Permanent) as caught:
        zen.link(linking(zen, first, second))
    assert caught.value.code == "has-incidents"


def test_links_and_updates_go_in_one_job(box: Sandbox, zen: Any) -> None:
    parent = problem(zen)
    children = [created(zen, GOOD, f"T{n}").remote_id for n in range(3)]
    writes = [linking(zen, children[0], parent), linking(zen, children[1], parent)]
    writes.append(write(zen, Do.UPDATE, {"priority": "low"}, children[2]))
    assert zen.cost(writes)[""] == 2
    before = len(box.requests)
    job = zen.update_many(writes)
    assert len(box.requests) == before + 2
    found = zen.ended({job.id: writes})[job.id]
    assert [type(each) for each in found] == [Receipt] * 3
    assert [box.zendesk.tickets[int(child)]["problem_id"] for child in children] == [int(parent), int(parent), None]
