"""FHIR: references, several requests in one Bundle, files wherever they are, and what tries to break the reader."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.plugins import Counted, Reading, Record, Rejected, SourceTools
from connector.sources.ehr_button import EhrButton, items, parts
from connector.sources.ehr_button.fhir.resources import Resources, requests
from connector.sources.ehr_button.fhir.values import concept, human_name, identifiers, telecom, value_of
from connector.ticket import Ticket
from tests.fuzz.target import Target
from tests.fuzz.trial import tried

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n picture").decode()


def button(**own: Any) -> EhrButton:
    made = EhrButton.settings.model_validate({"type": "ehr_button", "path": "inbox", **own})
    return EhrButton("button", made, SourceTools(Path()))


def readings(payload: Any) -> list[Reading]:
    source = button()
    return [source.read(part) for part in source.split(Record("a.json", json.dumps(payload).encode()))]


def ticket(payload: Any) -> Ticket:
    (made,) = readings(payload)
    assert isinstance(made, Ticket), made
    return made


def task(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Task", "description": "Help", **more}


def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", **more, "entry": [{"resource": one} for one in resources]}


def placed(url: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": url, "resource": resource}


# ── references ───────────────────────────────────────────────────────────────────────────────────────────────────

HERE, THERE = "https://here.example/r4", "https://there.example/r4"


def nurse(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Practitioner", "name": [{"text": name}], **more}


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("Practitioner/1", "Here"),
        (f"{HERE}/Practitioner/1", "Here"),
        (f"{THERE}/Practitioner/1", "There"),
        (f"{HERE}/Practitioner/1/_history/7", "Here"),
        ("urn:uuid:3", "By UUID"),
        ("#4", "Contained"),
        ("https://elsewhere.example/Practitioner/5", "Without address"),
        ("https://elsewhere.example/Practitioner/1", ""),
        ("Practitioner/6", ""),
        ("#5", ""),
        ("#", ""),
        ("", ""),
        (7, ""),
        (["Practitioner/1"], ""),
    ],
)
def test_references_are_resolved_within_the_bundle_only(reference: Any, name: str) -> None:
    asked = task(id="t", requester={"reference": reference}, contained=[nurse("Contained", id="4")])
    payload = {
        "resourceType": "Bundle",
        "entry": [
            placed(f"{HERE}/Task/t", asked),
            placed(f"{THERE}/Practitioner/1", nurse("There", id="1")),
            placed(f"{HERE}/Practitioner/1", nurse("Here", id="1")),
            placed("urn:uuid:3", nurse("By UUID")),
            {"resource": nurse("Without address", id="5")},
        ],
    }
    assert ticket(payload).requester.name == name


def test_contained_resources_are_seen_from_their_own_container() -> None:
    one = task(contained=[nurse("One", id="n"), {"resourceType": "PractitionerRole", "id": "r", "practitioner": {}}])
    one["contained"][1]["practitioner"] = {"reference": "#n"}
    one["requester"] = {"reference": "#r"}
    other = {"resourceType": "DocumentReference", "contained": [nurse("Other", id="n")]}
    assert ticket(bundle(other, one)).requester.name == "One"


# ── which request ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_comes_before_a_communication_before_a_questionnaire() -> None:
    said = {"resourceType": "Communication", "payload": [{"contentString": "Said"}]}
    asked = {"resourceType": "QuestionnaireResponse", "item": [{"text": "Q", "answer": [{"valueString": "A"}]}]}
    assert ticket(bundle(asked, said, task())).description == "Help\nQ: A\nSaid"
    assert ticket(bundle(asked, said)).description == "Said\nQ: A"
    assert ticket(bundle(asked)).description == "Q: A"


def test_what_was_taken_back_says_nothing() -> None:
    said = {"resourceType": "Communication", "status": "entered-in-error", "payload": [{"contentString": "Said"}]}
    assert ticket(bundle(said, task())).description == "Help"
    assert readings(bundle(said)) == [Counted("FHIR status entered-in-error")]


def test_bundles_within_bundles_are_opened() -> None:
    assert ticket(bundle(bundle(bundle(task())))).description == "Help"


def test_several_requests_become_several_records() -> None:
    payload = bundle(*(task(identifier=[{"value": str(n)}]) for n in range(3)), identifier={"value": "B"})
    found = list(items(Record("a.json", json.dumps(payload).encode())))
    assert [one.place for one in found] == ["a.json", "a.json#2", "a.json#3"]
    assert [one.external_id for one in readings(payload) if isinstance(one, Ticket)] == [f"fhir::{n}" for n in range(3)]
    made = button().read(Record("a.json", json.dumps(payload).encode()))
    assert isinstance(made, Rejected)
    assert made.finding.code == "several-requests"


def test_the_bundles_identifier_names_a_request_only_where_there_is_one() -> None:
    assert ticket(bundle(task(), identifier={"value": "B"})).external_id == "fhir::B"
    names = [one.external_id for one in readings(bundle(task(), task(), identifier={"value": "B"}))]  # type: ignore[union-attr]
    assert names == ["file/a.json", "file/a.json#2"]


@pytest.mark.parametrize(
    ("request_", "url", "wanted"),
    [
        (task(id="1"), "", "fhir:Task:1"),
        (task(id="1"), "urn:uuid:9", "a UUID"),
        (task(id="1"), f"{HERE}/Task/1", "a UUID"),
        (task(), "", "file/a.json"),
        (
            task(identifier=[{"system": "s"}, {"value": "x"}, {"use": "official", "value": "y"}]),
            "urn:uuid:9",
            "fhir::y",
        ),
    ],
)
def test_names_of_requests(request_: dict[str, Any], url: str, wanted: str) -> None:
    name = ticket({"resourceType": "Bundle", "entry": [placed(url, request_)]}).external_id
    assert name == wanted or (wanted == "a UUID" and len(name) == 36)


def test_a_request_keeps_its_name_when_it_is_edited_or_moved() -> None:
    first = ticket(bundle(task(identifier={"value": "7"}), nurse("A")))
    edited = ticket(bundle(nurse("B"), task(identifier={"value": "7"}, description="Other")))
    assert first.external_id == edited.external_id


def test_beyond_a_thousand_requests_the_rest_is_refused_in_one_piece() -> None:
    payload = bundle(*(task(identifier=[{"value": str(n)}]) for n in range(1050)))
    made = requests(payload)
    assert [len(one["entry"]) for one in made] == [1] * 999 + [51]
    refused = button().read(Record("a.json", json.dumps(made[-1]).encode()))
    assert isinstance(refused, Rejected)


def test_what_many_requests_share_is_copied_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "COPIED_BYTES", 3000)
    media = {"resourceType": "Media", "id": "m", "content": {"contentType": "image/png", "data": "A" * 1000}}
    payload = bundle(*(task(id=str(n), focus={"reference": "Media/m"}) for n in range(5)), media)
    assert [type(one) for one in readings(payload)] == [Ticket, Ticket, Rejected]


def test_a_list_of_requests_ties_nothing_together() -> None:
    shot = {"resourceType": "Media", "id": "m", "content": {"title": "b.png", "contentType": "image/png", "data": PNG}}
    header = {"resourceType": "MessageHeader", "focus": [{"reference": f"Task/{n}"} for n in "ab"]}
    header["focus"].append({"reference": "Media/m"})
    second = task(id="b", input=[{"type": {"text": "shot"}, "valueReference": {"reference": "Media/m"}}])
    one, two = readings(bundle(header, task(id="a"), second, shot, type="message"))
    assert isinstance(one, Ticket)
    assert isinstance(two, Ticket)
    assert (len(one.attachments), [file.name for file in two.attachments]) == (0, ["b.png"])


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reference", "kind"),
    [("Patient/1", "patient"), ("RelatedPerson/1", "patient"), ("Device/1", "unknown"), ("Practitioner/1", "staff")],
)
def test_who_asks(reference: str, kind: str) -> None:
    assert ticket(task(requester={"reference": reference, "display": "X"})).requester.kind == kind


def test_a_role_whose_practitioner_is_not_there_still_names_somebody() -> None:
    role = {"resourceType": "PractitionerRole", "id": "r", "code": [{"text": "RN"}]}
    role["practitioner"] = {"reference": "Practitioner/9", "display": "Agnes", "identifier": {"value": "E9"}}
    made = ticket(bundle(task(requester={"reference": "PractitionerRole/r"}), role)).requester
    assert (made.name, made.role, made.id, made.fhir_id) == ("Agnes", "RN", "E9", "Practitioner/9")


def test_a_patient_is_in_the_compartment_only() -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p77",
        "identifier": [{"value": "00733410"}],
        "name": [{"given": ["Ann", "B"], "family": "Bee"}],
        "birthDate": "1951-02-23",
        "telecom": [{"system": "phone", "value": "608-555-0188"}],
        "address": [{"line": ["12 Oak Street"], "city": "Hill", "postalCode": "53711"}],
    }
    made = ticket(bundle(task(**{"for": {"reference": "Patient/p77", "display": "Bee, Ann"}}), patient))
    assert (made.phi.mrn, made.phi.name, made.phi.birth_date) == ("00733410", "Ann B Bee", "1951-02-23")
    outside = made.model_copy(update={"phi": None}).model_dump_json(exclude={"phi"})
    for said in ("00733410", "Bee", "1951", "0188", "Oak", "p77"):
        assert said not in outside


@pytest.mark.parametrize("reference", ["Group/1", "Location/1", "Device/1", "Organization/1"])
def test_what_is_no_person_is_no_patient(reference: str) -> None:
    made = ticket(task(**{"for": {"reference": reference, "display": "4 West"}}))
    assert made.phi.name == ""


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

ELEMENTS = st.sampled_from(["input", "output", "extension", "note", "payload", "whatever", "content", "item"])
KEYS = st.sampled_from(["valueAttachment", "contentAttachment", "attachment", "content", "surprise"])
TYPES = st.sampled_from(["Media", "DocumentReference", "Communication", "Observation", "Nonsense"])


@given(st.lists(st.tuples(TYPES, ELEMENTS, KEYS, st.booleans(), st.integers(0, 3)), max_size=8), st.booleans())
def test_no_file_is_lost_wherever_it_is(places: list[tuple[str, str, str, bool, int]], contained: bool) -> None:
    held, wanted = [], set()
    for number, (kind, element, key, as_binary, depth) in enumerate(places):
        content = b"\x89PNG\r\n\x1a\n" + str(number).encode()
        data = base64.b64encode(content).decode()
        wanted.add(content)
        if as_binary:
            held.append({"resourceType": "Binary", "id": str(number), "contentType": "image/png", "data": data})
            continue
        value: Any = [{key: {"contentType": "image/png", "data": data}}]
        for _ in range(depth):
            value = [{"inner": value}]
        held.append({"resourceType": kind, "id": str(number), element: value})
    payload = task(contained=held) if contained else bundle(task(), task(id="other"), *held)
    found = [file.content for one in readings(payload) if isinstance(one, Ticket) for file in one.attachments]
    assert sorted(filter(None, found)) == sorted(wanted)


def test_what_a_file_holds_is_not_kept_twice() -> None:
    made = ticket(task(output=[{"type": {"text": "f"}, "valueAttachment": {"title": "x.png", "data": PNG}}]))
    assert len(made.attachments) == 1
    assert PNG not in json.dumps(made.extra)
    assert made.extra["Task"]["output"][0]["valueAttachment"] == {"title": "x.png"}


def test_an_attachment_with_data_of_its_own_hides_no_binary() -> None:
    other = base64.b64encode(b"\x89PNG\r\n\x1a\n other").decode()
    shown = {"type": {"text": "x"}, "valueAttachment": {"contentType": "image/png", "url": "Binary/b", "data": PNG}}
    made = ticket(bundle(task(input=[shown]), {"resourceType": "Binary", "id": "b", "data": other}))
    assert len(made.attachments) == 2


def test_an_address_outside_is_told_and_not_fetched() -> None:
    made = ticket(task(input=[{"type": {"text": "screenshot"}, "valueReference": {"reference": "Media/gone"}}]))
    assert made.notes == ("attachment 1: it is at an address and was not fetched",)
    assert made.extra == {"attachments": [{"url": "Media/gone"}]}


def test_an_input_may_name_what_is_in_the_bundle() -> None:
    place = {"resourceType": "Location", "id": "l", "name": "ICU 3"}
    here = {"type": {"text": "unit"}, "valueReference": {"reference": "Location/l", "display": "ICU"}}
    shot = {"type": {"text": "screenshot"}, "valueReference": {"reference": "Media/m", "display": "The screen"}}
    media = {"resourceType": "Media", "id": "m", "content": {"contentType": "image/png", "data": PNG}}
    made = ticket(bundle(task(input=[here, shot]), place, media))
    assert (made.context.location.unit, len(made.attachments), made.notes) == ("ICU", 1, ())


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("element", "wanted"),
    [
        ({"valueString": " a "}, "a"),
        ({"valueBoolean": False}, "no"),
        ({"valueInteger": 0}, "0"),
        ({"valueDecimal": 1.5}, "1.5"),
        ({"valueCodeableConcept": {"coding": [{"code": "c", "display": "d"}]}}, "d"),
        ({"valueCoding": {"code": "c"}}, "c"),
        ({"valueQuantity": {"value": 3, "unit": "mg"}}, "3 mg"),
        ({"valueIdentifier": {"value": "I"}}, "I"),
        ({"valueReference": {"reference": "Device/1", "display": "The printer"}}, "The printer"),
        ({"valuePeriod": {"start": "2026-01-01"}}, "2026-01-01"),
        ({"valueAttachment": {"title": "x"}}, ""),
        ({"valueString": None}, ""),
        ({"valueString": [["x"]]}, ""),
        ({}, ""),
    ],
)
def test_values(element: dict[str, Any], wanted: str) -> None:
    assert value_of(element) == wanted


def test_names_and_addresses() -> None:
    assert human_name([{"use": "old", "text": "Was"}, {"given": ["A", 7, None], "family": "B"}]) == "A 7 B"
    assert telecom([{"system": "email"}, {"system": "email", "value": "a@b.example"}], "email") == "a@b.example"
    assert [value for _, value, _ in identifiers([{"value": "x"}, {"use": "official", "value": "y"}, 3])] == ["y", "x"]
    assert concept([{"text": ""}, {"coding": [{"code": "c"}, {"display": "d"}]}]) == "d"


# ── hostile ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cycles_end() -> None:
    ring = [{"resourceType": "Organization", "id": str(n), "partOf": {"reference": f"Organization/{(n + 1) % 50}"}}
            for n in range(50)]  # fmt: skip
    tasks = [task(id=name, partOf=[{"reference": f"Task/{other}"}], owner={"reference": "Organization/0"})
             for name, other in ("ab", "ba")]  # fmt: skip
    assert [type(one) for one in readings(bundle(*tasks, *ring))] == [Ticket, Ticket]


ANSWER = {"text": "q", "answer": [{"valueString": "a"}]}
CROWDS = {
    "notes": task(note=[{"text": "n"}] * 10_000),
    "inputs": task(input=[{"type": {"text": "x"}, "valueString": "y"}] * 10_000),
    "patients": bundle(task(), *({"resourceType": "Patient", "id": str(n)} for n in range(5_000))),
    "answers": {
        "resourceType": "QuestionnaireResponse",
        "item": [{"text": "q", "answer": [{"valueString": "a"}]}] * 9000,
    },
    "files": bundle(task(), *({"resourceType": "Binary", "data": "AAAA"} for _ in range(5_000))),
    "requests": bundle(*(task(focus={"reference": f"Task/{n}"}, id=str(n)) for n in range(3000))),
    "one name": {"resourceType": "Bundle", "entry": [placed("u", task()), *[placed("u", {})] * 5_000]},
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_crowds_are_read_or_refused(crowd: str) -> None:
    source = button()
    assert tried(Target(source.read, (), source.split, source="button"), json.dumps(CROWDS[crowd]).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["reference", "identifier", "value", "name", "data", "url", "text", "coding"]), inner
        )
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "identifier", "status", "for", "requester", "input", "code", "note", "contained", "meta"]
        ),
        JSON,
    ),
    st.sampled_from(["Task", "Communication", "QuestionnaireResponse", "Patient", "Bundle", ""]),
)
def test_any_shape_of_a_resource_reads_to_something(body: dict[str, Any], kind: str) -> None:
    for payload in ({"resourceType": kind, **body}, bundle(task(), {"resourceType": kind, **body})):
        for made in readings(payload):
            assert isinstance(made, Ticket | Counted | Rejected)


def test_resources_are_gathered_in_order() -> None:
    held = Resources(bundle(task(id="1", contained=[nurse("x")]), bundle(task(id="2")), task(id="3")))
    assert [(one.type, one.id) for one in held.all] == [
        ("Task", "1"),
        ("Practitioner", ""),
        ("Task", "2"),
        ("Task", "3"),
    ]
