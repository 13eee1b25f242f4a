"""The mappings that `init` writes: faultless against the sinks' own fields, and safe for any ticket."""

from __future__ import annotations

import json
from collections.abc import Mapping as Table
from datetime import UTC, datetime
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from connector.mapping import Mapping, load, render, render_comment, schema
from connector.plugins import FieldSpec
from connector.sinks.servicenow import fields as servicenow_fields
from connector.sinks.zendesk import fields as zendesk_fields
from connector.ticket import (
    Attachment,
    BuildRecord,
    Comment,
    Context,
    Conversation,
    Person,
    Ticket,
    Turn,
)
from tests.unit.mapping.conftest import SHIPPED, ticket

SPECS: Table[str, tuple[FieldSpec, ...]] = {
    "servicenow": servicenow_fields.FIELDS,
    "zendesk": zendesk_fields.FIELDS,
}
SCREEN = Attachment.of("screen.png", b"x" * 3000, "image/png")


@pytest.fixture(scope="module", params=sorted(SPECS))
def shipped(request: pytest.FixtureRequest) -> Mapping:
    return load(SHIPPED / f"{request.param}.yaml", SPECS[request.param])


@pytest.fixture(scope="module")
def servicenow() -> Mapping:
    return load(SHIPPED / "servicenow.yaml", SPECS["servicenow"])


@pytest.fixture(scope="module")
def zendesk() -> Mapping:
    return load(SHIPPED / "zendesk.yaml", SPECS["zendesk"])


# ── any ticket ───────────────────────────────────────────────────────────────────────────────────────────────────

TEXT = st.text(max_size=30) | st.sampled_from(["printer", "x" * 5000, "PRD", "a\ud800", "{{ summary }}", "*", "\0"])
PLAIN = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda deeper: st.lists(deeper, max_size=3))
SIMPLE: Table[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(0, 10**12),
    float: st.floats(),
    bytes: st.none(),
    Any: PLAIN,
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def anything(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of the ticket model may have."""
    inner = get_args(annotation)
    if get_origin(annotation) in (Union, UnionType):
        return st.one_of(st.none(), *(anything(part) for part in inner if part is not type(None)))
    if get_origin(annotation) is tuple:
        return st.lists(anything(inner[0]), max_size=3).map(tuple)
    if inner:
        return st.dictionaries(TEXT, anything(inner[1]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return st.sampled_from(list(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return model(annotation)
    return SIMPLE[annotation]


def model(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = {name: anything(field.annotation) for name, field in kind.model_fields.items() if name != "content"}
    needed = {name: fields.pop(name) for name, field in kind.model_fields.items() if field.is_required()}
    # Built without validation: even what no source should make must not stop a run.
    return st.fixed_dictionaries(needed, optional=fields).map(
        lambda values: kind.model_construct(**{**defaults(kind), **values})
    )


def defaults(kind: type[BaseModel]) -> dict[str, Any]:
    return {name: field.default for name, field in kind.model_fields.items() if not field.is_required()}


TICKETS = model(Ticket)
COMMENTS = model(Comment)


@settings(max_examples=60, deadline=None)
@given(ticket=TICKETS, comment=COMMENTS, facts=st.dictionaries(st.sampled_from(["site", "group", "withheld"]), PLAIN))
def test_rendering_any_ticket_never_raises(
    servicenow: Mapping, zendesk: Mapping, ticket: Ticket, comment: Comment, facts: dict[str, Any]
) -> None:
    for mapping in (servicenow, zendesk):
        for rendered in (render(mapping, ticket, facts), render_comment(mapping, ticket, comment, facts)):
            sent = json.dumps(rendered.fields, allow_nan=False, ensure_ascii=False).encode("utf-8")
            assert len(sent) < 1_000_000
            assert rendered.fields.keys() >= rendered.origins.keys()
            for finding in rendered.findings:
                assert finding.where.startswith(str(mapping.path))
                assert finding.remedy


@settings(max_examples=60, deadline=None)
@given(ticket=TICKETS)
def test_a_ticket_of_a_source_is_never_held_up_by_a_shipped_mapping(
    servicenow: Mapping, zendesk: Mapping, ticket: Ticket
) -> None:
    for mapping, specs in ((servicenow, SPECS["servicenow"]), (zendesk, SPECS["zendesk"])):
        rendered = render(mapping, ticket)
        assert rendered.findings == ()
        lengths = {spec.name: spec.max_length for spec in specs if spec.max_length}
        assert all(len(rendered.fields.get(name, "")) <= length for name, length in lengths.items())


# ── what the analyst sees ────────────────────────────────────────────────────────────────────────────────────────

BUTTON = ticket(
    summary="Wristbands do not print",
    description="Nothing comes out of the printer on 4 West.",
    impact="unit",
    patient_care=True,
    requester=Person(name="Maria Alvarez", login="maria.alvarez", email="maria@north.example", role="RN"),
    watchers=(Person(email="olivia@north.example"),),
    context=Context(
        system="Epic",
        environment="prd",
        application="Willow Inpatient",
        workstation="WS4W-012",
        error_text="Queue 12 full",
    ),
    records=(BuildRecord(type="ETX", id="3097767"),),
    steps_tried=("Turned it off and on",),
    attachments=(SCREEN,),
)


def test_a_button_ticket_in_servicenow(servicenow: Mapping) -> None:
    fields = render(servicenow, BUTTON, {"withheld": (SCREEN,)}).fields
    description = fields.pop("description")
    assert fields == {
        "short_description": "Wristbands do not print",
        "caller_id": {"email": "maria@north.example", "login": "maria.alvarez", "name": "Maria Alvarez"},
        "watch_list": [{"email": "olivia@north.example", "login": "", "name": ""}],
        "contact_type": "self-service",
        "impact": "2",
        "urgency": "1",
        "category": "hardware",
        "assignment_group": "Printing and Labels",
        "work_notes": "Please look at this soon: patient care.",
    }
    for part in (
        "Nothing comes out of the printer on 4 West.",
        "Requested by: Maria Alvarez (maria.alvarez), RN, maria@north.example",
        "Patient care is affected.",
        "Workstation: WS4W-012",
        "Queue 12 full",
        "Build records: ETX 3097767",
        "- Turned it off and on",
        f"- screen.png (image/png, 3 kB, SHA-256 {SCREEN.sha256})",
    ):
        assert part in description


def test_a_button_ticket_in_zendesk(zendesk: Mapping) -> None:
    fields = render(zendesk, BUTTON).fields
    assert "Workstation: WS4W-012" in fields.pop("comment")
    assert fields == {
        "subject": "Wristbands do not print",
        "requester": {"email": "maria@north.example", "login": "maria.alvarez", "name": "Maria Alvarez"},
        "email_ccs": [{"email": "olivia@north.example", "login": "", "name": ""}],
        "priority": "high",
        "type": "incident",
        "tags": ["button", "incident", "break_fix", "patient_care"],
        "group": "Printing and Labels",
        "custom:Workstation": "WS4W-012",
        "custom:EHR environment": "PRD",
        "custom:EHR application": "Willow Inpatient",
        "custom:Build record": "ETX 3097767",
        "custom:Patient care affected": True,
    }


def test_what_is_long_stands_whole_in_the_work_notes(servicenow: Mapping) -> None:
    told = "A long story. " * 400
    fields = render(servicenow, ticket(description=told, context=Context(error_text="Trace " * 200))).fields
    assert len(fields["description"]) < 4000
    assert told.strip() in fields["work_notes"]
    assert ("Trace " * 200).strip() in fields["work_notes"]


def test_a_talk_with_a_bot_can_be_read_at_both(servicenow: Mapping, zendesk: Mapping) -> None:
    talk = Conversation(id="c", platform="rasa", intent="password", turns=(Turn(speaker="user", text="I am stuck"),))
    asked = ticket(channel="chatbot", conversation=talk)
    assert "user: I am stuck" in render(servicenow, asked).fields["work_notes"]
    assert "user: I am stuck" in render(zendesk, asked).fields["comment"]
    assert render(servicenow, asked).fields["contact_type"] == "virtual_agent"


GROUPS = [
    ({"summary": "I am locked out"}, "Identity and Access"),
    ({"summary": "Nobody can log in", "context": Context(application="ASAP")}, "EHR Emergency"),
    ({"summary": "x", "context": Context(application="PowerChart")}, "EHR Inpatient and Orders"),
    ({"summary": "Badge printer jams"}, "Printing and Labels"),
    (
        {
            "summary": "EHR login is down in the ICU",
            "description": "On no workstation. Medications are on paper charts.",
        },
        "Identity and Access",
    ),
    ({"summary": "Nobody can sign in", "description": "The whole unit is on downtime"}, "Identity and Access"),
    ({"summary": "Images are missing", "description": "On every workstation"}, "Service Desk"),
    ({"summary": "Mouse and keyboard are dead"}, "Desktop and Devices"),
    ({"summary": "x"}, "Service Desk"),
]


@pytest.mark.parametrize(("fields", "group"), GROUPS)
def test_the_right_group_gets_it_first(
    servicenow: Mapping, zendesk: Mapping, fields: dict[str, Any], group: str
) -> None:
    assert render(servicenow, ticket(**fields)).fields["assignment_group"] == group
    assert render(zendesk, ticket(**fields)).fields["group"] == group
    assert render(servicenow, ticket(**fields), {"group": "Routed"}).fields["assignment_group"] == "Routed"


def test_a_reply_changes_nothing_in_the_ticket_itself(shipped: Mapping) -> None:
    reply = Comment(id="m2", text="Works again", attachments=(Attachment.of("log.txt", b"l"),))
    answered = BUTTON.model_copy(update={"comments": (reply,)})
    facts = {"withheld": answered.files()}
    assert render(shipped, answered, facts).fields == render(shipped, BUTTON, {"withheld": BUTTON.files()}).fields
    said = render_comment(shipped, answered, reply, facts)
    assert said.fields["text"].startswith("Maria Alvarez wrote:\n\nWorks again\n")
    assert "log.txt" in said.fields["text"]


# ── what editors see ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_json_schema_is_current() -> None:
    made = json.dumps(schema(), indent=2) + "\n"
    assert (SHIPPED / "mapping.schema.json").read_text("utf-8") == made, (
        "connector mapping schema > mappings/mapping.schema.json"
    )


@pytest.mark.parametrize("name", sorted(SPECS))
def test_editors_find_the_schema(name: str) -> None:
    first = (SHIPPED / f"{name}.yaml").read_text("utf-8").split("\n", 1)[0]
    assert first == "# yaml-language-server: $schema=mapping.schema.json"
