"""Service levels: pure rules, their settings, and the due times that mappings read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connector import config
from connector.errors import SettingsError
from connector.mapping import load, render
from connector.plugins import FieldSpec
from connector.priority import Weighing
from connector.service_levels import Grade, Level, ServiceLevels, grade, promise, reported
from connector.ticket import Channel, Context, Ticket

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def ticket(**fields: Any) -> Ticket:
    known: dict[str, Any] = {"source": "button", "external_id": "1", "channel": Channel.BUTTON, "summary": "x"}
    return Ticket.model_validate({**known, "submitted_at": NOON, **fields})


@pytest.mark.parametrize(
    ("priority", "level", "respond", "resolve"),
    [
        (1, "critical", 15 * MINUTE, HOUR),
        (2, "high", 30 * MINUTE, 2 * HOUR),
        (3, "medium", 7 * DAY, 14 * DAY),
        (4, "low", None, None),
        (5, "low", None, None),
    ],
)
def test_the_usual_levels(priority: int, level: str, respond: timedelta | None, resolve: timedelta | None) -> None:
    due = promise(ticket(), priority)
    assert due.level == level
    assert due.respond_by == (respond and NOON + respond)
    assert due.resolve_by == (resolve and NOON + resolve)


def test_time_runs_from_the_report_else_from_the_arrival() -> None:
    later = NOON + DAY
    assert reported(ticket(received_at=later)) == NOON
    assert promise(ticket(submitted_at=None, received_at=later), 1).respond_by == later + 15 * MINUTE
    unknown = promise(ticket(submitted_at=None), 1)
    assert (unknown.level, unknown.respond_by, unknown.resolve_by) == (Grade.CRITICAL, None, None)


@given(
    st.datetimes(timezones=st.sampled_from([UTC, timezone(DAY / 3)])),
    st.integers(-5, 9),
    st.none() | st.floats(0, 3e8),
)
def test_any_report_has_a_level_and_never_a_due_time_before_it(
    at: datetime, priority: int, seconds: float | None
) -> None:
    level = Level(respond=seconds, resolve=seconds)
    levels = ServiceLevels(critical=level, high=level, medium=level, low=level)
    due = promise(ticket(submitted_at=at), priority, levels)
    assert due.level is grade(priority)
    assert due.respond_by is None or due.respond_by >= at
    assert due.respond_by == due.resolve_by
    assert seconds is not None or due.respond_by is None


def test_settings_replace_a_level_wholly() -> None:
    levels = ServiceLevels.model_validate({"high": {"respond": "45m"}, "low": {"resolve": "30d"}})
    assert levels.of(Grade.HIGH) == Level(respond=2700, resolve=None)
    assert levels.of(Grade.LOW) == Level(resolve=30 * 86_400)
    assert levels.of(Grade.CRITICAL) == ServiceLevels().critical
    with pytest.raises(ValidationError):
        ServiceLevels.model_validate({"high": {"respond": "20000d"}})


SETTINGS = """\
sources:
  bot: {type: chatbot, path: inbox}
sinks:
  zendesk: {type: zendesk, url: "https://x.zendesk.com", mapping: m.yaml, auth: {client_id: x, client_secret: "env:X"}}
"""


def findings(tmp_path: Path, addition: str) -> list[str]:
    path = tmp_path / "connector.yaml"
    path.write_text(SETTINGS + addition, "utf-8")
    with pytest.raises(SettingsError) as caught:
        config.load(path)
    return [str(finding).removeprefix(f"{path}:") for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ("service_levels: {hihg: {}}\n", '5: unknown setting "service_levels.hihg" (did you mean "high"?)'),
        ("service_levels:\n  high: {respnd: 1h}\n", '6: unknown setting "service_levels.high.respnd" (did you mean'),
        ("service_levels:\n  high:\n    respond: soon\n", "7: "),
        (
            "priority: {cap: usr}\n",
            "5: \"priority.cap\" has to be 'enterprise', 'site', 'unit' or 'user' (did you mean",
        ),
        ("priority: {prodution: [A]}\n", '5: unknown setting "priority.prodution" (did you mean "production"?)'),
        ("routes:\n  - {when: {channel: email}}\n  - {sink: zendesk}\n", "6: "),
        ("routes:\n  - {group: A, categry: optimization}\n", '6: unknown setting "routes.0.categry" (did you mean'),
        ("routes:\n  - {category: optimisation}\n", "6: "),
        ("routes:\n  - {when: {channel: email}, sink: zendesk}\n  - {group: A}\n", "5: a ticket that fits none"),
        ("routes:\n  - {sink: zendesk}\n  - {group: A}\n", "7: an earlier route without `when` takes every ticket"),
    ],
)
def test_what_is_wrong_is_found_at_its_line(tmp_path: Path, addition: str, expected: str) -> None:
    (found,) = findings(tmp_path, addition)
    assert found.startswith(expected)


def test_with_one_sink_routes_need_not_name_it(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text(
        SETTINGS + "routes:\n  - {when: {kind: feedback}, group: Facilities}\npriority: {cap: unit}\n", "utf-8"
    )
    loaded = config.load(path)
    assert [(route.sink, route.group) for route in loaded.routes] == [(None, "Facilities"), ("zendesk", None)]
    assert loaded.priority == Weighing(cap="unit")
    assert loaded.service_levels == ServiceLevels()


MAPPING = """\
fields:
  due: service_level.resolve_by
  note: {template: "{{ service_level.level }}: answer by {{ service_level.respond_by }}"}
  level: {from: service_level.level, values: {critical: "1", high: "2", medium: "3", low: "4"}}
"""


def test_mappings_read_the_due_times_by_the_levels_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MAPPING, "utf-8")
    mapping = load(path, [FieldSpec("due"), FieldSpec("note"), FieldSpec("level")])
    asked = ticket(impact="unit", urgency="high", context=Context(environment="TST"))
    outside = {"weighing": Weighing(cap="unit"), "levels": ServiceLevels(high=Level(respond=60, resolve=3600))}
    assert render(mapping, asked).fields == {
        "due": "2026-03-16T12:00:00Z", "note": "medium: answer by 2026-03-09T12:00:00Z", "level": "3"
    }  # fmt: skip
    assert render(mapping, asked, outside).fields == {
        "due": "2026-03-02T13:00:00Z", "note": "high: answer by 2026-03-02T12:01:00Z", "level": "2"
    }  # fmt: skip
    by_agreement = render(mapping, ticket(urgency="low")).fields
    assert "due" not in by_agreement
    assert by_agreement["level"] == "4"
