"""People are told what became of what they asked, over a real SMTP server, each once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.app import App
from tests.answers import PostOffice, post_office
from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import mail

DESK = "it-help@northfield-hospital.example"


def answers(port: int, more: str = "") -> str:
    return f"""
answers:
  smtp: {{host: 127.0.0.1, port: {port}, tls: none, sender: "IT Help <{DESK}>"}}
  sources:
    mail: {{by: mail{more}}}
"""


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as made:
        yield made


@pytest.fixture
def told_site(quiet_site: Site, office: PostOffice) -> Site:
    """A site that answers by mail."""
    with quiet_site.settings.open("a", encoding="utf-8") as file:
        file.write(answers(office.port))
    return quiet_site


def test_who_writes_is_told_the_number_once(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    report = site.sync()
    [told] = office.mails
    number = site.incidents()[0]["number"]
    assert number in told["Subject"]
    assert told["In-Reply-To"] == "<one@example.org>"
    assert told["Auto-Submitted"] == "auto-replied"
    assert report.document()["answers"]["mail"]["told"] == 1
    site.sync()
    assert len(office.mails) == 1


def test_a_dry_run_shows_the_message_and_sends_none(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    [would] = site.sync(dry_run=True).would
    [told] = would["told"]
    assert told["to"] == "bea@example.org"
    assert "Screen is slow" in told["text"]
    assert office.mails == []


def test_status_counts_messages_apart_from_sinks(told_site: Site, office: PostOffice) -> None:
    site = told_site
    office.say = lambda command, argument, envelope: "451 later" if command == "RCPT" else None
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync(max_seconds=2)
    with App.open(site.settings) as app:
        facts = app.status()
    assert set(facts["sinks"]) == {"servicenow", "zendesk"}
    assert facts["answers"]["mail"]["queued"] == 1
