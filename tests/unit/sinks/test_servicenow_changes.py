"""Reading what changed at ServiceNow loses nothing and repeats nothing, whatever instance and network do."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import RemoteError
from connector.plugins import Status
from connector.sandbox import Sandbox
from connector.sandbox.servicenow.auth import Account
from tests.conftest import FakeClock
from tests.unit.sinks.conftest import Built
from tests.unit.sinks.listening import Listener

US = Account("sync", "", "5" * 32)
ANN = Account("ann.lee", "", "a" * 32, admin=True)


class Instance:
    """The instance, and an analyst who works at it."""

    def __init__(self, box: Sandbox) -> None:
        self.box, self.desk = box, box.servicenow

    def made(self, number: int = 1, table: str = "incident") -> list[str]:
        with self.desk.lock:
            ours = {"correlation_display": "connector", "short_description": "x"}
            return [self.desk.insert(table, ours, US)["sys_id"] for _ in range(number)]

    def change(self, sys_id: str, table: str = "incident", who: Account = ANN, **values: str) -> None:
        with self.desk.lock:
            self.desk.write(table, self.desk.tables[table].rows[sys_id], values, who)


@pytest.fixture
def instance(box: Sandbox) -> Instance:
    return Instance(box)


def test_a_change_is_heard_once_with_what_was_said(instance: Instance, snow: Any) -> None:
    [sys_id] = instance.made()
    ears = Listener(snow, sys_id)
    ears.listen()
    instance.change(sys_id, state="3", hold_reason="1", comments="Which printer?")
    instance.change(sys_id, work_notes="[code]<b>Call</b> them[/code]")
    [change] = ears.listen()
    assert (change.status, change.ours) == (Status.PENDING, False)
    assert {(said.text, said.public, said.desk, said.author) for said in change.said} == {
        ("Which printer?", True, True, "ann.lee"),
        ("Call them", False, True, "ann.lee"),
    }
    assert ears.listen() == []
    assert ears.once


def test_what_we_write_is_ours_and_a_mark_alone_proves_nothing(instance: Instance, snow: Any) -> None:
    [sys_id] = instance.made()
    ears = Listener(snow, sys_id)
    ears.listen()
    mark = "[connector unit-1-0123456789abcdef0123]"
    instance.change(sys_id, who=US, comments=f"From the ward.\n\n{mark}")
    [change] = ears.listen()
    assert change.ours
    assert change.said == ()
    instance.change(sys_id, comments=f"I quote: {mark}")
    [change] = ears.listen()
    assert [said.author for said in change.said] == ["ann.lee"]
    assert not change.ours


def test_the_caller_is_not_the_desk(instance: Instance, snow: Any) -> None:
    person = next(iter(instance.desk.tables["sys_user"].rows.values()))
    [sys_id] = instance.made()
    instance.change(sys_id, caller_id=person["sys_id"])
    instance.change(sys_id, who=Account(person["user_name"], "", person["sys_id"]), comments="Still blank.")
    [change] = Listener(snow, sys_id).listen()
    assert [said.desk for said in change.said] == [False]


def test_a_thousand_rows_of_one_second(instance: Instance, snow: Any) -> None:
    ids = instance.made(1201)
    ears = Listener(snow, *ids)
    for row in instance.desk.tables["incident"].rows.values():
        row.update(sys_updated_on=instance.desk.stamp(), sys_mod_count="0")
    ears.listen()
    assert {key for key, _ in ears.heard} == set(ids)
    stamp = instance.desk.stamp()
    for row in instance.desk.tables["incident"].rows.values():
        row.update(sys_updated_on=stamp, sys_mod_count="1")
    instance.box.faults.add("GET /api/now/table/incident", "cut", after=1, times=4)
    with pytest.raises(RemoteError):
        ears.listen()
    instance.box.faults.clear()
    ears.listen()
    assert sum(key[1] == f"{stamp}#1" for key in ears.heard) == 1201
    assert ears.once
    assert ears.listen() == []


def test_a_pass_that_is_cut_again_and_again_gets_through(instance: Instance, snow: Any) -> None:
    ids = instance.made(1600)
    ears = Listener(snow, *ids)
    for _ in range(8):
        ears.listen(most=1)
    assert {key for key, _ in ears.heard} == set(ids)
    assert ears.once


@pytest.mark.parametrize("late", [59, 300])
def test_a_row_that_is_committed_long_after_its_stamp(instance: Instance, snow: Any, late: int) -> None:
    slow, quick = instance.made(2)
    ears = Listener(snow, slow, quick)
    ears.listen()
    instance.desk.commit_later(late, lambda: instance.change(slow, state="2"))
    for _ in range(4):
        instance.box.clock.advance(late / 4)
        instance.change(quick, short_description=f"at {instance.desk.stamp()}")
        ears.listen()
    instance.box.clock.advance(1)
    ears.listen()
    assert ears.latest[slow].status is Status.OPEN
    assert ears.once
    assert len(ears.heard) == 2 + 1 + 4


def test_an_overlap_that_is_too_short_would_lose_it(instance: Instance, snow_built: Built) -> None:
    slow, quick = instance.made(2)
    ears = Listener(snow_built(overlap="60s"), slow, quick)
    ears.listen()
    instance.desk.commit_later(300, lambda: instance.change(slow, state="2"))
    instance.box.clock.advance(299)
    instance.change(quick, short_description="y")
    ears.listen()
    instance.box.clock.advance(2)
    assert ears.listen() == []


def test_a_token_that_ends_between_two_pages(instance: Instance, snow_built: Built) -> None:
    ids = instance.made(1100)
    snow = snow_built(auth={"client_id": "connector", "client_secret": "file:right"})
    ears = Listener(snow, *ids)
    pages = snow.changes({}, ears.known)
    ears._keep(next(pages))
    instance.box.clock.advance(4000)
    for page in pages:
        ears._keep(page)
    assert {key for key, _ in ears.heard} == set(ids)
    assert ears.once


def test_a_clock_that_was_ahead_and_is_set_right(instance: Instance, snow: Any, clock: FakeClock) -> None:
    instance.box.clock.advance(3 * 3600)  # it is far ahead of ours in any case
    [sys_id] = instance.made()
    ears = Listener(snow, sys_id)
    ears.listen()
    instance.change(sys_id, state="2")
    ears.listen()
    instance.box.clock.reset()
    clock.advance(60)
    instance.change(sys_id, state="6", close_code="Solution provided", close_notes="Done.")
    assert [change.status for change in ears.listen()] == [Status.RESOLVED]
    clock.advance(60)
    instance.change(sys_id, state="2")
    assert [change.status for change in ears.listen()] == [Status.OPEN]
    assert ears.once


def test_a_row_from_the_future_hides_none_from_the_present(instance: Instance, snow: Any) -> None:
    odd, plain = instance.made(2)
    ears = Listener(snow, odd, plain)
    instance.desk.tables["incident"].rows[odd]["sys_updated_on"] = "2099-01-01 00:00:00"
    ears.listen()
    instance.change(plain, state="2")
    assert [change.remote_id for change in ears.listen()] == [plain]


def test_what_is_deleted_is_told_by_the_audit_or_by_asking(instance: Instance, snow: Any) -> None:
    first, second, third = instance.made(3)
    ears = Listener(snow, first, second, third)
    ears.listen()
    with instance.desk.lock:
        instance.desk.delete("incident", instance.desk.tables["incident"].rows[first], ANN)
    assert [(change.remote_id, change.status) for change in ears.listen()] == [(first, Status.GONE)]
    instance.desk.denied.add(("sys_audit_delete", "read"))
    with instance.desk.lock:
        instance.desk.delete("incident", instance.desk.tables["incident"].rows[second], ANN)
    assert ears.listen() == []
    assert {change.remote_id: change.status for change in snow.observe([second, third])} == {
        second: Status.GONE,
        third: Status.NEW,
    }
    instance.desk.denied.add(("incident", "read"))
    assert snow.observe([second, third]) == []  # an account that sees nothing proves nothing


def test_articles_and_the_resolution(instance: Instance, snow: Any) -> None:
    [sys_id] = instance.made()
    with instance.desk.lock:
        article = instance.desk.insert("kb_knowledge", {"number": "KB0010001", "short_description": "Labels"}, ANN)
        instance.desk.insert("m2m_kb_task", {"kb_knowledge": article["sys_id"], "task": sys_id}, ANN)
    instance.change(sys_id, state="6", close_code="Known error", close_notes="See there.")
    [change] = Listener(snow, sys_id).listen()
    assert (change.resolution, change.notes) == ("Known error", "See there.")
    assert [(each.title, each.url.rpartition("/")[2]) for each in change.articles] == [
        ("Labels", "kb_view.do?sysparm_article=KB0010001")
    ]


def test_problems_are_read_too(instance: Instance, snow: Any) -> None:
    [problem] = instance.made(table="problem")
    ears = Listener(snow, problem)
    assert [change.status for change in ears.listen()] == [Status.NEW]
    instance.change(problem, table="problem", state="102", assigned_to=US.sys_id, known_error="true")
    assert [(change.status, change.known_error) for change in ears.listen()] == [(Status.OPEN, True)]
