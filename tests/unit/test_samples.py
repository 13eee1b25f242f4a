"""Every sample record is read by the real source, with the settings that `init` writes, as `expected.json` says."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector import config, plugins, samples
from connector.phi import clear, shield
from connector.phi.texts import texts
from connector.plugins import Clearance, Reading, Rejected, Reply, SourceTools
from connector.routing import choose
from connector.samples import EXPECTED, Expected
from connector.terminal.starter import start
from connector.ticket import Ticket

ROOT = Path(__file__).parents[2]
ORIGINALS = {(row.source, row.place) for row in EXPECTED if "same_as" not in row.facts}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> config.Settings:
    """What `init` writes, inbox included."""
    folder = tmp_path_factory.mktemp("samples")
    start(folder)
    return config.load(folder / "connector.yaml")


@pytest.fixture(scope="module")
def readings(settings: config.Settings) -> Mapping[tuple[str, str], Reading]:
    """Everything that the real sources find in the inbox, by source and place."""
    found: dict[tuple[str, str], Reading] = {}
    installed = config.plugins(config.SOURCES)
    for name, raw in settings.sources.items():
        kind = installed[raw["type"]].load()
        own = config.plugin_settings("sources", name, raw, kind.settings)
        source = kind(name, own, SourceTools(base=settings.base))
        for page in source.pages({}):
            found.update({(name, record.place): source.read(record) for record in page.records})
    return found


def label(row: Expected) -> str:
    return f"{row.source}/{row.place}"


def test_every_record_is_expected_and_every_expected_record_is_found(
    readings: Mapping[tuple[str, str], Reading],
) -> None:
    assert readings.keys() == {(row.source, row.place) for row in EXPECTED}


def test_the_totals_are_those_of_the_docstring() -> None:
    totals = Counter((row.source, row.reading) for row in EXPECTED)
    table = {
        source: [
            int(word) for word in (samples.__doc__ or "").partition(source)[2].split("\n")[0].split() if word.isdigit()
        ]
        for source in ("    button", "    mail", "    bot")
    }
    for source, numbers in table.items():
        kinds = ("ticket", "reply", "counted", "rejected")
        assert numbers[:4] == [count for kind in kinds if (count := totals[source.strip(), kind])]
    assert f"{len(EXPECTED)} records" in (samples.__doc__ or "")


@pytest.mark.parametrize("row", EXPECTED, ids=label)
def test_a_record_reads_as_expected(
    row: Expected, readings: Mapping[tuple[str, str], Reading], settings: config.Settings
) -> None:
    reading = readings[row.source, row.place]
    if isinstance(reading, Reply) and reading.otherwise:  # in this inbox nobody knows the talk
        reading = plugins.Counted(reading.otherwise)
    assert type(reading).__name__.lower() == row.reading
    if isinstance(reading, Rejected):
        assert reading.finding.code == row.facts["finding"]
        assert reading.finding.where == row.place
    elif isinstance(reading, plugins.Counted):
        assert reading.reason == row.facts["reason"]
    else:
        ticket = reading.ticket if isinstance(reading, Reply) else reading
        assert choose(settings.routes, ticket).sink == row.sink
        check_facts(ticket, expected_facts(row, settings))


def expected_facts(row: Expected, settings: config.Settings) -> dict[str, Any]:
    """A mailbox that knows its agents takes their forwards as asked by the original author."""
    facts = dict(row.facts)
    changed = facts.pop("with_agents", {})
    return {**facts, **changed} if settings.sources["mail"].get("agents") else facts


FACTS: Mapping[str, Callable[[Ticket], Any]] = {
    "summary": lambda ticket: ticket.summary,
    "email": lambda ticket: ticket.requester.email,
    "requester": lambda ticket: ticket.requester.name,
    "attachments": lambda ticket: len(ticket.attachments),
    "comments": lambda ticket: len(ticket.comments),
    "files": lambda ticket: [file.name for file in ticket.attachments],
    "watchers": lambda ticket: [person.email for person in ticket.watchers],
    "records": lambda ticket: [str(record) for record in ticket.records],
    "kind": lambda ticket: ticket.kind,
    "category": lambda ticket: ticket.category,
    "urgency": lambda ticket: ticket.urgency,
    "impact": lambda ticket: ticket.impact,
    "patient_care": lambda ticket: ticket.patient_care,
    "environment": lambda ticket: ticket.context.environment,
    "workstation": lambda ticket: ticket.context.workstation,
    "on_behalf_of": lambda ticket: ticket.on_behalf_of and ticket.on_behalf_of.email,
    "articles": lambda ticket: ticket.conversation and len(ticket.conversation.articles),
    "turns": lambda ticket: ticket.conversation and len(ticket.conversation.turns),
}
OTHER_FACTS = {"contains", "lacks", "text", "answers", "same_as", "outage", "phi"}


def check_facts(ticket: Ticket, facts: Mapping[str, Any]) -> None:
    assert facts.keys() - FACTS.keys() <= OTHER_FACTS
    for name, look in FACTS.items():
        if name in facts:
            assert look(ticket) == facts[name], name
    for words in facts.get("contains", ()):
        assert words in ticket.description
    for words in facts.get("lacks", ()):
        assert words not in ticket.description


@pytest.mark.parametrize("row", [row for row in EXPECTED if row.reading == "reply"], ids=label)
def test_a_reply_names_the_mail_it_answers(row: Expected, readings: Mapping[tuple[str, str], Reading]) -> None:
    reply, original = readings[row.source, row.place], readings[row.source, row.facts["answers"]]
    assert isinstance(reply, Reply)
    assert isinstance(original, Ticket)
    assert reply.comment.text == row.facts["text"]
    assert set(reply.thread) & set(original.thread)


def test_each_ticket_has_its_own_name_and_the_same_mail_the_same(
    readings: Mapping[tuple[str, str], Reading],
) -> None:
    names = {place: reading.external_id for place, reading in readings.items() if isinstance(reading, Ticket)}
    assert len({names[place] for place in names.keys() & ORIGINALS}) == len(names.keys() & ORIGINALS)
    for row in EXPECTED:
        if "same_as" in row.facts:
            assert names[row.source, row.place] == names[row.source, row.facts["same_as"]]


def test_one_outage_is_reported_by_five_people_over_three_channels() -> None:
    reports = [row for row in EXPECTED if row.facts.get("outage")]
    assert len({row.facts["email"] for row in reports}) == 5
    assert {row.source for row in reports} == {"button", "mail", "bot"}


PATIENTS = ("vance", "481516", "02/23/1951", "pruitt", "733410", "jennings", "00655201", "00655210", "00715220", "0188")


@pytest.mark.parametrize("row", [row for row in EXPECTED if row.reading in ("ticket", "reply")], ids=label)
def test_no_patient_reaches_a_sink_and_nobody_else_is_touched(
    row: Expected, readings: Mapping[tuple[str, str], Reading]
) -> None:
    reading = readings[row.source, row.place]
    ticket = reading.ticket if isinstance(reading, Reply) else reading
    assert isinstance(ticket, Ticket)
    shielded = shield(ticket)
    assert row.facts.get("phi", False) or shielded is ticket
    said = "\n".join(texts(clear(shielded, Clearance.NONE))).lower()
    assert not [patient for patient in PATIENTS if patient in said]


def test_the_copy_is_exact_and_looks_old(tmp_path: Path) -> None:
    samples.copy(tmp_path / "inbox")
    origin = ROOT / "connector" / "samples" / "inbox"
    copied = {path.relative_to(tmp_path / "inbox") for path in (tmp_path / "inbox").rglob("*") if path.is_file()}
    assert copied == {path.relative_to(origin) for path in origin.rglob("*") if path.is_file()}
    for path in copied:
        assert (tmp_path / "inbox" / path).read_bytes() == (origin / path).read_bytes()
        assert (tmp_path / "inbox" / path).stat().st_mtime == 1_789_603_200


def test_git_leaves_the_bytes_alone() -> None:
    asked = ["git", "check-attr", "text", "connector/samples/inbox/mail/charset-windows-1252.eml"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip("not a git checkout")
    assert told.stdout.strip().endswith("text: unset")


def test_records_can_be_of_the_day_before(tmp_path: Path) -> None:
    now = datetime(2027, 3, 2, 23, 30, tzinfo=UTC)
    samples.copy(tmp_path / "moved", now)
    samples.copy(tmp_path / "kept")
    press = json.loads((tmp_path / "moved/button/outage-login-ed.json").read_text("utf-8"))
    at = datetime.fromisoformat(press["submitted_at"])
    assert now - timedelta(days=1) < at < now
    assert (tmp_path / "moved/mail/outage-login-icu.eml").read_text("utf-8").count("2 Mar 2027") == 2
    for kept in (tmp_path / "kept").rglob("*.json"):
        there = tmp_path / "moved" / kept.relative_to(tmp_path / "kept")
        assert len(there.read_bytes()) == len(kept.read_bytes())
