"""Many at once at Zendesk: jobs, over real HTTP in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from connector.errors import Permanent, Scope, Transient, Uncertain
from connector.plugins import Do, Key, Receipt, SinkTools, Write
from connector.sandbox import Sandbox
from connector.sandbox.people import PEOPLE
from connector.sinks.zendesk import Settings, Zendesk
from tests.conftest import FakeClock
from tests.unit.sinks.conftest import Built, created, write

WHO = {"email": PEOPLE[0].email, "name": PEOPLE[0].name}
GOOD = {"subject": "Screen stays dark", "comment": "It does.", "requester": WHO, "tags": ["ours"]}


def new(zen: Any, count: int, **more: Any) -> list[Write]:
    return [write(zen, Do.CREATE, {**GOOD, "subject": f"No. {n}", **more}, name=f"T{n}") for n in range(count)]


def done(zen: Any, writes: Sequence[Write]) -> Any:
    """The outcomes of a job that takes no time."""
    job = (zen.create_many if writes[0].do is Do.CREATE else zen.update_many)(writes)
    return zen.ended({job.id: writes})[job.id]


def many(box: Sandbox, path: str) -> list[Any]:
    return [entry for entry in box.requests if path in entry.path]


# ── creates ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_receipt_is_as_full_as_a_single_creates(box: Sandbox, zen: Any) -> None:
    zen.planned = {"priority": frozenset()}
    alone = created(zen, {**GOOD, "subject": "No. 1"}, "alone")
    writes = new(zen, 30)
    found = done(zen, writes)
    assert [receipt.echo["subject"] for receipt in found] == [f"No. {n}" for n in range(30)]
    assert len({receipt.number for receipt in found}) == 30
    assert found[1].echo == alone.echo
    assert "priority" in found[1].echo
    assert not any(receipt.unkept for receipt in found)
    kept = {str(ticket["id"]): ticket for ticket in box.zendesk.list_tickets()}
    for asked, receipt in zip(writes, found, strict=True):
        assert kept[receipt.remote_id]["external_id"] == asked.key.remote
        assert receipt.url == f"{box.url}/agent/tickets/{receipt.number}"
        assert receipt.created_at == kept[receipt.remote_id]["created_at"]


def test_a_job_carries_what_a_single_create_does(box: Sandbox, zen: Any) -> None:
    asked = write(zen, Do.CREATE, {**GOOD, "group": "EHR Pharmacy", "custom:Workstation": "", "due_at": ""})
    zen.create(asked)
    zen.create_many([asked])
    single, job = (entry for entry in box.writes() if entry.path.startswith("/api/v2/tickets"))
    assert json.loads(job.body)["tickets"] == [json.loads(single.body)["ticket"]]
    assert job.idempotency_key is None


def test_two_hundred_tickets_take_a_few_requests(box: Sandbox, zen: Any) -> None:
    writes = new(zen, 200)
    jobs = {zen.create_many(some).id: some for some in (writes[:100], writes[100:])}
    found = zen.ended(jobs)
    assert [type(each) for outcomes in found.values() for each in outcomes] == [Receipt] * 200
    assert len(many(box, "/api/v2/")) == 2 + 1 + 2


def test_one_bad_ticket_is_told_by_its_place(box: Sandbox, zen: Any) -> None:
    writes = new(zen, 5)
    number = box.zendesk.user_by_email[PEOPLE[1].email]
    with box.lock:
        box.zendesk.users[number]["suspended"] = True
    who = {"requester": {"email": PEOPLE[1].email, "name": PEOPLE[1].name}}
    writes[2] = write(zen, Do.CREATE, {**GOOD, **who}, name="bad")
    found = done(zen, writes)
    assert [type(each) for each in found] == [Receipt, Receipt, Permanent, Receipt, Receipt]
    assert "requester" in str(found[2])
    assert PEOPLE[1].name not in str(found[2])


def test_a_collision_over_a_new_requester_concerns_one_row(box: Sandbox, zen: Any) -> None:
    twice = new(zen, 2, requester={"email": "new@elsewhere.example", "name": "New"})
    assert zen.newcomer(twice[0].body) == zen.newcomer(twice[1].body) == "new@elsewhere.example"
    found = done(zen, twice)
    assert sorted(type(each).__name__ for each in found) == ["Receipt", "Transient"]
    assert next(each for each in found if isinstance(each, Transient)).code == "collision"
    assert zen.newcomer(twice[0].body) == ""


@pytest.mark.parametrize("kind", ["job_shuffled", "job_long"])
def test_results_in_any_order_and_of_strangers(box: Sandbox, zen: Any, kind: Any) -> None:
    box.faults.add("POST *create_many", kind)
    found = done(zen, new(zen, 9))
    assert [receipt.echo["subject"] for receipt in found] == [f"No. {n}" for n in range(9)]


def test_an_unreported_ticket_is_uncertain_and_found(box: Sandbox, zen: Any) -> None:
    box.faults.add("POST *create_many", "job_short")
    writes = new(zen, 9)
    found = done(zen, writes)
    [lost] = [place for place, each in enumerate(found) if isinstance(each, Uncertain)]
    assert len(zen.find(replace(writes[lost], job=""), None).found) == 1


@pytest.mark.parametrize("kind", ["job_failed", "job_killed"])
def test_a_job_that_ends_without_results_leaves_all_in_doubt(box: Sandbox, zen: Any, kind: Any) -> None:
    box.faults.add("POST *create_many", kind)
    writes = new(zen, 6)
    found = done(zen, writes)
    assert [type(each) for each in found] == [Uncertain] * 6
    looks = [zen.find(replace(each, job=""), None) for each in writes]
    assert sorted(len(look.found) for look in looks) == [0, 0, 0, 1, 1, 1]
    assert all(look.date for look in looks)


@pytest.mark.parametrize(("kind", "there"), [("item", 0), ("item_after", 1)])
def test_a_failure_that_names_no_field_is_doubted(box: Sandbox, zen: Any, kind: Any, there: int) -> None:
    box.faults.add("POST *create_many", kind, status=500)
    writes = new(zen, 3)
    found = done(zen, writes)
    assert [type(each) for each in found] == [Receipt, Uncertain, Receipt]
    assert len(zen.find(replace(writes[1], job=""), None).found) == there


def test_of_a_job_that_was_settled_in_part_only_keys_count(box: Sandbox, zen: Any) -> None:
    writes = new(zen, 6)
    job = zen.create_many(writes)
    [alone] = zen.ended({job.id: writes[4:5]})[job.id]
    assert alone.echo["subject"] == "No. 4"
    stranger = write(zen, Do.CREATE, GOOD, name="never sent")
    [doubt] = zen.ended({job.id: [stranger]})[job.id]
    assert isinstance(doubt, Uncertain)


def test_a_ticket_of_ours_with_another_key_is_not_taken(box: Sandbox, zen: Any) -> None:
    first, second = new(zen, 2)
    job = zen.create_many([first, second])
    with box.lock:
        for ticket in box.zendesk.tickets.values():
            if ticket["external_id"] == first.key.remote:
                ticket["external_id"] = Key("unit-1", "s", "other", "tickets", "ticket").remote
    found = zen.ended({job.id: [first, second]})[job.id]
    assert [type(each) for each in found] == [Uncertain, Receipt]


def test_a_ticket_whose_key_was_overwritten_is_told_by_place_and_subject(box: Sandbox, zen: Any) -> None:
    first, second = new(zen, 2)
    job = zen.create_many([first, second])
    with box.lock:
        for ticket in box.zendesk.tickets.values():
            ticket["external_id"] = "JIRA-17"
    found = zen.ended({job.id: [first, second]})[job.id]
    assert [receipt.unkept for receipt in found] == [
        {"external_id": (asked.key.remote, "JIRA-17")} for asked in (first, second)
    ]


def test_a_ticket_that_is_hidden_from_us_is_still_made(box: Sandbox, zen: Any) -> None:
    [asked] = new(zen, 1)
    job = zen.create_many([asked])
    with box.lock:
        [number] = box.zendesk.tickets
        box.zendesk.tickets[number]["status"] = "deleted"
    [receipt] = zen.ended({job.id: [asked]})[job.id]
    assert (receipt.remote_id, dict(receipt.echo)) == (str(number), {})


def test_a_value_that_was_not_kept_is_told(box: Sandbox, zen: Any) -> None:
    asked = write(zen, Do.CREATE, {**GOOD, "custom:EHR environment": "PRD"})
    body = {**asked.body, "custom:EHR environment": {**asked.body["custom:EHR environment"], "value": "env_gone"}}
    [receipt] = done(zen, [replace(asked, body=body)])
    assert set(receipt.unkept) == {"custom:EHR environment"}


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["lose_request", "lose_answer", "error_after", "cut", "tail"])
@pytest.mark.parametrize("do", [Do.CREATE, Do.UPDATE])
def test_an_answer_that_is_not_whole_leaves_all_in_doubt(box: Sandbox, zen: Any, do: Do, kind: Any) -> None:
    remote_id = created(zen, GOOD).remote_id
    box.faults.add("*_many", kind)
    asked = new(zen, 2) if do is Do.CREATE else [write(zen, Do.UPDATE, {"priority": "low"}, remote_id)]
    with pytest.raises(Uncertain):
        (zen.create_many if do is Do.CREATE else zen.update_many)(asked)


@pytest.mark.parametrize("document", ["{}", '{"job_status": 7}', '{"job_status": {"id": ""}}', "[]"])
def test_an_answer_without_the_job_leaves_all_in_doubt(zen: Any, monkeypatch: Any, document: str) -> None:
    writes = new(zen, 2)
    session = zen._talk.session
    monkeypatch.setattr(type(session), "request", lambda *_, **__: None)
    monkeypatch.setattr(session, "last", replace(session.last, status=200, document=json.loads(document)))
    with pytest.raises(Uncertain):
        zen.create_many(writes)


class Holding:
    """A limiter that only remembers what it was told to hold."""

    def __init__(self) -> None:
        self.held: list[tuple[float | None, str]] = []

    def take(self, *_: Any) -> None: ...

    def heard(self, *_: Any) -> None: ...

    def sent(self, *_: Any) -> None: ...

    def hold(self, seconds: float | None, name: str = "") -> None:
        self.held.append((seconds, name))


def test_too_many_jobs_hold_jobs_and_nothing_else(box: Sandbox, base: Any, clock: FakeClock) -> None:
    auth = {"client_id": "connector", "client_secret": "file:right"}
    settings = Settings.model_validate({"type": "zendesk", "url": box.url, "mapping": "m", "auth": auth})
    limiter = Holding()
    zen = Zendesk("zen", settings, SinkTools(base=base, clock=clock, limiter=limiter))
    box.zendesk.jobs_in_flight = 0
    with pytest.raises(Transient) as caught:
        zen.create_many(new(zen, 2))
    assert (caught.value.code, caught.value.scope, caught.value.status) == ("full", Scope.ROW, 429)
    assert caught.value.retry_after
    assert limiter.held == [(caught.value.retry_after, "jobs")]
    assert box.zendesk.list_tickets() == []


def test_more_than_a_job_takes_go_singly(zen: Any) -> None:
    with pytest.raises(Permanent) as caught:
        zen.create_many(new(zen, 1) * 101)
    assert caught.value.scope is Scope.ROW
    assert "TooManyValues" in str(caught.value)


def test_running_jobs_are_missing_and_end_later(box: Sandbox, zen: Any) -> None:
    box.zendesk.job_speed = 4.0
    slow, quick = new(zen, 12), new(zen, 4)
    jobs = {zen.create_many(slow).id: slow, zen.create_many(quick).id: quick}
    assert zen.ended(jobs) == {}
    box.clock.advance(1.5)
    assert [len(outcomes) for outcomes in zen.ended(jobs).values()] == [4]
    box.clock.advance(3)
    assert [len(outcomes) for outcomes in zen.ended(jobs).values()] == [12, 4]


def test_polling_that_fails_loses_nothing(box: Sandbox, zen: Any) -> None:
    writes = new(zen, 3)
    job = zen.create_many(writes)
    for path in ("/api/v2/job_statuses/show_many", "/api/v2/tickets/show_many"):
        box.faults.add(f"GET {path}", "status", status=500)
        with pytest.raises(Transient):
            zen.ended({job.id: writes})
    assert len(zen.ended({job.id: writes})[job.id]) == 3


def test_a_forgotten_job_leaves_all_in_doubt(box: Sandbox, zen: Any) -> None:
    writes = new(zen, 2)
    job = zen.create_many(writes)
    box.clock.advance(2 * 86_400)
    found = zen.ended({job.id: writes, "": writes[:1]})
    assert [[each.code for each in outcomes] for outcomes in found.values()] == [["job-gone"] * 2, ["job-gone"]]


# ── looking after a job ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("known", [True, False])
def test_absence_counts_only_after_the_job(box: Sandbox, zen_built: Built, known: bool) -> None:
    zen = zen_built(settle_after=10)
    box.zendesk.job_speed = 1.0
    writes = new(zen, 3)
    job = zen.create_many(writes).id
    elsewhere = write(zen, Do.CREATE, GOOD, name="lost")
    asked = replace(elsewhere, job=job if known else "")
    look = zen.find(asked, None)
    assert (look.found, look.date) == ((), None)
    assert zen.find(replace(elsewhere, job=None), None).date is not None, "a single create was in no job"
    box.clock.advance(10)
    zen._tools.clock.advance(1)
    assert zen.find(asked, None).date is not None
    assert zen.find(asked, writes[0]).control is True
    assert len(zen.find(replace(writes[1], job=job), None).found) == 1


def test_a_job_that_is_unknown_is_any_that_runs(box: Sandbox, zen: Any) -> None:
    box.zendesk.job_speed = 1.0
    zen.create_many(new(zen, 3))
    lost = write(zen, Do.CREATE, GOOD, name="lost")
    assert zen.find(replace(lost, job="V3-unknown"), None).date is None


def test_one_list_of_jobs_serves_the_looks_of_a_moment(box: Sandbox, zen: Any) -> None:
    for each in new(zen, 4):
        assert zen.find(replace(each, job=""), None).date
    assert len(many(box, "job_statuses")) == 1


def test_no_key_guards_what_went_in_a_job(zen: Any) -> None:
    asked = write(zen, Do.CREATE, GOOD)
    assert zen.guards(asked, 1)
    assert not zen.guards(replace(asked, job=""), 1)
    assert not zen.guards(replace(asked, job="V3-1"), 1)


# ── updates ──────────────────────────────────────────────────────────────────────────────────────────────────────


def changes(zen: Any, receipts: Sequence[Receipt], fields: Any) -> list[Write]:
    return [
        write(zen, Do.UPDATE, fields, receipt.remote_id, name=f"T{place}") for place, receipt in enumerate(receipts)
    ]


def test_many_updates_change_their_fields_and_take_no_tags_of_others(box: Sandbox, zen: Any) -> None:
    made = done(zen, new(zen, 3, **{"custom:Workstation": "WS-1"}))
    with box.lock:
        for ticket in box.zendesk.tickets.values():
            ticket["tags"] = [*ticket["tags"], "theirs"]
    fields = {"priority": "low", "custom:Workstation": "", "tags": {"add": ["new"], "remove": ["ours"]}}
    found = done(zen, changes(zen, made, fields))
    assert all(not receipt.unkept for receipt in found)
    for ticket, receipt in zip(box.zendesk.list_tickets(), found, strict=True):
        assert ticket["priority"] == receipt.echo["priority"] == "low"
        assert set(ticket["tags"]) == set(receipt.echo["tags"]) == {"theirs", "new"}
        assert not receipt.echo["custom:Workstation"]
    assert [receipt.remote_id for receipt in found] == [receipt.remote_id for receipt in made]


def test_what_came_after_the_queue_is_not_overwritten(box: Sandbox, zen: Any) -> None:
    made = done(zen, new(zen, 2))
    box.clock.advance(60)
    box.zendesk.job_speed = 0.1
    writes = changes(zen, made, {"priority": "low"})
    job = zen.update_many(writes)
    box.clock.advance(5)
    zen.update(write(zen, Do.UPDATE, {"priority": "urgent"}, made[0].remote_id))
    box.clock.advance(60)
    found = zen.ended({job.id: writes})[job.id]
    assert isinstance(found[0], Transient)
    assert found[0].code == "collision"
    assert isinstance(found[1], Receipt)
    assert box.zendesk.tickets[int(made[0].remote_id)]["priority"] == "urgent"


@pytest.mark.parametrize(("status", "code"), [("closed", "closed"), ("deleted", "gone")])
def test_closed_and_deleted_tickets_say_so_in_a_job_too(box: Sandbox, zen: Any, status: str, code: str) -> None:
    made = done(zen, new(zen, 2))
    with box.lock:
        box.zendesk.tickets[int(made[0].remote_id)]["status"] = status
    found = done(zen, changes(zen, made, {"priority": "low"}))
    assert isinstance(found[0], Permanent)
    assert found[0].code == code
    assert isinstance(found[1], Receipt)


def test_an_account_that_leaves_tags_alone_gets_them_singly(box: Sandbox, zen: Any, monkeypatch: Any) -> None:
    made = done(zen, new(zen, 2))
    monkeypatch.setattr("connector.sinks.zendesk.fields.changed", lambda body, number: {"id": number})
    writes = changes(zen, made, {"tags": {"add": ["new"], "remove": []}})
    assert zen.most(Do.UPDATE) == 100
    found = done(zen, writes)
    assert [(type(each), each.code) for each in found] == [(Transient, "tags-ignored")] * 2
    assert [zen.most(do) for do in (Do.CREATE, Do.UPDATE, Do.LINK, Do.COMMENT, Do.ATTACH)] == [100, 1, 100, 1, 1]


def test_many_are_read_at_once_and_nonsense_is_missing(box: Sandbox, zen: Any) -> None:
    made = done(zen, new(zen, 3))
    ids = [receipt.remote_id for receipt in made]
    found = zen.read_many([*ids, "999", "x"], ("subject", "custom:Workstation"))
    assert found == {remote_id: zen.read(remote_id, ("subject", "custom:Workstation")) for remote_id in ids}
    assert len(many(box, "tickets/show_many")) == 2
