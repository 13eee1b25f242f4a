"""Outages on their whole way: reports come in by several channels, and hang on one problem at the help desk."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.conftest import Site

AUTO = "\nproblems: {mode: auto}\n"
WORDS = (
    "Payroll screen shows PAY-4711 and closes, nobody can enter hours",
    "cannot enter hours, payroll closes with PAY-4711",
    "PAY-4711 when I open the payroll screen to enter my hours",
    "entering hours in payroll: screen closes, error PAY-4711",
)


def press(site: Site, number: int, said: str, **more: object) -> None:
    payload = {
        "request_id": f"p-{number}",
        "submitted_at": (datetime.now(UTC) - timedelta(minutes=50 - number)).isoformat(timespec="seconds"),
        "source": {"system": "Epic", "environment": "PRD", "application": "Payroll"},
        "summary": said,
        "description": said,
        "requester": {"login": f"user{number}", "email": f"user{number}@northfield-hospital.example"},
        **more,
    }
    site.put(f"button/p-{number}.json", json.dumps(payload))


@pytest.fixture
def payroll(quiet_site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Four reports of one outage; by the settings, problems open by themselves and all goes to ServiceNow."""
    text = quiet_site.settings.read_text("utf-8")
    quiet_site.settings.write_text(text + AUTO, "utf-8")
    return quiet_site


def children(site: Site) -> Counter[str]:
    return Counter(row.get("problem_id") or "" for row in site.incidents())


def problems(site: Site) -> list[dict[str, str]]:
    return list(site.box.servicenow.document()["problem"])


def test_reports_of_one_outage_hang_on_one_problem(payroll: Site) -> None:
    before = len(problems(payroll))
    for number, said in enumerate(WORDS[:3]):
        press(payroll, number, said)
    report = payroll.sync()
    made = problems(payroll)[before:]
    assert report.exit_code == 0, report.document()
    assert len(made) == 1
    assert children(payroll) == {made[0]["sys_id"]: 3}
    assert made[0]["first_reported_by_task"] in {row["sys_id"] for row in payroll.incidents()}
    press(payroll, 3, WORDS[3])
    payroll.sync()
    assert children(payroll) == {made[0]["sys_id"]: 4}
    assert len(problems(payroll)) == before + 1
