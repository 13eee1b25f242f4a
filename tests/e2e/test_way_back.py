"""What analysts do at the help desks comes back, each change once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests
from sqlalchemy import insert, select, update

from connector.app import App
from connector.engine.report import Report
from connector.ledger.schema import (
    cursor,
    delivery,
    event,
    happening,
    heard,
    link,
    member,
    problem,
    rating,
    reading,
    remote,
    ticket,
    unseen,
)
from connector.sandbox.servicenow.auth import Account
from connector.sinks.servicenow import ServiceNow
from connector.sinks.zendesk import Zendesk
from connector.ticket import Channel, Ticket
from tests.e2e.conftest import Site

PRESS: dict[str, Any] = {
    "source": {"system": "Epic", "environment": "PRD"},
    "summary": "Labels do not print",
    "description": "The label printer on 4 West stays silent.",
    "requester": {"kind": "staff", "name": "Ann Analyst", "email": "ann@example.org"},
}


class Desks:
    """A site whose help desks are worked at by hand."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.snow, self.zen = site.box.servicenow, site.box.zendesk
        self.zen.export_delay = 1.0
        self.ann = Account("ann.lee", "", "a" * 32, admin=True)

    def sync(self) -> Report:
        """Some time passes at the help desks, and what they withhold is shown."""
        self.site.box.clock.advance(2)
        return self.site.sync()

    def an_hour_later(self) -> None:
        """What was to wait is due."""
        with App.open(self.site.settings) as app, app.wiring.db.write() as connection:
            connection.execute(update(delivery).where(delivery.c.state == "queued").values(due_at=0.0))

    def press(self, name: str) -> None:
        self.site.put(f"button/{name}.json", json.dumps({**PRESS, "request_id": name}))

    def mail(self, name: str) -> None:
        text = f"From: ann@ward.example\nMessage-ID: <{name}@ward.example>\nSubject: {name}\n\nHelp.\n"
        self.site.put(f"mail/{name}.eml", text)

    def incident(self, number: int = -1) -> dict[str, str]:
        return list(self.snow.tables["incident"].rows.values())[number]

    def change(self, record: dict[str, str], table: str = "incident", **values: str) -> None:
        with self.snow.lock:
            self.snow.write(table, self.snow.tables[table].rows[record["sys_id"]], values, self.ann)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with App.open(self.site.settings) as app, app.wiring.db.read() as connection:
            return [dict(row._mapping) for row in connection.execute(select(table))]

    def happened(self, *kinds: str) -> list[str]:
        rows = self.rows(happening)
        return [row["what"] for row in rows if not kinds or row["what"] in kinds]

    def told(self) -> list[str]:
        return [row["note"] for row in self.rows(event) if row["delivery_id"] is None]


@pytest.fixture
def desks(quiet_site: Site) -> Desks:
    """Mail goes to Zendesk; nobody looks for outages."""
    quiet_site.configure("{when: {channel: chatbot}, sink: zendesk}", "{when: {channel: email}, sink: zendesk}")
    quiet_site.configure("wait: 3s", "wait: 3s\nproblems: {mode: off}")
    return Desks(quiet_site)


def test_what_an_analyst_does_is_seen_once(desks: Desks) -> None:
    desks.press("a")
    desks.sync()
    record = desks.incident()
    desks.change(record, state="2", assigned_to=next(iter(desks.snow.tables["sys_user"].rows)))
    desks.change(record, comments="We are on it.", work_notes="Toner?")
    desks.sync()
    desks.sync()
    [seen] = desks.rows(remote)
    assert (seen["status"], seen["replies"]) == ("open", 1)
    assert seen["assignee"]
    assert seen["answered_at"] is not None
    assert sorted((row["text"], row["public"]) for row in desks.rows(heard)) == [("Toner?", 0), ("We are on it.", 1)]
    assert sorted(desks.happened("changed", "said")) == ["changed", "said"]
    desks.change(record, state="6", close_code="Solution provided", close_notes="A new cartridge.")
    desks.sync()
    desks.change(record, state="2")
    desks.sync()
    desks.sync()
    [seen] = desks.rows(remote)
    assert (seen["status"], seen["reopened"]) == ("open", 1)
    assert desks.happened("changed", "resolved", "reopened", "closed") == ["changed", "resolved", "reopened"]
    [resolved] = [row for row in desks.rows(happening) if row["what"] == "resolved"]
    detail = json.loads(resolved["detail"])
    assert detail["resolution"] == "Solution provided"
    assert detail["number"] == record["number"]
    assert "A new cartridge." in [row["text"] for row in desks.rows(heard) if row["ref"] == detail["notes"]]
    assert "A new cartridge." not in resolved["detail"]
    assert any("resolved at the help desk (Solution provided)" in note for note in desks.told())


# ── the end of a problem ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platforms are not waited for."""
    monkeypatch.setattr(ServiceNow, "cascade_seconds", 0.0)
    monkeypatch.setattr(Zendesk, "cascade_seconds", 0.0)


def outage(desks: Desks, sink: str, parent: str, number: str) -> None:
    """All tickets of the sink belong to one problem, whose parent is this record."""
    now = time.time()
    body = Ticket(source="problem", external_id="p1", channel=Channel.BUTTON, summary="x").model_dump_json()
    with App.open(desks.site.settings) as app, app.wiring.db.write() as connection:
        ids = list(connection.execute(select(ticket.c.id).where(ticket.c.sink == sink)).scalars())
        own = {"source": "problem", "external_id": "p1", "version": 1, "fingerprint": "1:x", "body": body, "sink": sink}
        connection.execute(insert(ticket), [{**own, "id": 900, "grp": "", "created_at": now, "updated_at": now}])
        there = {"ticket_id": 900, "sink": sink, "remote_id": parent, "number": number, "url": "", "linked_at": now}
        connection.execute(insert(link), [{**there, "sent": "{}", "echo": "{}", "notes": "{}"}])
        row = {"id": 1, "key": "p1", "sink": sink, "state": "open", "ticket_id": 900, "title": "x", "binds": "{}"}
        connection.execute(insert(problem), [{**row, "first_at": now, "last_at": now, "opened_at": now}])
        joined = {"problem_id": 1, "why": "", "joined_at": now}
        connection.execute(insert(member), [{**joined, "ticket_id": each} for each in ids])


def resolve(desks: Desks, sys_id: str, code: str = "fix_applied") -> None:
    notes = {"cause_notes": "A full disk.", "fix_notes": "A larger disk.", "close_notes": "A larger disk."}
    record = {"sys_id": sys_id}
    for values in ({"state": "102", "assigned_to": desks.ann.sys_id}, {"state": "103"}, {"state": "104", **notes}):
        desks.change(record, "problem", **values)
    desks.change(record, "problem", state="106", resolution_code=code)


def hung(desks: Desks, incidents: int) -> str:
    """So many incidents, all of one problem at ServiceNow; the problem's sys_id."""
    for number in range(incidents):
        desks.press(f"t{number}")
    desks.sync()
    with desks.snow.lock:
        parent = desks.snow.insert("problem", {"short_description": "x"}, desks.ann)
        for row in list(desks.snow.tables["incident"].rows.values()):
            desks.snow.write("incident", row, {"problem_id": parent["sys_id"]}, desks.ann)
    outage(desks, "servicenow", parent["sys_id"], parent["number"])
    desks.sync()
    return parent["sys_id"]


@pytest.mark.usefixtures("at_once")
def test_a_resolved_problem_takes_along_what_the_platform_leaves(desks: Desks) -> None:
    parent = hung(desks, 3)
    waiting, by_hand, _ = (desks.incident(number) for number in range(3))
    desks.change(waiting, state="3", hold_reason="3")
    desks.change(by_hand, state="6", close_code="User error", close_notes="By hand.")
    resolve(desks, parent)
    desks.sync()
    first, second, third = (desks.incident(number) for number in range(3))
    assert [row["state"] for row in (first, second, third)] == ["6", "6", "6"]
    assert (first["close_code"], second["close_code"]) == ("Resolved by problem", "User error")
    assert (third["close_code"], third["close_notes"]) == ("Resolved by problem", "A larger disk.")
    assert desks.rows(problem)[0]["state"] == "resolved"
    before = len(desks.site.writes())
    desks.sync()
    assert len(desks.site.writes()) == before
    assert desks.happened("problem_resolved") == ["problem_resolved"] * 3
    assert desks.happened("resolved") == ["resolved"] * 4  # the members', and the parent's own
    # Somebody takes one up again, and the problem is closed: it is left alone, and shown.
    desks.change(third, state="2")
    desks.change({"sys_id": parent}, "problem", state="107")
    desks.sync()
    assert desks.incident(2)["state"] == "2"
    assert desks.rows(problem)[0]["state"] == "closed"
    assert desks.happened("problem_closed", "reopened") == ["reopened", *["problem_closed"] * 3]
    assert any("although problem p1 is resolved" in note for note in desks.told())


@pytest.mark.usefixtures("at_once")
def test_a_problem_that_is_reopened_reopens_what_we_resolved_where_that_is_wanted(desks: Desks) -> None:
    desks.site.settings.write_text(desks.site.settings.read_text() + "\nclosure: {reopen_children: true}\n")
    desks.site.configure("closed: follow_up", "closed: reopen", "mappings/servicenow.yaml")
    parent = hung(desks, 2)
    desks.change(desks.incident(0), state="6", close_code="User error", close_notes="By hand.")
    resolve(desks, parent)
    desks.sync()
    desks.change({"sys_id": parent}, "problem", state="103")
    desks.sync()
    desks.sync()
    assert [desks.incident(number)["state"] for number in range(2)] == ["6", "2"]
    assert desks.rows(problem)[0]["state"] == "open"
    desks.change({"sys_id": parent}, "problem", state="106")
    desks.sync()
    assert [desks.incident(number)["state"] for number in range(2)] == ["6", "6"]
    parts = [row["part"] for row in desks.rows(delivery) if row["do"] == "solve" and row["state"] == "sent"]
    assert parts == ["solve:p1:0", "solve:p1:1"]


def test_what_has_not_gone_out_when_a_problem_is_reopened_stays_here(desks: Desks) -> None:
    parent = hung(desks, 1)
    resolve(desks, parent)
    desks.sync()  # the platform is given its time
    desks.change({"sys_id": parent}, "problem", state="103")
    desks.sync()
    assert [row["state"] for row in desks.rows(delivery) if row["do"] == "solve"] == ["dropped"]
    assert desks.incident(0)["state"] == "1"


@pytest.mark.usefixtures("at_once")
def test_a_risk_that_is_accepted_is_told_as_that(desks: Desks) -> None:
    parent = hung(desks, 1)
    resolve(desks, parent, "risk_accepted")
    desks.sync()
    assert desks.incident(0)["close_code"] == "No resolution provided"
    assert desks.happened("declined", "problem_resolved") == ["declined"] * 2  # the incident, and its parent


def agent(desks: Desks, number: int, **values: Any) -> None:
    auth = ("sync@northfield-hospital.example/token", "sandbox")
    url = f"{desks.site.box.url}/api/v2/tickets/{number}.json"
    requests.put(url, json={"ticket": values}, auth=auth, timeout=5).raise_for_status()


def hung_at_zendesk(desks: Desks) -> None:
    """Two incidents, 1 and 2, of the problem 3."""
    desks.mail("one")
    desks.mail("two")
    desks.sync()
    auth = ("sync@northfield-hospital.example/token", "sandbox")
    made = {"ticket": {"subject": "x", "comment": {"body": "y"}, "type": "problem", "status": "open"}}
    requests.post(f"{desks.site.box.url}/api/v2/tickets.json", json=made, auth=auth, timeout=5).raise_for_status()
    for number in (1, 2):
        agent(desks, number, type="incident", problem_id=3)
    outage(desks, "zendesk", "3", "3")
    desks.sync()


@pytest.mark.parametrize(("lag", "ours"), [(0.0, []), (50.0, ["dropped"] * 2), (100_000.0, ["sent"] * 2)])
def test_incidents_that_zendesk_solves_are_not_solved_again(
    desks: Desks, monkeypatch: pytest.MonkeyPatch, lag: float, ours: list[str]
) -> None:
    monkeypatch.setattr(Zendesk, "cascade_seconds", 3600.0)
    hung_at_zendesk(desks)
    desks.zen.cascade_lag = lag
    someone = next(user["id"] for user in desks.zen.users.values() if user["role"] == "agent")
    agent(desks, 3, status="solved", assignee_id=someone)
    desks.sync()
    desks.site.box.clock.advance(60)
    desks.an_hour_later()
    desks.sync()
    assert [desks.zen.tickets[number]["status"] for number in (1, 2)] == ["solved", "solved"]
    assert [row["state"] for row in desks.rows(delivery) if row["do"] == "solve"] == ours
    desks.site.box.clock.settle()
    desks.sync()
    for number in (1, 2):
        ends = [audit for audit in desks.zen.audits[number] if "solved" in str(audit["events"])]
        assert len(ends) == 1
    assert desks.happened("problem_resolved") == ["problem_resolved"] * 2


def test_merged_deleted_and_rated(desks: Desks) -> None:
    for name in ("one", "two", "three"):
        desks.mail(name)
    desks.sync()
    auth = ("sync@northfield-hospital.example/token", "sandbox")
    url = f"{desks.site.box.url}/api/v2/tickets"
    requests.post(f"{url}/2/merge.json", json={"ids": [1]}, auth=auth, timeout=5).raise_for_status()
    requests.delete(f"{url}/3.json", auth=auth, timeout=5)
    desks.zen.rate(2, "good")
    desks.sync()
    desks.sync()
    assert sorted(row["status"] for row in desks.rows(remote)) == ["gone", "new", "new"]
    assert {row["remote_id"] for row in desks.rows(link)} == {"2", "3"}
    assert {row["score"] for row in desks.rows(rating)} == {"good"}
    # Who asked under the merged number hears what becomes of the other.
    someone = next(user["id"] for user in desks.zen.users.values() if user["role"] == "agent")
    agent(desks, 2, status="solved", assignee_id=someone)
    desks.sync()
    assert desks.happened("resolved") == ["resolved", "resolved"]


def test_an_account_that_may_not_read_the_export_asks_for_each_ticket(desks: Desks) -> None:
    desks.mail("one")
    desks.sync()
    desks.site.box.faults.add("GET /api/v2/incremental/*", "status", status=403, times=None)
    someone = next(user["id"] for user in desks.zen.users.values() if user["role"] == "agent")
    agent(desks, 1, status="pending", assignee_id=someone)
    report = desks.sync()
    assert report.exit_code == 0
    assert [row["status"] for row in desks.rows(remote)] == ["pending"]


def test_a_record_that_was_never_shown_is_asked_for(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    desks.press("a")
    desks.site.configure("wait: 3s", "wait: 3s\nobserve: {every: 1h}")
    desks.sync()
    long_ago = select(link.c.sink, link.c.ticket_id, link.c.linked_at - 5000)
    with App.open(desks.site.settings) as app, app.wiring.db.write() as connection:
        connection.execute(remote.delete())
        connection.execute(insert(unseen).from_select(["sink", "ticket_id", "since"], long_ago))
        connection.execute(reading.delete())
        old = json.dumps({"done": "2099-01-01 00:00:00", "at": None, "until": "", "read_at": 0.0})
        connection.execute(update(cursor).where(cursor.c.entry == "incident").values(value=old))
    desks.sync()
    assert [row["status"] for row in desks.rows(remote)] == ["new"]
