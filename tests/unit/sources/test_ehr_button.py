from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.plugins import Record, Rejected, SourceTools
from connector.sources.ehr_button import EhrButton, items
from connector.sources.ehr_button.settings import EhrButtonSettings
from connector.sources.identity import hashed
from connector.ticket import Category, FileKind, Impact, Kind, PersonKind, Ticket, Urgency, fingerprint

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
PAYLOAD: dict[str, Any] = {
    "schema_version": "1",
    "request_id": "BTN-1001",
    "source": {
        "system": "Epic",
        "tenant": "north",
        "environment": "PRD",
        "application": "Hyperspace",
        "app_version": "May 2026",
        "server": "CTX24",
    },
    "submitted_at": "2026-03-02T10:11:12.345-06:00",
    "summary": "Wristbands are blank",
    "description": "SmartText ETX 3097767 is empty on the wristband.\r\nSince 9 am.",
    "error_text": "Print failed: 0x80070005, ORA-00942",
    "issue_type": "Printing",
    "impact": "unit",
    "urgency": "high",
    "patient_care_affected": True,
    "requester": {
        "kind": "staff",
        "user_id": "E1",
        "login": "jdoe",
        "name": "Jane Doe",
        "email": "jane@north.example",
        "phone": "x4411",
        "role": "RN",
        "is_physician": False,
        "department_id": "D7",
        "department": "4 West",
        "provider_id": "P9",
    },
    "device": {"workstation": "WS-4W-12", "ip": "10.1.2.3", "session_recording_id": "rec-1"},
    "location": {"facility": "North", "unit": "4W", "room": "12"},
    "screen": {"workspace": "Inpatient", "activity": "Label printing", "url": "https://ehr.example/a"},
    "records": [{"type": "LRP", "id": "55012", "name": "Wristband"}, {"type": "EPT", "id": "1234567"}],
    "patient": {
        "mrn": "00123",
        "fhir_id": "f1",
        "name": "Ann Bee",
        "birth_date": "1950-01-02",
        "encounter_id": "e1",
        "bed": "7",
    },
    "attachments": [
        {
            "filename": "shot.png",
            "content_type": "image/png",
            "kind": "screenshot",
            "content_base64": base64.b64encode(PNG).decode(),
            "sha256": hashlib.sha256(PNG).hexdigest(),
        }
    ],
}


def button(**settings: Any) -> EhrButton:
    made = EhrButtonSettings.model_validate({"type": "ehr_button", "path": "inbox", **settings})
    return EhrButton("button", made, SourceTools(Path()))


def read(payload: Any, place: str = "a.json", **settings: Any) -> Ticket:
    reading = button(**settings).read(Record(place, json.dumps(payload).encode(), 1_800_000_000.0))
    assert isinstance(reading, Ticket), reading
    return reading


def refused(data: bytes) -> str:
    reading = button().read(Record("a.json", data))
    assert isinstance(reading, Rejected)
    assert reading.finding.where == "a.json"
    return reading.finding.code


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in PAYLOAD.items() if name not in names} | more


def test_every_field_has_its_place() -> None:
    ticket = read(PAYLOAD)
    assert ticket.source == "button"
    assert ticket.external_id == "north:Epic:BTN-1001"
    assert (ticket.summary, ticket.description) == (
        "Wristbands are blank",
        "SmartText ETX 3097767 is empty on the wristband.\nSince 9 am.",
    )
    assert (ticket.impact, ticket.urgency, ticket.patient_care) == (Impact.UNIT, Urgency.HIGH, True)
    assert (ticket.kind, ticket.category, ticket.tags) == (Kind.INCIDENT, Category.BREAK_FIX, ("printing",))
    assert ticket.submitted_at == datetime(2026, 3, 2, 16, 11, 12, 345000, UTC)
    assert ticket.received_at == datetime.fromtimestamp(1_800_000_000, UTC)
    assert ticket.requester.model_dump(exclude_defaults=True) == {
        "kind": "staff",
        "id": "E1",
        **{name: PAYLOAD["requester"][name] for name in ("login", "name", "email", "phone", "role", "is_physician")},
        **{name: PAYLOAD["requester"][name] for name in ("department_id", "department", "provider_id")},
    }
    assert ticket.context.model_dump(exclude_defaults=True) == {
        "system": "Epic",
        "tenant": "north",
        "environment": "PRD",
        "application": "Hyperspace",
        "version": "May 2026",
        "server": "CTX24",
        "workstation": "WS-4W-12",
        "ip": "10.1.2.3",
        "session_recording_id": "rec-1",
        "workspace": "Inpatient",
        "activity": "Label printing",
        "url": "https://ehr.example/a",
        "error_text": "Print failed: 0x80070005, ORA-00942",
        "error_codes": ("0x80070005", "ORA-00942"),
        "location": {"facility": "North", "unit": "4W", "room": "12"},
    }
    assert [str(record) for record in ticket.records] == ["LRP 55012 (Wristband)", "ETX 3097767"]
    assert ticket.extra == {}
    assert ticket.notes == ()


def test_what_names_the_patient_is_in_the_compartment_only() -> None:
    ticket = read(PAYLOAD)
    phi = ticket.phi
    assert (phi.mrn, phi.name, phi.birth_date) == ("00123", "Ann Bee", "1950-01-02")
    assert (phi.fhir_id, phi.encounter, phi.extra) == ("f1", "e1", {"bed": "7"})
    assert [str(record) for record in phi.records] == ["EPT 1234567"]
    outside = ticket.model_copy(update={"phi": None}).model_dump_json(exclude={"phi"})
    for word in ("00123", "Ann Bee", "1950", "1234567"):
        assert word not in outside


@pytest.mark.parametrize(
    "data",
    [b'{"summary": "x"}', b'{"description": ""}', b'{"description": " \\n\\u0000"}', b'{"description": ["x"]}'],
)
def test_a_missing_description_is_refused(data: bytes) -> None:
    assert refused(data) == "no-description"


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"[1]", "not-an-object"), (b"null", "not-an-object"), (b"{", "not-json"), (b"", "empty"), (b"\xff\xfe", "empty")],
)
def test_what_is_no_object_is_refused(data: bytes, code: str) -> None:
    assert refused(data) in (code, "not-json")


def test_values_of_the_wrong_shape_are_kept_and_harm_nothing() -> None:
    odd = {
        "description": 12345,
        "requester": "jdoe",
        "source": ["Epic"],
        "impact": "everybody",
        "urgency": 3,
        "patient_care_affected": "maybe",
        "records": {"type": "ETX"},
        "attachments": "none",
        "screen": None,
        "submitted_at": "yesterday",
        "patient": "MRN 7",
        "smart": 1,
    }
    ticket = read(odd)
    assert ticket.description == "12345"
    kept = {"requester", "source", "impact", "urgency", "patient_care_affected", "records", "attachments"}
    assert set(ticket.extra) == kept | {"submitted_at", "smart"}
    assert ticket.phi.extra == {"patient": "MRN 7"}
    assert (ticket.impact, ticket.urgency, ticket.patient_care) == (Impact.USER, Urgency.MEDIUM, None)


def test_unknown_keys_are_kept_beside_the_payloads_own_extra() -> None:
    ticket = read(without(extra={"a": 1, "weird": "own"}, weird={"b": [1, None]}, source={"system": "Epic", "rack": 4}))
    assert ticket.extra == {"a": 1, "weird": "own", "weird (payload)": {"b": [1, None]}, "source": {"rack": 4}}


def test_steps_tried_are_found_at_the_top_and_under_extra() -> None:
    assert read(without(steps_tried=["rebooted", "called"])).steps_tried == ("rebooted", "called")
    assert read(without(extra={"steps_tried": "one\ntwo\n"})).steps_tried == ("one", "two")


def test_others_are_named_too() -> None:
    ticket = read(without(on_behalf_of={"name": "Dr Who"}, watchers=["a@b.example", {"login": "w"}, 7]))
    assert ticket.on_behalf_of
    assert ticket.on_behalf_of.name == "Dr Who"
    assert [(one.email, one.login) for one in ticket.watchers] == [("a@b.example", ""), ("", "w")]
    assert ticket.extra == {"watchers": [7]}


def test_tokens_are_dropped_wherever_they_are() -> None:
    smart = {
        "access_token": "S3CRET",
        "id_token": "S3CRET",
        "patient": "p1",
        "fhirUser": "Practitioner/1",
        "intent": "x",
    }
    ticket = read(without("patient", smart=smart, extra={"deep": [{"Refresh-Token": "S3CRET", "ok": 1}]}))
    assert "S3CRET" not in repr(ticket) + ticket.model_dump_json()
    assert ticket.extra == {"deep": [{"ok": 1}], "smart": {"intent": "x"}}
    assert (ticket.phi.fhir_id, ticket.requester.fhir_id) == ("p1", "Practitioner/1")


def test_the_query_of_an_address_may_name_the_patient() -> None:
    ticket = read(without(screen={"url": "https://ehr.example/a?mrn=00123#x"}))
    assert ticket.context.url == "https://ehr.example/a"
    assert ticket.phi.extra["url"].endswith("mrn=00123#x")


# ── sort ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("said", ["scheduling", "Missing choice", "FEEDBACK"])
def test_a_snag_is_feedback(said: str) -> None:
    ticket = read(without(issue_type=said))
    assert (ticket.kind, ticket.category) == (Kind.FEEDBACK, Category.OPTIMIZATION)


def test_a_site_has_its_own_issue_types() -> None:
    table = {"Bed board": {"kind": "request", "category": "maintenance"}, "printing": {"kind": "feedback"}}
    assert read(without(issue_type="bed-board"), issue_types=table).category is Category.MAINTENANCE
    assert read(PAYLOAD, issue_types=table).kind is Kind.FEEDBACK


def test_an_unknown_issue_type_is_no_tag() -> None:
    ticket = read(without(issue_type="Mrs Bee in 12"))
    assert ticket.tags == ()
    assert ticket.extra == {"issue_type": "Mrs Bee in 12"}


def test_who_presses_the_button_is_a_setting() -> None:
    assert read(without("requester")).requester.kind is PersonKind.STAFF
    assert read(without("requester"), person="patient").requester.kind is PersonKind.PATIENT


# ── time and identity ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("2026-07-02T10:11:12", datetime(2026, 7, 2, 15, 11, 12, tzinfo=UTC)),
        ("2026-07-02 10:11:12Z", datetime(2026, 7, 2, 10, 11, 12, tzinfo=UTC)),
        (1_800_000_000, datetime.fromtimestamp(1_800_000_000, UTC)),
        (1_800_000_000_000, datetime.fromtimestamp(1_800_000_000, UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("never", None),
        (True, None),
        (1e300, None),
    ],
)
def test_times(said: Any, utc: datetime | None) -> None:
    ticket = read(without(submitted_at=said), timezone="America/Chicago")
    assert ticket.submitted_at == utc
    assert bool(ticket.notes) == (utc is None)


def test_a_wrong_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone 'Chicago'"):
        button(timezone="Chicago")


@pytest.mark.parametrize(
    ("source", "request_id", "wanted"),
    [
        ({"system": "Epic", "tenant": "north"}, "R-1", "north:Epic:R-1"),
        ({"system": "Epic"}, "R-1", "Epic:R-1"),
        ({}, "R-1", "R-1"),
        ({}, 17, "17"),
    ],
)
def test_a_request_id_makes_the_id(source: dict[str, str], request_id: Any, wanted: str) -> None:
    assert read(without(source=source, request_id=request_id)).external_id == wanted


def test_an_id_that_is_not_plain_is_hashed() -> None:
    made = read(without(request_id="R 1")).external_id
    assert made == read(without(request_id="R 1")).external_id
    assert UUID(made).version == 5
    assert hashed("a|b", "c") != hashed("a", "b|c")


@settings(deadline=None)
@given(
    st.tuples(*[st.sampled_from(["", "a", "a:b", "b", "a|b", "|"])] * 3),
    st.tuples(*[st.sampled_from(["", "a", "a:b", "b", "a|b", "|"])] * 3),
)
def test_different_parts_make_different_ids(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    def made(parts: tuple[str, str, str]) -> str:
        return read(
            {"description": "x", "source": {"tenant": parts[0], "system": parts[1]}, "request_id": parts[2] + "."}
        ).external_id

    assert (made(one) == made(other)) == (one == other)


def test_without_a_request_id_the_asking_names_the_request() -> None:
    asked = without("request_id")
    first = read(asked, "a.json").external_id
    assert read(asked | {"description": "edited", "summary": "edited"}, "b.json").external_id == first
    assert read(asked | {"submitted_at": "2026-03-02T16:11:12.999Z"}).external_id == first
    assert read(asked | {"submitted_at": "2026-03-02T16:11:13Z"}).external_id != first
    assert read(asked | {"device": {"workstation": "other"}}).external_id != first


def test_a_changed_time_zone_setting_renames_nothing() -> None:
    asked = without("request_id", submitted_at="2026-03-02T10:11:12.5")
    assert read(asked).external_id == read(asked, timezone="America/Chicago").external_id


def test_where_nothing_names_the_request_its_place_does() -> None:
    assert read({"description": "x"}, "sub/a.ndjson:7").external_id == "file/sub/a.ndjson:7"


def test_the_order_of_keys_is_noise() -> None:
    turned = dict(reversed(PAYLOAD.items()))
    assert fingerprint(read(PAYLOAD)) == fingerprint(read(turned))


# ── build records ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_in_no_list_counts_as_patient_data_until_the_site_says_otherwise() -> None:
    payload = without("records", description="x", records=[{"type": "ZZZ", "id": "1"}, "ETX 1", {"type": "ETX"}])
    ticket = read(payload)
    assert [str(record) for record in ticket.phi.records] == ["ZZZ 1"]
    assert any("build_codes" in note for note in ticket.notes)
    assert ticket.extra == {"records": ["ETX 1", {"type": "ETX"}]}
    assert [str(record) for record in read(payload, build_codes=["ZZZ"]).records] == ["ZZZ 1"]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def attached(**attachment: Any) -> Ticket:
    return read(without(attachments=[{"filename": "shot.png", "content_type": "image/png", **attachment}]))


def test_a_carried_file_is_decoded() -> None:
    (file,) = read(PAYLOAD).attachments
    assert (file.name, file.content_type, file.content, file.kind) == (
        "shot.png",
        "image/png",
        PNG,
        FileKind.SCREENSHOT,
    )


@pytest.mark.parametrize(
    "encoded",
    [
        base64.b64encode(PNG).decode().rstrip("="),
        base64.urlsafe_b64encode(PNG).decode(),
        "data:image/png;base64," + base64.b64encode(PNG).decode(),
        "\r\n".join(base64.b64encode(PNG).decode()),
    ],
)
def test_spellings_of_base64(encoded: str) -> None:
    ticket = attached(content_base64=encoded)
    assert ticket.attachments[0].content == PNG
    assert ticket.notes == ()


def test_broken_base64_is_kept_as_far_as_it_goes() -> None:
    ticket = attached(content_base64=base64.b64encode(PNG).decode() + "!!! and more")
    assert ticket.attachments[0].content == PNG
    assert ticket.notes == ("attachment 1: its base64 is broken; decoded as far as it goes",)


@pytest.mark.parametrize(
    ("attachment", "note"),
    [
        ({"content_base64": "!!!"}, "its base64 cannot be decoded; not taken over"),
        ({"content_base64": "A" * 20_000}, "larger than 1,024 bytes; not taken over"),
        ({"url": "https://files.example/1"}, "it is at an address and was not fetched"),
        ({}, "it has no content"),
        ({"content_base64": 7}, "it has no content"),
    ],
)
def test_a_file_that_cannot_be_had_is_named(attachment: dict[str, Any], note: str) -> None:
    payload = without(attachments=[{"filename": "Ann Bee.png", "content_type": "image/png", **attachment}])
    ticket = read(payload, attachment_bytes=1024)
    assert ticket.attachments == ()
    assert ticket.notes == (f"attachment 1: {note}",)


def test_an_address_is_kept_where_patient_data_may_be() -> None:
    assert attached(url="https://files.example/1").extra == {"attachments": [{"url": "https://files.example/1"}]}


def test_a_file_that_lies_about_itself_is_told() -> None:
    ticket = attached(content_base64=base64.b64encode(b"<html>x</html>").decode(), kind="screenshot", sha256="00")
    (file,) = ticket.attachments
    assert (file.content_type, file.kind) == ("text/html", FileKind.OTHER)
    assert len(ticket.notes) == 2


def test_only_so_many_files_are_taken() -> None:
    one = {"content_type": "text/plain", "content_base64": "aGk="}
    ticket = read(without(attachments=[{"filename": f"{n}.txt", **one} for n in range(52)]))
    assert len(ticket.attachments) == 50
    assert ticket.notes == ("2 attachments beyond the first 50 were not taken over",)


# ── arrays ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b'{"a": [1]}', [("p", b'{"a": [1]}')]),
        (b"[]", []),
        (b' [ {"a":  1} , {"b": 2} ] \n', [("p#1", b'{"a":  1}'), ("p#2", b'{"b": 2}')]),
        (b"\xef\xbb\xbf[1]", [("p#1", b"1")]),
        ("[1]".encode("utf-16"), [("p#1", b"1")]),
        (b"[1,]", [("p#1", b"1")]),
        (b"[", [("p#1", b"")]),
        (b"[1", [("p#1", b"1"), ("p#2", b"")]),
        (b'[1, {"cut": ', [("p#1", b"1"), ("p#2", b'{"cut": ')]),
        (b"[1] [2]", [("p#1", b"1"), ("p#2", b"[2]")]),
        (b"\x00 [", [("p", b"\x00 [")]),
    ],
)
def test_the_elements_of_an_array_are_cut_out(data: bytes, wanted: list[tuple[str, bytes]]) -> None:
    assert [(record.place, record.data) for record in items(Record("p", data))] == wanted


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.integers(), max_size=3), max_size=6))
def test_cut_elements_say_what_the_array_said(elements: list[Any]) -> None:
    cut = [json.loads(record.data) for record in items(Record("p", json.dumps(elements, indent=1).encode()))]
    assert cut == elements
