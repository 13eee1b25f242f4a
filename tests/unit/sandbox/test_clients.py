"""The two client libraries, as they are, against the sandbox: what they send is served."""

from __future__ import annotations

import json
from io import BytesIO

import pysnow
import pytest
import requests
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Ticket, User
from zenpy.lib.exception import APIException, RecordNotFoundException, TooManyValuesException


@pytest.fixture
def snow(box):
    with pysnow.Client(host=f"127.0.0.1:{box.port}", use_ssl=False, user="sync", password="sandbox") as client:
        yield client


@pytest.fixture
def zen(box, monkeypatch):
    monkeypatch.setenv("ZENPY_FORCE_NETLOC", f"127.0.0.1:{box.port}")
    monkeypatch.setenv("ZENPY_FORCE_SCHEME", "http")
    with requests.Session() as session:
        session.authorized = True  # type: ignore[attr-defined]
        session.auth = ("sync@northfield-hospital.example/token", "sandbox")
        yield Zenpy(subdomain="any", session=session, disable_cache=True)


def test_pysnow_makes_finds_and_changes(box, snow):
    incidents = snow.resource(api_path="/table/incident")
    made = incidents.create({"short_description": "Printer", "correlation_id": "s:1"}).one()
    found = snow.resource(api_path="/table/incident").get(query={"correlation_id": "s:1"}, stream=True)
    assert [row["number"] for row in found.all()] == [made["number"]]
    query = pysnow.QueryBuilder().field("short_description").contains("rint").AND().field("state").equals(["1", "2"])
    assert snow.resource(api_path="/table/incident").get(query=query, limit=1).one()["sys_id"] == made["sys_id"]
    changed = snow.resource(api_path="/table/incident").update({"number": made["number"]}, {"comments": "hello"})
    assert changed["sys_mod_count"] == "1"
    answer = snow.resource(api_path="/table/incident").request(
        "PATCH", path_append="/" + made["sys_id"], data=json.dumps({"urgency": "1"})
    )
    assert answer.one()["priority"] == "3"
    assert snow.resource(api_path="/table/incident").delete({"number": made["number"]}) == {"status": "record deleted"}
    with pytest.raises(pysnow.exceptions.NoResults):
        snow.resource(api_path="/table/incident").get(query={"number": made["number"]}).one()


def test_pysnow_takes_a_vanished_condition_for_a_hit(snow):
    snow.resource(api_path="/table/incident").create({"short_description": "somebody else's"})
    rows = snow.resource(api_path="/table/incident").get(query={"u_external_id": "42"}).all()
    assert len(list(rows)) == 1


def test_pysnow_sends_files(box, snow, tmp_path):
    made = snow.resource(api_path="/table/incident").create({}).one()
    file = tmp_path / "a.txt"
    file.write_bytes(b"data")
    snow.resource(api_path="/table/incident").attachments.upload(made["sys_id"], str(file))
    (row,) = snow.resource(api_path="/table/incident").attachments.get(made["sys_id"])
    assert (row["file_name"], box.servicenow.files[row["sys_id"]]) == ("a.txt", b"data")


def test_pysnow_raises_when_it_is_read(box, snow):
    box.faults.add("POST *", "status", status=403)
    answer = snow.resource(api_path="/table/incident").create({})
    with pytest.raises(requests.HTTPError, match="403"):
        answer.one()
    box.faults.add("GET *", "tail")
    assert list(snow.resource(api_path="/table/incident").get(query={}).all()) == []


def test_zenpy_makes_finds_and_changes(box, zen):
    fields = [{"id": box.zendesk.field_id("Workstation"), "value": "WS1"}]
    requester = User(name="New", email="new@elsewhere.example")
    ticket = Ticket(
        subject="s", comment=Comment(body="b"), requester=requester, external_id="s:1", custom_fields=fields
    )
    made = zen.tickets.create(ticket)
    assert (made.ticket.id, made.audit.ticket_id) == (1, 1)
    (found,) = zen.tickets(external_id="s:1")
    assert found.requester.email == "new@elsewhere.example"
    found.comment = Comment(body="more", public=False)
    found.tags.append("added")
    assert zen.tickets.update(found).ticket.tags == ["added"]
    assert [comment.body for comment in zen.tickets.comments(ticket=1)] == ["b", "more"]
    assert [audit.ticket_id for audit in zen.tickets.audits(ticket=1)] == [1, 1]
    zen.tickets.add_tags(1, ["two"])
    assert box.zendesk.tickets[1]["tags"] == ["added", "two"]
    zen.tickets.delete(found)
    with pytest.raises(RecordNotFoundException):
        zen.tickets(id=1)


def test_zenpy_follows_pages_and_exports(box, zen):
    for number in range(0, 250, 50):
        zen.tickets.create([Ticket(subject=str(number + n), comment=Comment(body="b")) for n in range(50)])
    assert len(list(zen.tickets())) == 250
    assert len(list(zen.tickets(cursor_pagination=100))) == 250
    box.clock.advance(5)
    assert len(list(zen.tickets.incremental(start_time=1, paginate_by_time=False, per_page=100))) == 250
    assert len(list(zen.search(type="ticket", subject="249"))) == 1


def test_zenpy_waits_for_jobs(box, zen):
    box.zendesk.job_speed = 1.0
    status = zen.tickets.create([Ticket(comment=Comment(body="b")), Ticket(subject="nothing said")])
    assert status.status == "queued"
    box.clock.settle()
    done = zen.job_status(id=status.id)
    assert done.status == "completed"
    assert [getattr(result, "error", None) for result in done.results] == [None, "TicketCreateFailed"]
    with pytest.raises(TooManyValuesException):
        zen.tickets.create([Ticket(comment=Comment(body="b")) for _ in range(101)])


def test_zenpy_sends_files(box, zen):
    upload = zen.attachments.upload(BytesIO(b"data"), target_name="a b.txt")
    zen.tickets.create(Ticket(comment=Comment(body="b", uploads=[upload.token])))
    (comment,) = zen.tickets.comments(ticket=1)
    assert [(file.file_name, file.size) for file in comment.attachments] == [("a b.txt", 4)]


def test_zenpy_asks_who_and_what_is_there(box, zen):
    assert zen.users.me().role == "admin"
    assert [user.name for user in zen.users.search(query="karen.brandt@northfield-hospital.example")] == [
        "Karen Brandt"
    ]
    assert "Service Desk" in [group.name for group in zen.groups()]
    assert "Workstation" in [field.title for field in zen.ticket_fields()]
    assert [form.name for form in zen.ticket_forms()] == ["EHR help request"]
    made = zen.users.create_or_update(User(name="New", email="new@elsewhere.example"))
    assert made.id == zen.users(id=made.id).id


def test_zenpy_hears_refusals(box, zen):
    with pytest.raises(APIException, match="cannot be blank"):
        zen.tickets.create(Ticket(subject="nothing said"))
    box.zendesk.requester_collisions = 1
    with pytest.raises(requests.HTTPError):
        zen.tickets.create(Ticket(comment=Comment(body="b"), requester=User(name="N", email="n@elsewhere.example")))
