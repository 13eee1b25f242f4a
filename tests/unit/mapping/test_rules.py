"""Plain matching, routes and priority."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from connector.fields import UnknownName, follow, getter, look_up, paths
from connector.matching import compiled
from connector.priority import Weighing, matrix, production, signals, weigh
from connector.routing import NoRoute, Route, Routed, choose
from connector.sandbox.people import GROUPS
from connector.ticket import Attachment, BuildRecord, Category, Context, Conversation, Impact, Location, Urgency
from tests.unit.mapping.conftest import ticket


def yaml_of(text: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load(text.replace("@SITE@", "north-7f3a").replace("@PORT@", "1"))
    return data


SCREEN = Attachment.of("a.png", b"x", "image/png")


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({}, True),
        ({"channel": "button"}, True),
        ({"channel": ["email", "BUTTON"]}, True),
        ({"channel": "email"}, False),
        ({"channel": "button", "kind": "request"}, False),
        ({"context.application": "willow*"}, True),
        ({"context.application": "*inpatient"}, True),
        ({"context.application": "w*llow*pat*"}, True),
        ({"context.application": "willow"}, False),
        ({"context.application": "*lloww*"}, False),
        ({"context.application": "willow inp*ent*ent"}, False),
        ({"context.workstation": "absent"}, True),
        ({"context.workstation": "present"}, False),
        ({"context.application": ["absent", "Willow Inpatient"]}, True),
        ({"patient_care": False}, True),
        ({"patient_care": True}, False),
        ({"patient_care": "present"}, True),
        ({"conversation": "present"}, False),
        ({"conversation.slots.unit": "absent"}, True),
        ({"records.type": "LRP"}, True),
        ({"records": "ETX 1"}, True),
        ({"attachments.content_type": "image/*"}, True),
        ({"tags": ["absent", "x"]}, True),
        ({"keywords": "stuck"}, True),
        ({"keywords": ["stu"]}, False),
        ({"keywords": ["stu*"]}, True),
        ({"keywords": ["IS   stuck"]}, True),
        ({"keywords": ["*ack"]}, False),
        ({"keywords": ["timeout"]}, True),
    ],
)
def test_a_condition_holds_or_not(when: dict[str, object], holds: bool) -> None:
    asked = ticket(
        context=Context(application="Willow Inpatient", error_text="(Timeout)"),
        patient_care=False,
        records=(BuildRecord(type="ETX", id="1"), BuildRecord(type="LRP", id="2")),
        attachments=(SCREEN,),
    )
    assert compiled(when)(asked) is holds
    assert Route(when=when, sink="s").fits(asked) is holds


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"chanel": "x"}, 'did you mean "channel"'),
        ({"channel": "pager"}, 'never "pager"'),
        ({"patient_care": "maybe"}, 'never "maybe"'),
        ({"context": "present"}, "name a field of it, such as context.system"),
        ({"summary": None}, "present or absent"),
        ({"summary": []}, "at least one value"),
        ({"summary": {"not": "x"}}, "plain values"),
        ({"keywords": ["*"]}, "keywords are words"),
        ({"summary.x": "y"}, 'has no field "x"'),
    ],
)
def test_a_route_says_what_is_wrong_with_its_condition(when: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words.replace("(", r"\(")):
        Route(when=when, sink="s")


def test_the_first_route_that_fits_and_names_a_sink_wins() -> None:
    routes = (
        Route(when={"channel": "chatbot"}, sink="zendesk"),
        Route(when={"keywords": "stuck"}, sink="servicenow", group="Printing"),
        Route(sink="servicenow", group="Service Desk"),
    )
    assert choose(routes, ticket()) == Routed("servicenow", "Printing", ticket())
    assert choose(routes, ticket(summary="x")).group == "Service Desk"
    assert choose(routes, ticket(channel="chatbot")) == Routed("zendesk", "", ticket(channel="chatbot"))
    with pytest.raises(NoRoute, match="button ticket of button"):
        choose(routes[:1], ticket())


def test_routes_before_the_one_with_a_sink_name_what_they_know() -> None:
    routes = (
        Route(when={"keywords": "stuck"}, group="Printing", urgency="high"),
        Route(when={"context.location.unit": "ED"}, group="Emergency", category="maintenance", impact="unit"),
        Route(group="Service Desk", sink="servicenow", urgency="low"),
        Route(group="never reached", sink="zendesk"),
    )
    both = ticket(context=Context(location=Location(unit="ED")))
    way = choose(routes, both)
    assert (way.sink, way.group) == ("servicenow", "Printing")
    assert (way.ticket.urgency, way.ticket.impact) == (Urgency.HIGH, Impact.UNIT)
    assert way.ticket.category is Category.MAINTENANCE
    assert both.category is Category.BREAK_FIX
    plain = choose(routes, ticket(summary="x"))
    assert (plain.group, plain.ticket.urgency) == ("Service Desk", Urgency.LOW)


def test_routes_see_the_ticket_as_it_was_read() -> None:
    routes = (Route(urgency="high"), Route(when={"urgency": "high"}, sink="a"), Route(sink="b"))
    assert choose(routes, ticket(urgency="medium")).sink == "b"


def test_a_route_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="a route names a sink, or one of group, category, impact, urgency"):
        Route(when={"channel": "email"})


STARTER = yaml_of(resources.files("connector.terminal").joinpath("connector.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        ({"kind": "feedback", "summary": "No visit type for telehealth"}, "EHR Access and Scheduling"),
        ({"kind": "feedback", "summary": "No parking for the night shift"}, "Facilities"),
        ({"kind": "feedback", "summary": "A choice is missing in the pain list"}, "Clinical Informatics"),
        ({"category": "optimization", "context": Context(application="Cadence")}, "Clinical Informatics"),
        ({"kind": "feedback", "summary": "This is a HIPAA problem"}, "Security and Privacy"),
        ({"summary": "Phishing mail"}, "Security and Privacy"),
        ({"summary": "The appointment book is frozen"}, ""),
    ],
)
@pytest.mark.parametrize("channel", ["button", "chatbot"])
def test_what_is_not_technical_goes_to_those_who_answer_for_it(
    fields: dict[str, object], group: str, channel: str
) -> None:
    routes = [Route.model_validate(route) for route in STARTER["routes"]]
    way = choose(routes, ticket(channel=channel, description="", **fields))
    assert way.group == group
    assert way.sink == ("zendesk" if channel == "chatbot" else "servicenow")
    assert group in ("", *GROUPS)


PATTERN = st.text("ab*", min_size=1, max_size=6).filter(lambda word: word.strip("*"))


@given(PATTERN, st.text("ab", max_size=8))
def test_a_star_stands_for_any_text(pattern: str, text: str) -> None:
    def fits(word: str, rest: str) -> bool:
        if not word:
            return not rest
        if word[0] == "*":
            return any(fits(word[1:], rest[at:]) for at in range(len(rest) + 1))
        return rest[:1] == word[0] and fits(word[1:], rest[1:])

    assert compiled({"description": pattern})(ticket(description=text)) is (bool(text) and fits(pattern, text))


def test_every_known_path_can_be_read() -> None:
    asked = ticket(conversation=Conversation(id="1", platform="rasa"), attachments=(SCREEN,))
    for path in paths():
        assert look_up(path)
        getter(path)(asked)
        getter(path)(ticket())


@pytest.mark.parametrize(
    "path", ["", ".", "summary.", "conversation.slots.", "comments..text", "model_fields", "files"]
)
def test_what_is_no_path_is_said_to_be_none(path: str) -> None:
    with pytest.raises(UnknownName):
        look_up(path)


@given(st.lists(st.text(max_size=5), max_size=5), st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_following_any_path_through_any_value_is_safe(steps: list[str], value: object) -> None:
    follow({"a": value}, ["a", *steps])


@pytest.mark.parametrize(
    ("impact", "urgency", "care", "environment", "expected"),
    [
        ("site", "high", None, "PRD", 1),
        ("enterprise", "medium", None, "", 2),
        ("unit", "medium", None, "PRD", 3),
        ("user", "low", None, "PRD", 5),
        ("user", "medium", True, "PRD", 3),
        ("user", "high", True, "PRD", 3),
        ("unit", "medium", True, "PRD", 2),
        ("site", "medium", True, "PRD", 2),  # the patient alone never makes a critical ticket
        ("site", "high", True, "PRD", 1),
        ("site", "high", False, "TST", 3),
        ("enterprise", "high", True, "trn2", 3),
        ("site", "high", None, "CTX24", 1),
    ],
)
def test_priority(impact: str, urgency: str, care: bool | None, environment: str, expected: int) -> None:
    asked = ticket(impact=impact, urgency=urgency, patient_care=care, context=Context(environment=environment))
    assert weigh(asked).priority == expected


def test_the_matrix_is_the_sum_less_one() -> None:
    rows = [[matrix(impact, urgency) for urgency in Urgency] for impact in (Impact.SITE, Impact.UNIT, Impact.USER)]
    assert rows == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("PRD", True),
        ("", True),
        ("Production", True),
        ("Support", False),
        ("Supply", True),
        ("TST-01", False),
        ("uat", False),
    ],
)
def test_production_is_what_is_not_known_to_be_otherwise(name: str, answer: bool) -> None:
    assert production(name) is answer


@pytest.mark.parametrize(
    ("environment", "site", "expected"),
    [
        ("SHADOW2", {}, Impact.SITE),
        ("SHADOW2", {"non_production": ["shadow*"]}, Impact.USER),
        ("SUP", {"production": ["SUP"]}, Impact.SITE),
        ("SUP", {"production": ["SUP"], "non_production": ["S*"]}, Impact.SITE),
        ("TST", {"cap": "unit"}, Impact.UNIT),
        ("TST", {"cap": "enterprise"}, Impact.SITE),
        ("TST", {"cap": "user"}, Impact.USER),
        ("", {"non_production": ["*"]}, Impact.SITE),  # nothing is known: the safer reading
    ],
)
def test_a_site_says_which_environments_count(environment: str, site: dict[str, object], expected: Impact) -> None:
    asked = ticket(impact="site", context=Context(environment=environment))
    assert weigh(asked, Weighing.model_validate(site)).impact is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Epic is down on all floors", ("downtime",)),
        ("Wrong  patient's wristband error, outages", ("downtime", "patient_safety")),
        ("the printer is down", ()),
        ("slowdown", ()),
    ],
)
def test_signals(text: str, expected: tuple[str, ...]) -> None:
    assert signals(ticket(description=text)) == expected
    assert signals(ticket(description=text, patient_care=True)) == ("patient_care", *expected)
