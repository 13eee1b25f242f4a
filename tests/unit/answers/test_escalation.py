"""When a promised time passes: which rule counts, when, and that nothing else is looked at."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import event, insert, select

from connector.delivery import State
from connector.engine.escalate import escalate
from connector.engine.wiring import Tally
from connector.escalation import LATE, Escalation, Standing, due, windows
from connector.ledger import escalating
from connector.ledger.database import Database
from connector.ledger.schema import delivery, measure, meta, remote, ticket
from connector.priority import DEFAULT as WEIGHING
from connector.service_levels import DEFAULT as LEVELS
from connector.ticket import Channel, Impact, Ticket, Urgency
from tests.conftest import FakeClock

NOW = 1_790_000_000.0
CRITICAL = Ticket(
    source="mail", external_id="a", channel=Channel.EMAIL, summary="Down", impact=Impact.SITE, urgency=Urgency.HIGH
)


def rules(*each: dict[str, Any]) -> list[Escalation]:
    return [Escalation.model_validate({"on": "respond", "note": "Late", **one}) for one in each]


def names(found: Any) -> list[str]:
    return [rule.name for rule in found]


@pytest.mark.parametrize(("age", "wanted"), [(299, []), (300, ["respond:600"]), (901, ["respond:600", "respond:0"])])
def test_a_rule_counts_from_its_moment_on(age: float, wanted: list[str]) -> None:
    both = rules({"before": "10m"}, {})
    assert names(due(both, CRITICAL, Standing(NOW - age, 1), LEVELS, NOW)) == wanted


def test_what_is_answered_is_only_to_be_solved_and_what_is_solved_is_over() -> None:
    both = rules({}, {"on": "resolve"})
    standing = Standing(NOW - 4000, 1, answered=True)
    assert names(due(both, CRITICAL, standing, LEVELS, NOW)) == ["resolve:0"]
    assert names(due(both, CRITICAL, Standing(NOW - 4000, 1, resolved=True), LEVELS, NOW)) == []


def test_of_one_moment_the_first_rule_that_fits_counts() -> None:
    both = rules({"when": {"channel": "chatbot"}, "note": "a"}, {"note": "b"}, {"note": "c"})
    assert [rule.note for rule in due(both, CRITICAL, Standing(NOW - 1000, 1), LEVELS, NOW)] == ["b"]


def test_history_is_no_reason() -> None:
    assert names(due(rules({}), CRITICAL, Standing(NOW - LATE - 1000, 1), LEVELS, NOW)) == []


def test_by_agreement_nothing_is_late() -> None:
    assert names(due(rules({}), CRITICAL, Standing(NOW - 1e6, 4), LEVELS, NOW)) == []


def test_the_windows_hold_every_ticket_whose_moment_came_between_two_looks() -> None:
    spans = list(windows(rules({"before": 60}), LEVELS, NOW - 10, NOW))
    assert (NOW - 10 - 840, NOW - 840) in spans
    assert len(spans) == 3


@pytest.mark.parametrize("wrong", [{"note": ""}, {"when": {"nothing": "x"}}, {"tell": ["no address"]}, {"before": -1}])
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rules(wrong)


# ── in the ledger ────────────────────────────────────────────────────────────────────────────────────────────────


def stored(db: Database, reported_at: float, number: int = 1) -> None:
    """A critical ticket, and the delivery that makes its record."""
    body = CRITICAL.model_copy(update={"external_id": f"t{number}"}).model_dump_json(exclude_defaults=True)
    own = {"id": number, "source": "mail", "external_id": f"t{number}", "version": 1, "fingerprint": "x", "body": body}
    make = {"ticket_id": number, "sink": "desk", "do": "create", "part": "ticket", "version": 1, "attempts": 0}
    with db.write() as connection:
        connection.execute(insert(ticket), [{**own, "sink": "desk", "grp": "", "created_at": NOW, "updated_at": NOW}])
        row = {"ticket_id": number, "channel": "email", "reported_at": reported_at, "priority": 1, "bypassed": 0}
        connection.execute(insert(measure), [row])
        connection.execute(insert(delivery), [{**make, "state": "sent", "due_at": NOW, "created_at": NOW}])


def queued(db: Database) -> list[tuple[str, str, str]]:
    with db.read() as connection:
        rows = select(delivery.c.do, delivery.c.part, delivery.c.sink).where(delivery.c.state == State.QUEUED.value)
        return [tuple(row) for row in connection.execute(rows.order_by(delivery.c.id))]  # type: ignore[misc]


class Desk:
    """The parts of a wiring that escalation looks at."""

    def __init__(self, db: Database, clock: FakeClock, asked: list[Escalation]) -> None:
        self.wiring: Any = SimpleNamespace(
            db=db, clock=clock, escalations=asked, levels=LEVELS, weighing=WEIGHING, stop=lambda: False
        )
        self.look()

    def look(self) -> int:
        return escalate(self.wiring, SimpleNamespace(name="desk"), Tally())  # type: ignore[arg-type]


@pytest.fixture
def moving(clock: FakeClock) -> FakeClock:
    clock.now = NOW
    return clock


def test_each_moment_is_escalated_once(db: Database, moving: FakeClock) -> None:
    asked = rules({"before": "10m", "tell": ["boss@example.org"]}, {"urgency": "high", "note": ""})
    desk = Desk(db, moving, asked)
    stored(db, NOW)
    moving.advance(200)
    assert desk.look() == 0
    moving.advance(200)
    assert (desk.look(), desk.look()) == (2, 0)
    moving.advance(600)
    assert (desk.look(), desk.look()) == (1, 0)
    assert [(do, part.rpartition(":")[0], sink) for do, part, sink in queued(db)] == [
        ("comment", "escalation:respond:600", "desk"),
        ("notify", "notice:escalation:respond:600", "answers:@staff"),
        ("update", "escalation:respond:0", "desk"),
    ]


def test_what_a_lost_ledger_may_have_said_is_looked_for_before_it_is_said(db: Database, moving: FakeClock) -> None:
    desk = Desk(db, moving, rules({"before": "10m", "tell": ["boss@example.org"], "urgency": "high"}))
    stored(db, NOW)
    moving.advance(400)
    with db.write() as connection:
        connection.execute(insert(meta), [{"name": "restored_until", "value": repr(NOW + 399)}])
    assert desk.look() == 3
    assert [do for do, *_ in queued(db)] == ["update"]


def test_what_the_help_desk_answered_in_time_is_left_alone(db: Database, moving: FakeClock) -> None:
    desk = Desk(db, moving, rules({}))
    stored(db, NOW)
    seen = {"ticket_id": 1, "sink": "desk", "remote_id": "r", "status": "open", "stamp": "", "assignee": "", "grp": ""}
    more = {"problem": "", "resolution": "", "reassigned": 0, "reopened": 0, "replies": 1, "updated_at": NOW}
    with db.write() as connection:
        connection.execute(insert(remote), [{**seen, **more, "answered_at": NOW + 60}])
    moving.advance(1000)
    assert desk.look() == 0


def test_a_ticket_that_was_read_late_is_escalated_at_once(db: Database, moving: FakeClock) -> None:
    desk = Desk(db, moving, rules({}))
    moving.advance(10)
    stored(db, NOW - 7200)
    assert desk.look() == 1


def test_a_look_reads_no_more_than_what_lies_near(db: Database, moving: FakeClock, tmp_path: Path) -> None:
    if not db.is_sqlite:
        pytest.skip("the plan is SQLite's")
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith("SELECT") and not many:
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            asked.extend(row[3] for row in cursor.fetchall())

    desk = Desk(db, moving, rules({}))
    stored(db, NOW)
    moving.advance(1000)
    event.listen(db.engine, "before_cursor_execute", note)
    desk.look()
    assert any("ix_measure_reported" in step for step in asked)
    assert [step for step in asked if step.startswith("SCAN")] == []
    assert escalating.near(db, "desk", [], NOW + 2000)[0] == [1]  # of the last deliveries, some are looked at again
