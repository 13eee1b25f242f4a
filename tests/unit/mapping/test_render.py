"""What comes out of a mapping for a ticket."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connector.mapping import render, render_comment
from connector.plugins import Clearance, FieldSpec
from connector.ticket import Attachment, BuildRecord, Comment, Context, Conversation, Person, Turn
from tests.unit.mapping.conftest import FIELDS, Load, ticket


def value(loaded: Load, rule: str, **fields: object) -> object:
    """What `u_a` becomes under this rule."""
    rendered = render(loaded(f"fields:\n  u_a: {rule}"), ticket(**fields))
    assert rendered.findings == ()
    json.dumps(rendered.fields, allow_nan=False)
    return rendered.fields.get("u_a")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("summary", "Printer is stuck"),
        ("{from: channel}", "button"),
        ("{value: [1, true, x]}", [1, True, "x"]),
        ("{from: [description, requester.name, summary]}", "Printer is stuck"),
        ("{from: tags}", ["a", "B"]),
        ("{from: records}", ["ETX 30", "LRP 4 (Census)"]),
        ("{from: records.type, transform: {join: +}}", "ETX+LRP"),
        ("{from: submitted_at}", "2026-01-31T10:00:00Z"),
        (
            "{from: submitted_at, transform: {local_time: {zone: Europe/Berlin, format: '%d.%m.%Y %H:%M'}}}",
            "31.01.2026 11:00",
        ),
        ("{from: patient_care}", False),
        ("{from: patient_care, values: {true: 1, false: 0}}", 0),
        ("{from: urgency, values: {high: a}, default: z}", "z"),
        ("{from: conversation.slots.site, default: none given}", "none given"),
        ("{from: conversation.intent}", None),
        ("{from: tags, values: {A: x, b: y, c: z}, default: ''}", ["x", "y"]),
        ("{from: summary, transform: [upper, {truncate: 8}]}", "PRINTER…"),
        ("{from: tags, transform: [lower, {prefix: t_}]}", ["t_a", "t_b"]),
        ("{from: summary, when: {channel: email}}", None),
        ("{from: summary, when: {channel: [email, button], requester.email: absent}}", "Printer is stuck"),
        ("{cases: [{when: {kind: request}, value: r}, {when: {kind: incident}, from: summary}]}", "Printer is stuck"),
        ("{cases: [{when: {kind: request}, value: r}], default: d}", "d"),
        ("{template: '{{ summary | lower }}/{{ context.workstation }}'}", "printer is stuck/"),
        ("{template: '{{ conversation.intent }}', default: none}", "none"),
        ("priority", "4"),
    ],
)
def test_a_rule_makes_a_value(loaded: Load, rule: str, expected: object) -> None:
    fields = {
        "tags": ("a", "B"),
        "records": (BuildRecord(type="ETX", id="30"), BuildRecord(type="LRP", id="4", name="Census")),
        "submitted_at": datetime(2026, 1, 31, 10, tzinfo=UTC),
        "patient_care": False,
    }
    assert value(loaded, rule, **fields) == expected


def test_people_are_objects(loaded: Load) -> None:
    dana, none = Person(name="Dana", email=" d@x.example "), Person()
    assert value(loaded, "{from: requester, transform: person}", requester=dana) == {
        "email": "d@x.example",
        "login": "",
        "name": "Dana",
    }
    assert value(loaded, "{from: requester, transform: person}", requester=none) is None
    several = value(loaded, "{from: watchers, transform: [{limit: 2}, person]}", watchers=(none, dana, dana))
    assert several == [{"email": "d@x.example", "login": "", "name": "Dana"}]


def test_text_is_cut_visibly_at_the_length_of_the_field(loaded: Load) -> None:
    rendered = render(loaded("fields: {short_description: summary}"), ticket(summary="x" * 50))
    assert rendered.fields["short_description"] == "x" * 39 + "…"


def test_half_characters_do_not_reach_the_wire(loaded: Load) -> None:
    assert value(loaded, "summary", summary="a\ud800b") == "a?b"


def test_extra_values_of_any_kind_are_json(loaded: Load) -> None:
    mapping = loaded("fields: {u_a: extra.a, u_b: extra.b.c, u_c: extra.missing.d}", clearance=Clearance.FULL)
    extra = {"a": [float("nan"), 1.5, {"x": ("y", None)}], "b": [{"c": 1}, {"c": [2]}, 3]}
    assert render(mapping, ticket(extra=extra)).fields == {"u_a": [None, 1.5, {"x": ["y", None]}], "u_b": [1, 2]}


def test_a_field_that_fails_is_a_finding_without_text_of_the_ticket(loaded: Load) -> None:
    mapping = loaded("fields:\n  u_a: summary\n  urgency: {template: '{{ summary }}'}\n  u_b: description")
    rendered = render(mapping, ticket(summary="SECRET"))
    assert rendered.fields == {"u_a": "SECRET"}
    (finding,) = rendered.findings
    assert finding.code == "cannot-render"
    assert finding.where.endswith("m.yaml:3")
    assert finding.what.startswith("urgency: its value is not among")
    assert finding.remedy
    assert "SECRET" not in str(finding)
    assert "SECRET" not in repr(rendered)


def test_an_exception_inside_is_a_finding_too(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = loaded("fields: {u_a: conversation_block}")

    def broken(_: object) -> str:
        raise ValueError("SECRET")

    monkeypatch.setattr("connector.mapping.derived.conversation_lines", broken)
    (finding,) = render(mapping, ticket()).findings
    assert "ValueError" in finding.what
    assert "SECRET" not in str(finding)


def test_a_required_field_that_is_empty_blocks(loaded: Load) -> None:
    mapping = loaded(
        "fields: {u_a: {from: description, required: true}, subject: {from: description}}",
        fields=(*FIELDS, FieldSpec("subject", required=True)),
    )
    assert [finding.code for finding in render(mapping, ticket()).findings] == ["empty-field", "empty-field"]
    assert render(mapping, ticket(description="x")).findings == ()


def test_an_update_leaves_out_what_is_written_once(loaded: Load) -> None:
    mapping = loaded("fields: {u_a: summary, u_b: {from: summary, on: create}}")
    assert render(mapping, ticket()).fields.keys() == {"u_a", "u_b"}
    assert render(mapping, ticket(), update=True).fields.keys() == {"u_a"}


def test_origins_tell_the_path_and_the_line(loaded: Load) -> None:
    mapping = loaded(
        """\
        fields:
          urgency:
            from: urgency
            values:
              high: "1"
              medium: "2"
              low: "3"
          u_a: {from: [description, summary]}
          u_b: {from: description, default: x}
          u_c: {template: "{{ summary }}"}
        """
    )
    assert render(mapping, ticket(urgency="low")).origins == {
        "urgency": "from urgency, values table, line 7",
        "u_a": "from summary",
        "u_b": "default, line 9",
        "u_c": "template, line 10",
    }


def test_a_comment_has_text_and_an_audience(loaded: Load) -> None:
    said = Comment(id="1", text="Works again", author=Person(name="Dana"), public=False)
    as_said = loaded("fields: {u_a: summary}")
    assert render_comment(as_said, ticket(), said).fields == {"text": "Works again", "public": False}
    told = loaded(
        "fields: {u_a: summary}\ncomment: {template: '{{ comment.author.name }}: {{ comment.text }}', public: true}"
    )
    assert render_comment(told, ticket(), said).fields == {"text": "Dana: Works again", "public": True}


def test_an_empty_comment_blocks(loaded: Load) -> None:
    (finding,) = render_comment(loaded("fields: {u_a: summary}"), ticket(), Comment(id="1", text=" ")).findings
    assert finding.code == "empty-field"


def test_the_block_of_withheld_files_names_each_once_and_where_it_belongs(loaded: Load) -> None:
    screen, log = Attachment.of("screen.png", b"a" * 2500, "image/png"), Attachment.of("log.txt", b"b", "text/plain")
    reply = Comment(id="1", text="see log", attachments=(log,))
    mapping = loaded("fields: {u_a: withheld_block}\ncomment: {template: '{{ comment.text }} {{ withheld_block }}'}")
    asked = ticket(attachments=(screen,), comments=(reply,))
    facts = {"withheld": asked.files()}
    line = f"- screen.png (image/png, 2 kB, SHA-256 {screen.sha256})"
    assert render(mapping, asked, facts).fields["u_a"] == line
    assert "log.txt" in render_comment(mapping, asked, reply, facts).fields["text"]
    assert render(mapping, asked).fields == {}


def test_what_the_route_and_the_engine_know_can_be_mapped(loaded: Load) -> None:
    mapping = loaded("fields: {u_a: group, u_b: site}")
    assert render(mapping, ticket(), {"group": "Lab", "site": "north"}).fields == {"u_a": "Lab", "u_b": "north"}
    assert render(mapping, ticket(), {"group": None}).fields == {}


def test_blocks_say_what_the_ehr_and_the_bot_knew(loaded: Load) -> None:
    mapping = loaded("fields: {u_a: context_block, u_b: conversation_block, u_c: transcript, u_d: requester_line}")
    fields = render(
        mapping,
        ticket(
            context=Context(system="Epic", version="11", workstation="WS1", ip="10.0.0.1", workspace="Chart"),
            requester=Person(name="Dana", login="dm", role="RN", email="d@x.example"),
            conversation=Conversation(
                id="1",
                platform="rasa",
                intent="reset",
                confidence=0.83,
                slots={"unit": "4 West", "empty": ""},
                turns=(
                    Turn(speaker="user", text="hi", at=datetime(2026, 1, 1, 9, 5, tzinfo=UTC)),
                    Turn(speaker="bot", text="yo"),
                ),
            ),
        ),
    ).fields
    assert fields == {
        "u_a": "System: Epic\nApplication: 11\nWorkstation: WS1 (10.0.0.1)\nScreen: Chart",
        "u_b": "Bot: rasa\nIntent: reset (83% sure)\nAnswers given: unit: 4 West\nOutcome: open",
        "u_c": "[09:05] user: hi\nbot: yo",
        "u_d": "Dana (dm), RN, d@x.example",
    }


def test_a_long_talk_keeps_its_last_words(loaded: Load) -> None:
    turns = tuple(Turn(speaker="user", text=f"{number} " + "x" * 1000) for number in range(100))
    text = value(loaded, "transcript", conversation=Conversation(id="1", platform="rasa", turns=turns))
    assert isinstance(text, str)
    assert len(text) < 20_200
    assert text.startswith("(… 80 earlier lines are left out)")
    assert "user: 99 x" in text
