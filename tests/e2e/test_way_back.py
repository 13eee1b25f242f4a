"""What analysts do at the help desks comes back, each change once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from connector.app import App
from connector.ledger.schema import event, happening, heard, remote
from connector.sandbox.servicenow.auth import Account
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
        self.zen.export_delay = 0.0
        self.ann = Account("ann.lee", "", "a" * 32, admin=True)

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
    return Desks(quiet_site)


def test_what_an_analyst_does_is_seen_once(desks: Desks) -> None:
    desks.press("a")
    desks.site.sync()
    record = desks.incident()
    desks.change(record, state="2", assigned_to=next(iter(desks.snow.tables["sys_user"].rows)))
    desks.change(record, comments="We are on it.", work_notes="Toner?")
    desks.site.sync()
    desks.site.sync()
    [seen] = desks.rows(remote)
    assert (seen["status"], seen["replies"]) == ("open", 1)
    assert seen["assignee"]
    assert seen["answered_at"] is not None
    assert sorted((row["text"], row["public"]) for row in desks.rows(heard)) == [("Toner?", 0), ("We are on it.", 1)]
    assert sorted(desks.happened("changed", "said")) == ["changed", "said"]
    desks.change(record, state="6", close_code="Solution provided", close_notes="A new cartridge.")
    desks.site.sync()
    desks.change(record, state="2")
    desks.site.sync()
    desks.site.sync()
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
