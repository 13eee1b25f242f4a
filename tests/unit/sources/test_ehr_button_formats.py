"""Formats other than our own: how they are told apart, flat contexts and their aliases, EMR Help, what is no JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.plugins import Reading, Record, Rejected, SourceTools
from connector.sources.ehr_button import EhrButton
from connector.sources.ehr_button.aliases import ALIASES, key_of, no_target
from connector.sources.ehr_button.form import Form
from connector.sources.ehr_button.tokens import without_tokens
from connector.ticket import Impact, Ticket, Urgency
from tests.fuzz.target import Target
from tests.fuzz.trial import tried


def button(**settings: Any) -> EhrButton:
    made = EhrButton.settings.model_validate({"type": "ehr_button", "path": "inbox", **settings})
    return EhrButton("button", made, SourceTools(Path()))


def reading(payload: Any, **settings: Any) -> Reading:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return button(**settings).read(Record("a.json", data, 1_800_000_000.0))


def ticket(payload: Any, **settings: Any) -> Ticket:
    made = reading(payload, **settings)
    assert isinstance(made, Ticket), made
    return made


def code(payload: Any, **settings: Any) -> str:
    made = reading(payload, **settings)
    assert isinstance(made, Rejected), made
    return made.finding.code


# ── which format ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_generic_payload_of_plain_values_stays_one() -> None:
    made = ticket({"request_id": "R-1", "summary": "a", "description": "b", "colour": "red"})
    assert (made.external_id, made.extra) == ("R-1", {"colour": "red"})


def test_one_known_key_makes_plain_values_a_flat_context() -> None:
    assert ticket({"description": "b", "WS": "WS-1"}).context.workstation == "WS-1"


def test_a_fixed_format_is_not_guessed() -> None:
    flat = {"description": "b", "ws": "WS-1", "device": {"workstation": "WS-2"}}
    assert ticket(flat).context.workstation == "WS-2"
    made = ticket(flat, format="flat")
    assert (made.context.workstation, made.extra) == ("WS-1", {"device": {"workstation": "WS-2"}})
    assert code({"description": "b"}, format="fhir") == "no-request"
    assert ticket({"description": "b", "ws": "1"}, format="generic").extra == {"ws": "1"}


def test_a_format_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError):
        button(format="hl7")


# ── aliases ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["caller_id", "CALLER-ID", "sysparm_caller_id", "u_caller_id", "Caller ID", "callerId"])
def test_spellings_of_a_key(key: str) -> None:
    assert ALIASES[key_of(key)] == "requester.login"


def test_every_alias_leads_somewhere() -> None:
    assert not [target for target in ALIASES.values() if no_target(target)]


def test_a_site_renames_adds_and_takes_away() -> None:
    own = {"User": "requester.user_id", "wing": "location.unit", "grp": "records.ECL", "env": None}
    made = ticket({"desc": "b", "user": "77", "WING": "4 West", "grp": "881", "env": "PRD"}, aliases=own)
    assert (made.requester.id, made.requester.login, made.context.location.unit) == ("77", "", "4 West")
    assert ([str(record) for record in made.records], made.extra) == (["ECL 881"], {"env": "PRD"})


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("device.workstaton", "did you mean device.workstation"),
        ("phi.mrn", "no place 'phi.mrn'"),
        ("records.etx", "no place"),
        ("", "no place"),
    ],
)
def test_an_alias_that_leads_nowhere_is_refused(target: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        button(aliases={"x": target})


def test_aliases_serve_emr_help_too() -> None:
    payload = {"task_parameters": {"short_description": "a", "caller_id": "jdoe"}, "request_data": {"wing": "4 West"}}
    made = ticket(payload, aliases={"wing": "location.unit", "caller_id": "requester.login"})
    assert (made.context.location.unit, made.requester.login) == ("4 West", "jdoe")


# ── forms being filled in ────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_value_counts_and_another_one_is_kept() -> None:
    form = Form(ALIASES)
    for value in ("WS-1", "WS-1", "WS-2", "WS-3"):
        form.fill("ws", value)
    assert form.payload() == {"device": {"workstation": "WS-1"}, "extra": {"ws": ["WS-2", "WS-3"]}}


def test_texts_grow() -> None:
    form = Form(ALIASES)
    for key in ("error", "error_code"):
        form.fill(key, key)
    assert form.payload() == {"error_text": "error\nerror_code", "description": "error\nerror_code"}


@pytest.mark.parametrize(
    ("impact", "urgency", "wanted"),
    [
        ("1", 1, (Impact.SITE, Urgency.HIGH)),
        ("2 - Medium", "2-x", (Impact.UNIT, Urgency.MEDIUM)),
        (3, "3", (Impact.USER, Urgency.LOW)),
        ("enterprise", "low", (Impact.ENTERPRISE, Urgency.LOW)),
        ("12", "none", (Impact.USER, Urgency.MEDIUM)),
    ],
)
def test_numbers_of_impact_and_urgency(impact: Any, urgency: Any, wanted: tuple[Impact, Urgency]) -> None:
    made = ticket({"desc": "b", "ws": "1", "impact": impact, "urgency": urgency})
    assert (made.impact, made.urgency) == wanted


@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(sorted(ALIASES)), st.text(max_size=30), max_size=12))
def test_whatever_a_flat_context_says_is_in_the_ticket_or_refused(said: dict[str, str]) -> None:
    made = reading({"desc": "beginning", **said}, format="flat", attachment_bytes=1024)
    if isinstance(made, Rejected):
        assert set(said) & {key for key in said if key_of(key) in ALIASES}
        return
    assert isinstance(made, Ticket)
    known = made.model_dump_json() + repr([file.content for file in made.attachments])
    for key, value in said.items():
        if value.isalnum() and value.isascii() and key_of(key) not in ALIASES and "password" not in key.lower():
            assert value in known


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("%CSN%", None),
        (" %USERFNAME% , %USERLNAME% ", None),
        ("%25PATID%25", None),
        ("%CSN% is missing", "%CSN% is missing"),
        ("20% to 30%", "20% to 30%"),
        ("100%", "100%"),
        ("%", "%"),
        ("% %", "% %"),
        (5, 5),
        ({"a": ["%X1%", {"b": "%Y%"}, "c"]}, {"a": [None, {"b": None}, "c"]}),
    ],
)
def test_tokens(value: Any, wanted: Any) -> None:
    assert without_tokens(value) == wanted


def test_a_description_that_is_a_token_is_none() -> None:
    assert code({"description": "%COMMENT%", "device": {}}) == "no-description"


# ── what is no JSON ──────────────────────────────────────────────────────────────────────────────────────────────


@given(st.dictionaries(st.sampled_from(["ws", "env", "x y", "ä"]), st.text(st.characters(codec="utf-8"), max_size=20)))
def test_a_form_body_says_what_was_put_into_it(said: dict[str, str]) -> None:
    made = ticket(urlencode({"desc": "beginning", **said}).encode())
    assert made.description == "beginning"
    if said.get("ws", "").isalnum() and said["ws"].isascii():
        assert made.context.workstation == said["ws"]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"a=1&" * 2000, "too-many-values"),
        (b"a=" + b"x" * 2_000_000, "too-large"),
        (b'<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>', "fhir-xml"),
        ('<Task xmlns="http://hl7.org/fhir"/>'.encode("utf-16"), "fhir-xml"),
        (b"\xef\xbb\xbf  <Task xmlns='http://hl7.org/fhir'/>", "fhir-xml"),
        (b"<html><body>502 Bad Gateway</body></html>", "not-json"),
        (b"MSH|^~\\&|X", "hl7-v2"),
        (b"just words", "not-json"),
        (b"%00=", "not-json"),
        (b"a==b", "no-description"),
    ],
)
def test_what_is_no_json_is_named(data: bytes, wanted: str) -> None:
    assert code(data) == wanted


# ── EMR Help ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "payload",
    [
        {"task_parameters": {"short_description": "a"}, "request_data": None},
        {"task_parameters": "b", "request_data": {"short_description": "a"}},
        {"source": ["Epic"], "task_parameters": {"short_description": "a", "caller_id": {"link": 1}}},
    ],
)
def test_half_an_envelope_is_one(payload: dict[str, Any]) -> None:
    assert ticket(payload).summary == "a"


def test_what_may_name_the_patient_stays_out_of_the_texts() -> None:
    made = ticket(
        {"task_parameters": {"short_description": "a"}, "request_data": {"additional_info": "Ann", "patient_id": "9"}}
    )
    assert (made.phi.note, made.phi.mrn) == ("Ann", "9")
    assert "Ann" not in made.model_copy(update={"phi": None}).model_dump_json(exclude={"phi"})


# ── hostile ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [
        b'{"description": "x", "attachments": [{"content_base64": "' + b"A" * 50_000_000 + b'"}]}',
        b'{"resourceType": "Task", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' * 100_000 + b"1" + b"}" * 100_000,
        b'{"description": "' + b"data:image/png;base64," * 400_000 + b'"}',
        b'{"description": "' + b"%A" * 4_000_000 + b'"}',
        json.dumps({"desc": "x", "ws": "1", **{f"k{n}": "%X%" for n in range(70_000)}}).encode(),
    ],
    ids=["50 MB", "deep arrays", "deep objects", "data heads", "percents", "many keys"],
)
def test_monsters_are_refused_or_read(data: bytes) -> None:
    source = button()
    assert sum(tried(Target(source.read, (), source.split, source="button"), data).values()) == 1
