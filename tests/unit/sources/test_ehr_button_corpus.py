"""Every payload of the corpus reads as `button.expected.json` says, and reaches both help desks whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connector.mapping import Mapping as Mapped
from connector.mapping import load, render
from connector.phi import clear, shield
from connector.plugins import Clearance, Counted, Reading, Rejected, SourceTools
from connector.sinks.servicenow import fields as servicenow_fields
from connector.sinks.zendesk import fields as zendesk_fields
from connector.sources.ehr_button import EhrButton
from connector.ticket import BuildRecord, PersonKind, Ticket

TESTS = Path(__file__).parents[2]
CORPUS = TESTS / "corpus" / "button"
EXPECTED: list[dict[str, Any]] = json.loads(CORPUS.with_name("button.expected.json").read_text())
SETTINGS = {
    "type": "ehr_button",
    "path": ".",
    "timezone": "America/Chicago",
    "aliases": {
        "Arbeitsplatz": "device.workstation",
        "Gebaeude": "location.facility",
        "Vorgang": "records",
        "activity": None,
    },
}
OWN_WORDS = "flat-site-words.json"


def source(**more: Any) -> EhrButton:
    """With the site's own words where a file is about them."""
    settings = EhrButton.settings.model_validate({**SETTINGS, **more})
    return EhrButton("button", settings, SourceTools(CORPUS))


@cache
def readings() -> Mapping[str, Reading]:
    plain, own = source(aliases={}), source()
    records = [record for page in plain.pages({}) for record in page.records]
    return {record.place: (own if record.place == OWN_WORDS else plain).read(record) for record in records}


def tickets() -> list[tuple[str, Ticket]]:
    return [(place, reading) for place, reading in readings().items() if isinstance(reading, Ticket)]


def test_every_payload_is_expected_and_every_expected_one_is_found() -> None:
    assert sorted(readings()) == sorted(row["place"] for row in EXPECTED)
    assert len({place.partition("#")[0] for place in readings()}) >= 35


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["place"])
def test_a_payload_reads_as_expected(row: Mapping[str, Any]) -> None:
    reading = readings()[row["place"]]
    assert type(reading).__name__.lower() == row["reading"], reading
    if isinstance(reading, Rejected):
        assert (reading.finding.code, reading.finding.where) == (row["finding"], row["place"])
        return
    if isinstance(reading, Counted):
        assert reading.reason == row["reason"]
        return
    assert isinstance(reading, Ticket)
    facts = {name: fact for name, fact in row.items() if name not in ("place", "reading")}
    assert {name: said(reading, name) for name in facts} == facts


def said(ticket: Ticket, name: str) -> Any:
    """A field of the ticket, by its dotted name, as JSON would say it; `files` are the names of the attachments."""
    if name == "files":
        return [file.name for file in ticket.attachments]
    value: Any = ticket
    for part in name.split("."):
        value = getattr(value, part)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [str(one) if isinstance(one, BuildRecord) else one for one in value]
    return value


def test_no_credential_is_kept() -> None:
    assert not [place for place, ticket in tickets() if "S3CRET" in ticket.model_dump_json()]


def test_no_two_requests_have_one_name() -> None:
    names = Counter(ticket.external_id for _, ticket in tickets())
    assert names.most_common(1)[0][1] == 1


# ── the tables of keys and elements ──────────────────────────────────────────────────────────────────────────────

EMR_HELP = """
    source short_description caller_id impact contact_type application environment server work_station
    millennium_username position user_is_physician issue_type session_recording_id additional_info patient_id
    """
FLAT = """
    caller_id user syslogin epicuserid userid epicuserfhirid userfhirid provid userprovid userprovfhirid userfname
    userlname logindepid logindeptid dep ws workstation work_station env environment mrn patid patient_id eptid patient
    csn encounter dob
    """
FHIR = """
    Task Communication QuestionnaireResponse Bundle Practitioner PractitionerRole Organization Location Device Patient
    Encounter DocumentReference Media Binary OperationOutcome MessageHeader contained identifier description
    contentString code topic category priority authoredOn sent authored note input valueAttachment contentAttachment
    requester sender author telecom serialNumber deviceName for subject encounter item answer diagnostics security
    """
GENERIC = """
    request_id source submitted_at summary description error_text issue_type impact urgency patient_care_affected
    requester device location screen records patient smart attachments extra steps_tried screenshot
    """


@pytest.mark.parametrize(
    ("beginning", "rows"),
    [("emr-", EMR_HELP), ("flat-", FLAT), ("fhir-", FHIR), ("generic-", GENERIC)],
)
def test_the_corpus_has_every_key_and_element(beginning: str, rows: str) -> None:
    files = [path.read_text().lower() for path in CORPUS.glob(f"{beginning}*")]
    seen = {word.removeprefix("sysparm_") for text in files for word in re.findall(r"\w+", text)}
    assert not {row for row in rows.split() if row.lower() not in seen}


# ── what an analyst reads ────────────────────────────────────────────────────────────────────────────────────────


FIRST_TEXT = {
    "servicenow": ("description", servicenow_fields.FIELDS),
    "zendesk": ("comment", zendesk_fields.FIELDS),
}


@pytest.fixture(scope="module", params=FIRST_TEXT)
def read(request: pytest.FixtureRequest) -> list[tuple[str, Ticket, str]]:
    """Each ticket with the text that an analyst reads first, at a help desk that may not know the patient."""
    field, specs = FIRST_TEXT[request.param]
    mapping: Mapped = load(TESTS.parent / "mappings" / f"{request.param}.yaml", specs)
    shown = [(place, ticket, clear(shield(ticket), Clearance.NONE)) for place, ticket in tickets()]
    return [(place, ticket, str(render(mapping, safe).fields[field])) for place, ticket, safe in shown]


def test_what_the_button_knew_stands_once_in_what_the_analyst_reads(read: list[tuple[str, Ticket, str]]) -> None:
    for place, ticket, text in read:
        context, lines = ticket.context, text.split("\n")
        for value in (context.workstation, context.activity, context.server, context.environment):
            assert not value or text.count(value) == 1 + ticket.description.count(value), (place, value)
        for record in map(str, ticket.records):
            assert sum(record in line for line in lines if line.startswith("Build records: ")) == 1, (place, record)
        for said in filter(None, context.error_text.split("\n")):
            assert said in lines, (place, said)


def test_no_patient_stands_in_what_the_analyst_reads(read: list[tuple[str, Ticket, str]]) -> None:
    for place, ticket, text in read:
        phi = ticket.phi
        name = phi.name if ticket.requester.kind is not PersonKind.PATIENT else ""
        for value in filter(None, (phi.mrn, phi.encounter, phi.birth_date, phi.fhir_id, phi.note, name)):
            assert value not in text, (place, value)
