"""People are told what became of what they asked, over a real SMTP server, each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from connector.app import App
from connector.ledger import happenings
from connector.ledger.happenings import Happening
from connector.ledger.schema import delivery, member, problem, ticket
from connector.signing import signature
from tests.answers import PostOffice, post_office, receiver
from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import mail, press

ROOT = Path(__file__).parents[2]
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
    """A site that answers by mail; outages are made by the tests themselves."""
    with quiet_site.settings.open("a", encoding="utf-8") as file:
        file.write(answers(office.port) + "problems: {mode: off}\n")
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


# ── what happened at the help desk ───────────────────────────────────────────────────────────────────────────────


def happened(
    site: Site, external_id: str, what: str, ref: str = "", outage_id: int | None = None, **detail: object
) -> None:
    """Something happened to a ticket, as whoever reads the help desk writes it."""
    with App.open(site.settings) as app, app.wiring.db.write() as connection:
        ticket_id = connection.execute(select(ticket.c.id).where(ticket.c.external_id == external_id)).scalar_one()
        now = app.wiring.clock.wall()
        happenings.happened(connection, [Happening(ticket_id, what, now, ref, outage_id, detail)])


def ids(site: Site) -> list[str]:
    with App.open(site.settings) as app, app.wiring.db.read() as connection:
        return list(connection.execute(select(ticket.c.external_id).order_by(ticket.c.id)).scalars())


def outage(site: Site, members: list[str]) -> int:
    """An open outage with these tickets in it."""
    with App.open(site.settings) as app, app.wiring.db.write() as connection:
        row = {"key": "P1", "sink": "servicenow", "state": "open", "title": "Payroll is down", "binds": "[]"}
        connection.execute(insert(problem), [{**row, "id": 7, "first_at": 0.0, "last_at": 0.0}])
        for name in members:
            ticket_id = connection.execute(select(ticket.c.id).where(ticket.c.external_id == name)).scalar_one()
            connection.execute(insert(member), [{"ticket_id": ticket_id, "problem_id": 7, "why": "", "joined_at": 0.0}])
    return 7


def subjects(office: PostOffice) -> list[str]:
    return [mail["Subject"] for mail in office.mails]


def test_the_resolution_and_its_articles_are_told_once(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    office.mails.clear()
    articles = [{"title": "Slow screens", "url": "https://kb.example.org/1"}]
    for _ in range(2):
        happened(site, ids(site)[0], "resolved", "s1", number="INC1", articles=articles)
        site.sync()
    [told] = office.mails
    assert "Slow screens https://kb.example.org/1" in told.get_content()


def test_honest_answers(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    office.mails.clear()
    happened(site, ids(site)[0], "deferred", "a", number="INC1")
    happened(site, ids(site)[0], "declined", "b", number="INC1", resolution="Not Solved (Too Costly)")
    site.sync()
    texts = [told.get_content() for told in office.mails]
    assert "cannot say yet when" in texts[0]
    assert "will not be changed" in texts[1]
    assert "Too Costly" in texts[1]


def test_a_status_that_does_not_matter_is_not_told(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    office.mails.clear()
    happened(site, ids(site)[0], "changed", "a", status="open")
    happened(site, ids(site)[0], "changed", "b", status="pending", ours=True)
    site.sync()
    assert office.mails == []
    happened(site, ids(site)[0], "changed", "c", status="pending", number="INC1")
    site.sync()
    assert "need something from you" in office.mails[0].get_content()


def test_of_an_outage_each_person_hears_once_however_many_tickets_they_wrote(
    told_site: Site, office: PostOffice
) -> None:
    site = told_site
    for name in ("one", "two"):
        site.put(f"mail/{name}.eml", mail(name, f"Payroll {name}", "It is down."))
    site.put("mail/three.eml", mail("three", "Payroll too", "Down.").replace("bea@example.org", "carl@example.org"))
    site.sync()
    office.mails.clear()
    number = outage(site, ids(site))
    for name in ids(site):
        happened(site, name, "joined", "P1", number, number="PRB1")
    site.sync()
    assert sorted(to for _, tos in office.envelopes[-2:] for to in tos) == ["bea@example.org", "carl@example.org"]
    assert len(office.mails) == 2
    office.mails.clear()
    for name in ids(site):
        happened(site, name, "problem_resolved", "P1:0", number, number="PRB1", problem="P1")
        happened(site, name, "resolved", "x", number, number="INC1", ours=True)
    site.sync()
    site.sync()
    assert [subject.startswith("Over: Payroll is down") for subject in subjects(office)] == [True, True]


def test_what_was_resolved_by_hand_before_is_not_told_again_at_the_end(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Payroll", "Down."))
    site.sync()
    number = outage(site, ids(site))
    happened(site, ids(site)[0], "resolved", "x", number, number="INC1")
    site.sync()
    office.mails.clear()
    happened(site, ids(site)[0], "problem_resolved", "P1:0", number, problem="P1")
    site.sync()
    assert office.mails == []
    happened(site, ids(site)[0], "reopened", "y", number)
    happened(site, ids(site)[0], "resolved", "z", number, number="INC1")
    site.sync()
    assert len(office.mails) == 1


def test_an_audience_is_told_but_for_those_who_reported(told_site: Site, office: PostOffice) -> None:
    site = told_site
    with site.settings.open("a", encoding="utf-8") as file:
        file.write("audiences:\n  - {tell: [bea@example.org, Leads <leads@example.org>]}\n")
    site.put("mail/1.eml", mail("one", "Payroll", "Down."))
    site.sync()
    number = outage(site, ids(site))
    for what in ("joined", "problem_resolved"):
        happened(site, ids(site)[0], what, "P1", number, number="PRB1", problem="P1")
        happened(site, ids(site)[0], "joined", "again", number)
        site.sync()
    told = [(mail["To"], mail["Subject"]) for mail in office.mails if "leads" in str(mail["To"])]
    assert [subject for _, subject in told] == ["Outage, known: Payroll is down", "Outage, over: Payroll is down"]
    assert not any("Outage, " in mail["Subject"] for mail in office.mails if "bea" in str(mail["To"]))


# ── loops, machines, and what comes back ─────────────────────────────────────────────────────────────────────────


def test_an_answer_to_our_answer_joins_the_ticket_whatever_headers_it_keeps(
    told_site: Site, office: PostOffice
) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    ours = office.mails[0]["Message-ID"].strip("<>")
    reply = mail("two", "Re: Screen is slow", "Thanks!", answers="X").replace("X@example.org", ours)
    site.put("mail/2.eml", reply)
    site.sync()
    assert len(site.incidents()) == 1
    assert any("Thanks!" in said for said in site.journal(site.incidents()[0]["sys_id"]))
    assert len(office.mails) == 1


def test_our_own_mail_that_comes_back_is_no_request(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    site.put("mail/ours.eml", bytes(office.mails[0]))
    report = site.sync()
    assert report.sources["mail"].counted == 1
    assert (len(site.incidents()), len(office.mails)) == (1, 1)


@pytest.mark.parametrize(
    "head",
    [
        "Precedence: list\n",
        "List-Id: <all.example.org>\n",
        "Auto-Submitted: auto-generated\n",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply\n",
        "Return-Path: <>\n",
    ],
)
def test_machines_and_lists_are_told_nothing(told_site: Site, office: PostOffice, head: str) -> None:
    site = told_site
    site.put("mail/1.eml", head + mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    assert len(site.incidents()) == 1
    assert office.mails == []


@pytest.mark.parametrize("address", ["no-reply@example.org", "MAILER-DAEMON@example.org", "list-bounces@x.org", DESK])
def test_nobody_is_told_at_addresses_that_nobody_reads(told_site: Site, office: PostOffice, address: str) -> None:
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute.").replace("bea@example.org", address))
    site.sync()
    assert office.mails == []


def test_one_person_gets_so_many_in_an_hour_and_the_others_wait(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.configure("\nanswers:\n", "\nanswers:\n  per_hour: 2\n")
    for number in range(4):
        site.put(f"mail/{number}.eml", mail(f"m{number}", f"Trouble {number}", "Help."))
    report = site.sync()
    assert len(office.mails) == 2
    assert report.document()["answers"]["mail"]["queued"] == 2
    assert report.exit_code == 0


# ── crashes and refusals ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_of_the_server_that_is_lost_sends_no_second_mail(told_site: Site, office: PostOffice) -> None:
    site = told_site
    office.say = lambda command, argument, envelope: "taken" if command == "DATA" else None
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    office.say = lambda command, argument, envelope: None
    site.sync()
    assert len(office.mails) == 1
    with App.open(site.settings) as app:
        [waiting] = [row for row in app.status()["waiting"] if row["sink"] == "answers:mail"]
        assert waiting["state"] == "unsure"
        assert "nobody can tell" in waiting["what"]
        app.actions.confirm(f"mail:{ids(site)[0]}", sent="seen")
        assert app.status()["waiting"] == []


def test_an_address_that_is_refused_waits_for_a_person_and_nothing_else_does(
    told_site: Site, office: PostOffice
) -> None:
    site = told_site
    office.say = lambda command, address, envelope: "550 no such user" if address.startswith("bea") else None
    site.put("mail/1.eml", mail("one", "Screen is slow", "Help."))
    site.put("mail/2.eml", mail("two", "Other", "Help.").replace("bea@", "carl@"))
    report = site.sync()
    assert [tos for _, tos in office.envelopes] == [["carl@example.org"]]
    assert report.document()["answers"]["mail"]["blocked"] == 1


def test_a_killed_run_tells_nobody_twice(told_site: Site, office: PostOffice) -> None:
    """SIGKILL while the server has the mail and has not said so: nobody knows, so nobody is told again."""
    site = told_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "Help."))
    child = 0

    def kill(command: str, argument: str, envelope: object) -> str | None:
        if command == "DATA" and child:
            os.kill(child, signal.SIGKILL)
            return "taken"
        return None

    office.say = kill
    process = subprocess.Popen(
        [sys.executable, "-c", "import cli; cli.main()", "-c", str(site.settings), "sync"], cwd=ROOT
    )
    child = process.pid
    assert process.wait(timeout=60) == -signal.SIGKILL
    office.say = lambda command, argument, envelope: None
    with App.open(site.settings) as app, app.wiring.db.write() as connection:
        connection.execute(update(delivery).values(lease_until=0.0))  # the lease has run out
    site.sync()
    assert len(office.mails) == 1


def test_a_server_that_is_down_costs_nothing(told_site: Site, office: PostOffice) -> None:
    site = told_site
    site.configure(f"port: {office.port}", "port: 1")
    site.put("mail/1.eml", mail("one", "Screen is slow", "Help."))
    report = site.sync()
    assert report.exit_code == 3
    assert len(site.incidents()) == 1
    site.configure("port: 1,", f"port: {office.port},")
    with App.open(site.settings) as app:
        app.actions.retry([f"mail:{ids(site)[0]}"])
    assert site.sync().exit_code == 0
    assert len(office.mails) == 1


# ── other channels ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_button_gets_a_signed_callback_which_may_be_repeated(quiet_site: Site) -> None:
    site = quiet_site
    with receiver() as ehr:
        key = site.base / "secrets" / "callback"
        key.write_text("0123456789abcdef0123\n", "utf-8")
        with site.settings.open("a", encoding="utf-8") as file:
            file.write(
                f'answers: {{sources: {{button: {{by: callback, url: "{ehr.url}", hmac: "file:secrets/callback"}}}}}}\n'
            )
        answers = iter([(0, b""), (200, b"thanks")])
        ehr.answer = lambda path, body: next(answers)
        site.put("button/a.json", press())
        site.sync()
        site.sync()
    (_, first, body), (_, second, again) = ehr.posts
    assert body == again
    assert first["idempotency-key"] == second["idempotency-key"]
    stamp, said = second["x-connector-timestamp"], second["x-connector-signature"]
    assert said == "sha256=" + signature(b"0123456789abcdef0123", stamp, body).decode()
    told = json.loads(body)
    assert (told["event"], told["number"]) == ("received", site.incidents()[0]["number"])
    assert told["ticket"] == "button:Epic:c-1001"


# ── escalation ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_nobody_answers_in_time_is_said_louder_once(told_site: Site, office: PostOffice) -> None:
    site = told_site
    with site.settings.open("a", encoding="utf-8") as file:
        file.write("service_levels: {low: {respond: 0.001}, medium: {respond: 0.001}}\n")
        file.write("escalations: [{on: respond, note: Nobody answered, urgency: high, tell: [boss@example.org]}]\n")
    site.sync()  # from now on
    site.put("button/a.json", press())
    site.sync()
    site.sync()
    [incident] = site.incidents()
    assert incident["urgency"] == "1"
    notes = [said for said in site.journal(incident["sys_id"]) if "Nobody answered (to be answered by" in said]
    assert len(notes) == 1
    told = [mail for mail in office.mails if mail["To"] == "boss@example.org"]
    assert [mail["Subject"] for mail in told] == [f"Not answered in time: {incident['number']} Labels do not print"]


def test_a_new_version_of_a_ticket_takes_no_escalation_back(told_site: Site) -> None:
    site = told_site
    with site.settings.open("a", encoding="utf-8") as file:
        file.write("service_levels: {low: {respond: 0.001}, medium: {respond: 0.001}}\n")
        file.write("escalations: [{on: respond, urgency: high, group: Service Desk}]\n")
    site.sync()
    site.put("button/a.json", press())
    site.box.faults.add("PATCH /api/now/table/incident/*", "status", status=503, times=None)
    site.sync(max_seconds=2)
    assert site.incidents()[0]["urgency"] == "2"
    site.put("button/a.json", press(summary="Labels do not print at all"))  # before the escalation has arrived
    site.box.faults.clear()
    with App.open(site.settings) as app:
        app.actions.retry([f"button:{ids(site)[0]}"])
    site.sync()
    [incident] = site.incidents()
    assert (incident["urgency"], incident["short_description"]) == ("1", "Labels do not print at all")
    group = incident["assignment_group"]
    assert site.box.servicenow.rows("sys_user_group", sys_id=group)[0]["name"] == "Service Desk"
    site.put("button/a.json", press(summary="Labels do not print at all", impact="unit"))  # and after
    site.sync()
    [incident] = site.incidents()
    assert (incident["urgency"], incident["impact"], incident["assignment_group"]) == ("1", "2", group)
    with App.open(site.settings) as app:
        fields = {
            each["field"]: each for each in app.explain(f"button:{ids(site)[0]}")["sinks"]["servicenow"]["fields"]
        }
    assert (fields["urgency"]["sent"], fields["urgency"]["remote"]) == ("1", "1")
