"""What is promised beyond the first run, over real HTTP: updates, replies, analysts, closed records, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from connector.app import App
from tests.e2e.conftest import Site

JSON = {"Accept": "application/json", "Content-Type": "application/json"}


def press(**fields: Any) -> str:
    payload: dict[str, Any] = {
        "request_id": "c-1001",
        "source": {"system": "Epic", "environment": "PRD", "application": "Willow"},
        "summary": "Labels do not print",
        "description": "The label printer on 4 West stays silent.",
        "impact": "user",
        "urgency": "medium",
        "requester": {"kind": "staff", "name": "Ann Analyst", "email": "ann@example.org"},
    }
    return json.dumps(payload | fields)


def mail(ident: str, subject: str, text: str, answers: str = "", files: str = "") -> str:
    head = f"From: Bea <bea@example.org>\nTo: help@example.org\nSubject: {subject}\nMessage-ID: <{ident}@example.org>\n"
    head += "Date: Fri, 20 Nov 2026 08:00:00 +0000\nMIME-Version: 1.0\n"
    if answers:
        head += f"In-Reply-To: <{answers}@example.org>\nReferences: <{answers}@example.org>\n"
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}\n"


def analyst(site: Site, sys_id: str, **fields: str) -> None:
    """Somebody at the help desk changes an incident by hand."""
    url = f"{site.box.url}/api/now/table/incident/{sys_id}"
    requests.patch(url, json=fields, headers=JSON, auth=("admin", "sandbox"), timeout=5).raise_for_status()


def agent(site: Site, number: int, **fields: Any) -> None:
    url = f"{site.box.url}/api/v2/tickets/{number}.json"
    auth = ("sync@northfield-hospital.example/token", "sandbox")
    requests.put(url, json={"ticket": fields}, headers=JSON, auth=auth, timeout=5).raise_for_status()


def explain(site: Site, name: str) -> dict[str, Any]:
    with App.open(site.settings) as app:
        return app.explain(name)


def test_a_changed_record_makes_one_update_of_the_changed_fields_only(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.sync()
    before = len(site.writes())
    site.put("button/a.json", press(impact="unit"))
    report = site.sync()
    written = site.writes()[before:]
    assert [entry.method for entry in written] == ["PATCH"]
    body = json.loads(written[0].body)
    assert body.pop("due_date")  # a graver impact is due earlier
    assert body == {"impact": "2"}
    assert report.document()["sinks"]["servicenow"]["updated"] == 1
    assert site.incidents()[0]["impact"] == "2"


def test_every_step_of_a_run_is_told_to_its_end(quiet_site: Site) -> None:
    site = quiet_site
    site.box.faults.add("POST /api/now/table/incident", "lose_answer")
    site.put("button/a.json", press())
    told: dict[str, tuple[int, int | None]] = {}
    site.sync(progress=lambda step, done, total: told.update({step: (done, total)}))
    assert set(told) >= {"collect button", "plan", "deliver servicenow", "look up servicenow", "observe servicenow"}
    assert {step: done for step, (done, total) in told.items() if done != total} == {}
    assert told["collect button"] == (1, 1)


def test_a_change_that_no_mapped_field_shows_writes_nothing(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.sync()
    before = len(site.writes())
    site.put("button/a.json", press(nobody_maps_this="x"))
    report = site.sync()
    assert report.sources["button"].changed == 1
    assert [entry for entry in site.writes()[before:] if "oauth" not in entry.path] == []


def test_a_reply_in_a_known_thread_makes_one_comment(quiet_site: Site) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    before = len(site.writes())
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "Now it takes two.", answers="one"))
    site.sync()
    assert len(site.writes()) == before + 1
    said = site.journal(site.incidents()[0]["sys_id"])
    assert sum("Now it takes two." in text for text in said) == 1


def test_what_an_analyst_changed_is_not_overwritten_and_is_shown(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.sync()
    analyst(site, site.incidents()[0]["sys_id"], impact="1")
    site.put("button/a.json", press(impact="unit", summary="Labels still do not print"))
    site.sync()
    row = site.incidents()[0]
    assert (row["impact"], row["short_description"]) == ("1", "Labels still do not print")
    facts = explain(site, "button:Epic:c-1001")
    notes = {field["field"]: field["note"] for field in facts["sinks"]["servicenow"]["fields"]}
    assert "left alone" in notes["impact"]


def test_a_field_that_the_connector_owns_is_written_all_the_same(quiet_site: Site) -> None:
    site = quiet_site
    mapping = (site.base / "mappings/servicenow.yaml").read_text("utf-8")
    assert "  impact:\n" in mapping
    site.configure("  impact:\n", "  impact:\n    owner: connector\n", "mappings/servicenow.yaml")
    site.put("button/a.json", press())
    site.sync()
    analyst(site, site.incidents()[0]["sys_id"], impact="1")
    site.put("button/a.json", press(impact="unit"))
    site.sync()
    assert site.incidents()[0]["impact"] == "2"


def test_a_value_that_the_remote_did_not_keep_is_shown(quiet_site: Site) -> None:
    site = quiet_site
    mapping = (site.base / "mappings/servicenow.yaml").read_text("utf-8")
    plain = mapping.replace("fields:\n", "fields:\n  u_no_such_column: {value: something}\n", 1)
    (site.base / "mappings/servicenow.yaml").write_text(plain, "utf-8")
    site.put("button/a.json", press())
    site.sync()
    fields = explain(site, "button:Epic:c-1001")["sinks"]["servicenow"]["fields"]
    note = next(field["note"] for field in fields if field["field"] == "u_no_such_column")
    assert "not kept" in note


# ── closed records ──


def test_a_reply_to_a_closed_incident_opens_one_follow_up(quiet_site: Site) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    old = site.incidents()[0]
    analyst(site, old["sys_id"], state="7", close_code="Solution provided", close_notes="done")
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "It is back.", answers="one"))
    site.put("mail/3.eml", mail("three", "Re: Screen is slow", "And worse.", answers="one"))
    site.sync()
    assert len(site.incidents()) == 2
    new = next(row for row in site.incidents() if row["sys_id"] != old["sys_id"])
    assert new["parent"] == old["sys_id"]
    said = site.journal(new["sys_id"])
    assert [sum(text in entry for entry in said) for text in ("It is back.", "And worse.")] == [1, 1]
    before = len(site.writes())
    site.sync()
    assert len(site.writes()) == before


def test_with_hold_it_waits_for_a_person_and_goes_on_when_released(quiet_site: Site) -> None:
    site = quiet_site
    site.configure("closed: follow_up", "closed: hold", "mappings/servicenow.yaml")
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    old = site.incidents()[0]
    analyst(site, old["sys_id"], state="7", close_code="Solution provided", close_notes="done")
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "It is back.", answers="one"))
    assert site.sync().exit_code == 1
    with App.open(site.settings) as app:
        waiting = app.status()["waiting"]
    assert [(row["do"], row["state"]) for row in waiting] == [("comment", "blocked")]
    assert "connector release" in waiting[0]["remedy"]
    analyst(site, old["sys_id"], state="2")
    with App.open(site.settings) as app:
        app.actions.release([old["number"]])
        app.sync()
    assert any("It is back." in said for said in site.journal(old["sys_id"]))


def test_a_reply_reopens_what_was_only_resolved(quiet_site: Site) -> None:
    site = quiet_site
    site.configure("closed: follow_up", "closed: reopen", "mappings/servicenow.yaml")
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    old = site.incidents()[0]
    analyst(site, old["sys_id"], state="6", close_code="Solution provided", close_notes="done")
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "It is back.", answers="one"))
    site.sync()
    assert site.incidents()[0]["state"] == "2"
    assert any("It is back." in said for said in site.journal(old["sys_id"]))


def test_a_closed_zendesk_ticket_gets_a_follow_up_too(quiet_site: Site) -> None:
    site = quiet_site
    site.configure("- {when: {channel: chatbot}, sink: zendesk}", "- {when: {channel: email}, sink: zendesk}")
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    number = int(str(site.tickets()[0]["id"]))
    agent(site, number, status="solved", assignee_id=360020000000)
    agent(site, number, status="closed")
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "It is back.", answers="one"))
    site.sync()
    assert len(site.tickets()) == 2
    new = next(row for row in site.tickets() if row["id"] != number)
    assert f"{number}" in json.dumps(new["via"])


def test_a_record_that_was_deleted_there_waits_for_a_person(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.sync()
    url = f"{site.box.url}/api/now/table/incident/{site.incidents()[0]['sys_id']}"
    requests.delete(url, headers=JSON, auth=("admin", "sandbox"), timeout=5).raise_for_status()
    site.put("button/a.json", press(impact="unit"))
    assert site.sync().exit_code == 1
    assert site.incidents() == []
    with App.open(site.settings) as app:
        assert "gone" in app.status()["waiting"][0]["what"]


# ── when something is wrong ──


@pytest.mark.parametrize("kind", ["lose_answer", "error_after", "cut", "lose_request"])
def test_a_lost_answer_is_looked_up_within_the_same_run(quiet_site: Site, kind: str) -> None:
    site = quiet_site
    site.put("button/first.json", press(request_id="c-1"))
    site.sync()
    site.put("button/a.json", press())
    site.box.faults.add("POST /api/now/table/incident", kind)
    report = site.sync()
    assert report.exit_code == 0
    assert report.document()["sinks"]["servicenow"]["unsure"] == 0
    assert len(site.incidents()) == 2


def test_a_dead_servicenow_does_not_stop_zendesk(site: Site) -> None:
    site.box.faults.add("* /api/now/*", "status", status=503, times=None)
    report = site.sync()
    assert report.exit_code == 3
    assert list(report.errors) == ["servicenow"]
    assert report.document()["sinks"]["zendesk"]["created"] == len(site.tickets()) > 0
    assert site.incidents() == []
    site.box.faults.clear()
    with App.open(site.settings) as app:
        waiting = app.status()["sinks"]["servicenow"]["queued"]
    assert waiting > 40


def test_a_help_desk_that_fails_all_of_a_few_tickets_is_down_too(quiet_site: Site) -> None:
    site = quiet_site
    site.box.faults.add("* /oauth_token.do", "status", status=500, times=None)
    site.put("button/a.json", press())
    report = site.sync()
    assert report.sinks["servicenow"]["queued"] == 1
    assert report.exit_code == 3


def test_a_wrong_password_blocks_no_ticket(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    secret = site.base / "secrets/servicenow"
    secret.write_text("wrong\n")
    report = site.sync()
    assert report.exit_code == 3
    document = report.document()
    assert (document["sinks"]["servicenow"]["blocked"], document["sinks"]["servicenow"]["queued"]) == (0, 1)
    assert "wrong" not in json.dumps(document)
    secret.write_text("sandbox\n")
    assert site.sync().exit_code == 0
    assert len(site.incidents()) == 1


def test_a_sleeping_instance_is_no_ticket_and_no_loss(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.box.faults.add("* /api/now/*", "html", times=None)
    report = site.sync()
    assert report.exit_code == 3
    assert site.incidents() == []
    site.box.faults.clear()
    assert site.sync().exit_code == 0
    assert len(site.incidents()) == 1


def test_a_mapping_that_fails_holds_the_ticket_until_replan(quiet_site: Site) -> None:
    site = quiet_site
    site.configure(
        "fields:\n", "fields:\n  u_room: {from: context.location.room, required: true}\n", "mappings/servicenow.yaml"
    )
    site.put("button/a.json", press())
    assert site.sync().exit_code == 1
    assert site.sync().exit_code == 0
    with App.open(site.settings) as app:
        waiting = app.status(strict=True)
    assert waiting["exit_code"] == 1
    assert "u_room" in waiting["waiting"][0]["what"]
    site.configure("  u_room: {from: context.location.room, required: true}\n", "", "mappings/servicenow.yaml")
    with App.open(site.settings) as app:
        assert [act["now"] for act in app.actions.replan()] == ["queued"]
        assert app.sync().exit_code == 0
    assert len(site.incidents()) == 1


def test_a_changed_mapping_alone_writes_nothing(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.sync()
    before = len(site.writes())
    site.configure("fields:\n", "fields:\n  u_site: {value: north}\n", "mappings/servicenow.yaml")
    site.sync()
    assert len(site.writes()) == before


def test_a_ticket_stays_at_its_sink_whatever_the_routes_say_later(quiet_site: Site) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    site.configure("- {when: {channel: chatbot}, sink: zendesk}", "- {when: {channel: email}, sink: zendesk}")
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "Now it takes two.", answers="one"))
    site.sync()
    assert site.tickets() == []
    assert len(site.journal(site.incidents()[0]["sys_id"])) >= 1


def test_files_are_withheld_by_default_and_named_instead(quiet_site: Site) -> None:
    site = quiet_site
    site.configure("\n    attachments: send", "")
    screen = {"filename": "screen.png", "content_type": "image/png", "content_base64": "iVBORw0KGgo="}
    site.put("button/a.json", press(attachments=[screen]))
    site.sync()
    row = site.incidents()[0]
    assert site.files(row["sys_id"]) == []
    assert "screen.png" in row["description"]


def test_a_limit_takes_in_so_many_and_the_rest_next_time(quiet_site: Site) -> None:
    site = quiet_site
    broken = "{broken\n" * 3  # what is no ticket does not count
    site.put("button/all.ndjson", broken + "".join(press(request_id=f"c-{i}") + "\n" for i in range(5)))
    site.sync(limit=2)
    assert len(site.incidents()) == 2
    site.sync()
    assert len(site.incidents()) == 5


def test_a_dry_run_shows_what_would_be_sent_and_writes_nothing(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    with App.open(site.settings, reads_only=True) as app:
        report = app.sync(dry_run=True)
    assert report.sources["button"].new == 1
    assert report.document()["would"][0]["fields"]["short_description"] == "Labels do not print"
    assert site.writes() == []
    assert not (site.base / "connector.db").exists()
    assert site.sync().sources["button"].new == 1
    before = (site.base / "connector.db").read_bytes()
    with App.open(site.settings, reads_only=True) as app:
        assert app.sync(dry_run=True).sources["button"].new == 0
    assert (site.base / "connector.db").read_bytes() == before


def test_two_runs_at_once_share_the_work(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    from connector.ledger import leases

    with App.open(site.settings) as first, App.open(site.settings) as second:
        held = leases.take(first.wiring.db, "collect:button", first.wiring.who, first.wiring.clock.wall())
        assert held is not None
        assert second.sync(["button"]).exit_code == 4
        assert second.sync().exit_code == 0
        leases.give_back(first.wiring.db, held)
        assert second.sync(["button"]).exit_code == 0
    assert len(site.incidents()) == 1


def test_a_rejected_record_is_kept_and_can_be_read_again(quiet_site: Site) -> None:
    """Its file may be long gone."""
    site = quiet_site
    gone = site.put("button/broken.json", "{not json")
    assert site.sync().exit_code == 1
    gone.unlink()
    with App.open(site.settings) as app:
        done = app.actions.retry(["button:broken.json"])
    assert [(act["do"], act["was"], act["now"]) for act in done] == [("read", "rejected", "rejected")]


def test_another_sites_records_are_never_adopted(quiet_site: Site) -> None:
    """Two installations on one instance, with the same request ids."""
    site = quiet_site
    site.put("button/a.json", press())
    site.sync()
    text = site.settings.read_text("utf-8")
    (site.base / "connector.db").unlink()
    name = next(line.split()[1] for line in text.splitlines() if line.startswith("site:"))
    site.settings.write_text(text.replace(name, "south-0002"), "utf-8")
    site.box.faults.add("POST /api/now/table/incident", "lose_request")
    site.sync()
    assert len({row["correlation_id"] for row in site.incidents()}) == len(site.incidents())
    assert sum(row["correlation_id"].startswith(name) for row in site.incidents()) == 1
