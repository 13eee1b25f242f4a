"""Templates: what they may do, and that no ticket and no template makes them run away."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from connector.mapping.derived import NAMES, Subject
from connector.mapping.template_check import BadTemplate
from connector.mapping.templates import OUTPUT_LIMIT, CannotRender, compiled
from connector.ticket import BuildRecord, Conversation
from tests.unit.mapping.conftest import ticket


def text(source: str, **fields: object) -> str:
    return compiled(source, NAMES)(Subject(ticket(**fields), {}))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ summary }}", "Printer is stuck"),
        ("{{ summary }}{{ conversation.intent }}{{ on_behalf_of.name }}{{ submitted_at }}", "Printer is stuck"),
        ("{% if patient_care is absent %}not known{% endif %}{{ summary | truncate(0 or 3) }}", None),
        ("{% if patient_care is absent %}not known{% endif %}", "not known"),
        (
            "{% for r in records %}{{ loop.index }}.{{ r.type }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1.ETX, 2.LRP",
        ),
        ("{{ records.type | join('/') }} {{ records }}", "ETX/LRP ETX 1, LRP 2"),
        ("{% for name, answer in conversation.slots | items %}{{ name }}={{ answer }}{% endfor %}", ""),
        ("{{ description | default(summary) | upper }}", "PRINTER IS STUCK"),
        ("{{ 'x' ~ patient_care ~ submitted_at ~ summary }}", "xPrinter is stuck"),
        ("{% for turn in conversation.turns %}{{ turn.text }}{% endfor %}{{ summary }}", "Printer is stuck"),
        ("{{ urgency }}{% if urgency == 'medium' %}!{% endif %}", "medium!"),
        ("{{ summary | length }}", "16"),
        ("<b>{{ summary }}</b>", "<b>Printer is stuck</b>"),
    ],
)
def test_a_template_makes_text(source: str, expected: str | None) -> None:
    records = (BuildRecord(type="ETX", id="1"), BuildRecord(type="LRP", id="2"))
    if expected is None:
        with pytest.raises(BadTemplate, match="plain values only"):
            text(source, records=records)
    else:
        assert text(source, records=records) == expected


def test_text_of_the_ticket_is_never_a_template() -> None:
    assert text("{{ summary }}", summary="{{ requester.email }}{% for %}") == "{{ requester.email }}{% for %}"


def test_tables_hold_only_what_was_put_there() -> None:
    talk = Conversation(id="1", platform="rasa", slots={"site": "4 West"})
    assert text("{{ conversation.slots.site }}|{{ conversation.slots.items }}", conversation=talk) == "4 West|"


@pytest.mark.parametrize(
    "source",
    [
        "{{ summary.upper() }}",
        "{{ summary.__class__ }}",
        "{{ requester.model_dump }}",
        "{{ requester['__class__'] }}",
        "{{ self }}",
        "{{ range(3) }}",
        "{{ cycler }}",
        "{{ summary * 1000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ summary + summary }}",
        "{{ summary | center(1000000000) }}",
        "{{ summary | indent(1000000000) }}",
        "{{ summary | attr('__class__') }}",
        "{{ summary | map('upper') }}",
        "{% set x = summary %}{{ x }}",
        "{% macro m() %}{% endmacro %}{{ summary }}",
        "{% include 'x' %}",
        "{% import 'x' as x %}",
        "{% extends 'x' %}",
        "{% block b %}{{ summary }}{% endblock %}",
        "{% for x in records recursive %}{{ loop(x) }}{% endfor %}",
        "{% for c in summary %}{{ c }}{% endfor %}",
        "{{ _rounds_left }}",
        "{{ (summary).x }}",
        "{{ summary[0] }}",
        "{{ context }}",
        "{{ requester }}",
        "{{ summary is callable }}",
        "{% filter upper %}{{ summary }}{% endfilter %}",
        "{% with x = summary %}{{ x }}{% endwith %}",
        "{{ summary | _counted }}",
    ],
)
def test_what_is_not_needed_is_refused(source: str) -> None:
    with pytest.raises(BadTemplate) as raised:
        compiled(source, NAMES)
    assert all(fault.what for fault in raised.value.faults)


def test_loops_are_bounded_together() -> None:
    source = (
        "{% for a in tags %}{% for b in tags %}{% for c in tags %}{% endfor %}{% endfor %}{% endfor %}{{ summary }}"
    )
    assert text(source, tags=("a", "b")) == "Printer is stuck"
    with pytest.raises(CannotRender, match="more than 10000 times"):
        text(source, tags=tuple(map(str, range(100))))


def test_output_is_bounded_while_it_is_made() -> None:
    tags = iter(range(5000))
    subject = SimpleNamespace(tags=tags, description="x" * 50_000)
    made = compiled("{% for tag in tags %}{{ description }}{% endfor %}", NAMES)(subject)
    assert len(made) == OUTPUT_LIMIT
    assert next(tags) < 5
