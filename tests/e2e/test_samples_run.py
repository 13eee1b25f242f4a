"""One run of the sample inbox: every good record is exactly one record at the right sink, every bad one is named."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from connector.app import App
from connector.samples import EXPECTED, Expected
from tests.e2e.conftest import Site

GOOD = [item for item in EXPECTED if item.reading == "ticket"]
REPLIES = [item for item in EXPECTED if item.reading == "reply"]


@pytest.fixture
def ran(site: Site) -> dict[str, Any]:
    report = site.sync()
    with App.open(site.settings) as app:
        outcomes = {(fact["source"], fact["place"]): fact for fact in app.outcomes()}
        status = app.status()
    return {"report": report, "outcomes": outcomes, "status": status}


def test_every_record_of_the_samples(site: Site, ran: dict[str, Any]) -> None:
    """One run serves all these assertions: it is what a newcomer's first run does."""
    assert ran["report"].failures == []
    _every_record_is_accounted_for(ran)
    _every_good_record_is_one_record_at_its_sink(site, ran)
    _texts_people_context_and_files_arrived(site, ran)
    _nothing_of_a_patient_arrived(site)
    _a_second_run_writes_nothing(site)


def _every_record_is_accounted_for(ran: dict[str, Any]) -> None:
    wanted = {(item.source, item.place): item.reading for item in EXPECTED}
    got = {place: _reading(fact["outcome"]) for place, fact in ran["outcomes"].items()}
    wanted = {place: _reading(reading) for place, reading in wanted.items()}
    assert got == wanted
    rejected = {(row["source"], row["place"]) for row in ran["status"]["rejected"]}
    assert rejected == {place for place, reading in wanted.items() if reading == "rejected"}
    assert all(row["what"] for row in ran["status"]["rejected"])
    assert ran["status"]["waiting"] == []


def _reading(outcome: str) -> str:
    """A mail that is there twice is read as the ticket, or as the reply, that it already is."""
    return "good" if outcome in ("ticket", "reply") else outcome


def _every_good_record_is_one_record_at_its_sink(site: Site, ran: dict[str, Any]) -> None:
    distinct = [item for item in GOOD if "same_as" not in item.facts]
    by_sink = Counter(item.sink for item in distinct)
    assert len(site.incidents()) == by_sink["servicenow"]
    assert len(site.tickets()) == by_sink["zendesk"]
    keys = [row["correlation_id"] for row in site.incidents()] + [str(row["external_id"]) for row in site.tickets()]
    assert len(set(keys)) == len(keys)
    assert all(keys)
    for item in GOOD + REPLIES:
        fact = ran["outcomes"][item.source, item.place]
        assert fact["sink"] == item.sink, item.place
        assert fact["number"], item.place


def _texts_people_context_and_files_arrived(site: Site, ran: dict[str, Any]) -> None:
    incidents = {row["number"]: row for row in site.incidents()}
    for item in GOOD:
        if item.sink != "servicenow" or "same_as" in item.facts:
            continue
        row = incidents[ran["outcomes"][item.source, item.place]["number"]]
        _as_expected(site, item, row)
    for item in REPLIES:
        row = incidents[ran["outcomes"][item.source, item.place]["number"]]
        assert any(item.facts["text"] in said for said in site.journal(row["sys_id"])), item.place


def _as_expected(site: Site, item: Expected, row: dict[str, str]) -> None:
    facts = {**item.facts, **item.facts.get("with_agents", {})}  # the settings of `init` know who forwards for others
    if "phi" not in facts and "summary" in facts:
        assert row["short_description"] == facts["summary"], item.place
    text = row["description"] + "".join(site.journal(row["sys_id"]))
    for wanted in [facts.get("workstation"), facts.get("environment"), *facts.get("records", [])]:
        assert wanted is None or str(wanted) in text, (item.place, wanted)
    if "attachments" in facts:
        own = list(site.files(row["sys_id"]))
        at_least = facts["attachments"]
        assert len(own) >= at_least, item.place
        assert len({(file["file_name"], file["hash"]) for file in own}) == len(own), item.place


def _nothing_of_a_patient_arrived(site: Site) -> None:
    everything = repr(site.box.servicenow.document()["incident"]) + repr(site.box.zendesk.document()["tickets"])
    everything += repr(site.box.servicenow.document()["sys_journal_field"]) + repr(
        site.box.zendesk.document()["comments"]
    )
    for identifier in PATIENTS:
        assert identifier not in everything, identifier


def _a_second_run_writes_nothing(site: Site) -> None:
    before = len(site.writes())
    report = site.sync()
    assert len(site.writes()) == before
    assert report.exit_code == 0
    assert all(counts.new == counts.changed == counts.rejected == 0 for counts in report.sources.values())


# Identifiers of patients that stand in the samples (all invented).
PATIENTS = ["00655201", "00655210", "655201", "00733410", "733410", "00481516", "481516", "Jennings", "700415001"]
