"""A dry run foretells what a run does: the same counts of records, the same writes at each sink."""

from __future__ import annotations

from typing import Any

from connector.app import App
from connector.engine.report import Report
from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import mail, press

WRITES = ("created", "updated", "commented", "attached", "blocked")


def figures(report: Report) -> tuple[dict[str, Any], dict[str, dict[str, int]]]:
    said = report.document()
    return said["sources"], {name: {word: of[word] for word in WRITES} for name, of in said["sinks"].items()}


def foretold(site: Site, **asked: Any) -> Report:
    before = len(site.writes())
    with App.open(site.settings, reads_only=True) as app:
        report = app.sync(dry_run=True, **asked)
    assert len(site.writes()) == before
    return report


def as_foretold(site: Site, **asked: Any) -> tuple[Report, Report]:
    """A dry run and a run, which agree."""
    would, did = foretold(site, **asked), site.sync(**asked)
    assert figures(would) == figures(did)
    return would, did


def test_the_samples_come_out_as_foretold(site: Site) -> None:
    would, _ = as_foretold(site)
    assert len(would.would) >= 62
    again, _ = as_foretold(site)
    assert again.would == []


def test_versions_replies_and_files_come_out_as_foretold(quiet_site: Site) -> None:
    site = quiet_site
    site.configure("wait: 3s", "wait: 3s\npending: 15m")
    site.put("button/a.json", press())
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    as_foretold(site)
    site.put("button/a.json", press(summary="Labels do not print at all"))
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "And now two.", answers="one"))
    site.put("mail/3.eml", mail("four", "Re: Nobody knows", "It waits.", answers="three"))
    site.put("mail/4.eml", mail("five", "Re: Screen is slow", "And three.", answers="two"))
    would, _ = as_foretold(site)
    assert sorted(each["do"] for each in would.would) == ["comment", "comment", "update"]
    site.put("mail/5.eml", mail("three", "Nobody knows", "Here it is."))
    would, did = as_foretold(site)
    assert did.sinks["servicenow"]["commented"] == 1, "what waited joins it"
    assert [each["do"] for each in would.would] == ["create", "comment"]


def test_a_limit_holds_for_a_dry_run_too(quiet_site: Site) -> None:
    quiet_site.put("button/all.ndjson", "".join(press(request_id=f"c-{i}") + "\n" for i in range(5)))
    would, _ = as_foretold(quiet_site, limit=2)
    assert would.sources["button"].new == 2


def test_what_waits_already_is_foretold(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.put("button/b.json", press(request_id="c-1002"))
    site.sync(sinks=["zendesk"])
    site.put("button/c.json", press(request_id="c-1003"))
    site.put("button/a.json", press(summary="Never claimed, so made as it reads now"))
    would, _ = as_foretold(site)
    assert would.sinks["servicenow"]["created"] == 3


def test_what_no_mapping_can_render_is_foretold(quiet_site: Site) -> None:
    site = quiet_site
    need = "\nfields:\n  u_ward: {from: requester.department, required: true}\n"
    site.configure("\nfields:\n", need, "mappings/servicenow.yaml")
    site.put("button/a.json", press())
    would, did = as_foretold(site)
    assert (would.sinks["servicenow"]["blocked"], did.exit_code) == (1, 1)
    assert "u_ward" in would.would[0]["findings"][0]
