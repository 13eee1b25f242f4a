"""What holds between runs: a sink's table and clearance, a remote's memory of keys, one row's trouble."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from connector.app import App
from connector.errors import SettingsError
from connector.sinks.servicenow import ServiceNow
from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import mail, press

TO_ZENDESK = ("- {when: {channel: chatbot}, sink: zendesk}", "- {when: {channel: email}, sink: zendesk}")


def ledger(site: Site, statement: str, *values: object) -> list[Any]:
    with sqlite3.connect(site.base / "connector.db") as connection:
        return connection.execute(statement, values).fetchall()


def test_a_mapping_that_changes_its_table_is_refused(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.sync()
    site.configure("table: incident", "table: problem", "mappings/servicenow.yaml")
    with pytest.raises(SettingsError, match="so far"):
        site.sync()


def test_a_lowered_clearance_counts_for_what_was_rendered_before(quiet_site: Site) -> None:
    site = quiet_site
    patient = {"mrn": "00481516", "name": "Eleanor Vance"}
    site.configure("    attachments: send", "    attachments: send\n    clearance: full")
    site.put("button/a.json", press(description="MRN 00481516 prints no wristband", patient=patient))
    site.box.faults.add("* /api/now/*", "status", status=503, times=None)
    site.sync()
    assert "00481516" in ledger(site, "SELECT payload FROM delivery")[0][0]
    site.box.faults.clear()
    site.configure("\n    clearance: full", "")
    with App.open(site.settings) as app:
        app.actions.retry(["button:Epic:c-1001"])
        app.sync()
    assert "00481516" not in repr(site.incidents())
    assert "[MRN_1]" in site.incidents()[0]["description"]


def test_a_key_that_the_remote_forgot_meanwhile_guards_nothing(quiet_site: Site) -> None:
    """Absent was believed because of the Idempotency-Key; by the time of sending that is dead, so it is looked up."""
    site = quiet_site
    site.configure(*TO_ZENDESK)
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.box.faults.add("POST /api/v2/tickets", "lose_request", times=None)
    site.sync(max_seconds=1.0)
    site.box.faults.clear()
    forgotten = "UPDATE delivery SET state = 'queued', empty_since = 1, due_at = 0, sent_at = sent_at - 10000"
    ledger(site, forgotten)
    ledger(site, "UPDATE event SET at = at - 10000")
    before = len(site.writes())
    site.sync()
    assert len(site.writes()) == before
    assert ledger(site, "SELECT state FROM delivery") == [("unsure",)]


def test_a_sink_that_stumbles_over_one_ticket_goes_on_with_the_others(
    quiet_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = quiet_site
    site.put("button/a.json", press(summary="stumble"))
    site.put("button/b.json", press(request_id="c-2"))
    real = ServiceNow.resolve

    def stumbling(self: ServiceNow, do: Any, fields: Any) -> Any:
        if fields.get("short_description") == "stumble":
            raise ValueError("the text of a ticket")
        return real(self, do, fields)

    monkeypatch.setattr(ServiceNow, "resolve", stumbling)
    assert site.sync().exit_code == 1
    assert len(site.incidents()) == 1
    with App.open(site.settings) as app:
        waiting = app.status()["waiting"]
    assert "ValueError" in waiting[0]["what"]
    assert "the text of a ticket" not in repr(waiting)


def test_an_overwritten_file_does_not_lose_the_reply_that_waited_in_it(quiet_site: Site) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("two", "Re: Screen is slow", "Still slow.", answers="one"))
    site.sync()
    site.put("mail/1.eml", mail("four", "Re: Printer", "Still silent.", answers="three"))
    site.sync()
    site.configure("wait: 3s", "wait: 3s\npending: 0")
    ledger(site, "UPDATE pending SET due_at = 0")
    site.sync()
    texts = repr([row["description"] for row in site.incidents()])
    assert "Still slow." in texts
    assert "Still silent." in texts


def test_our_own_budget_is_no_fault_of_the_help_desk(quiet_site: Site) -> None:
    site = quiet_site
    site.configure("    attachments: send", "    attachments: send\n    requests_per_minute: 2")
    for number in range(3):
        site.put(f"button/{number}.json", press(request_id=f"c-{number}"))
    report = site.sync()
    assert report.exit_code == 0
    assert report.document()["sinks"]["servicenow"]["queued"] > 0
