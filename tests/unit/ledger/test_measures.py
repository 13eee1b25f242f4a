"""What reports count of a ticket is kept beside it, in both databases, and of tickets from before too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select

from connector.ledger import database
from connector.ledger.database import Database
from connector.ledger.schema import measure
from connector.ledger.schema import ticket as tickets
from tests.unit.ledger.rows import promote, reply, take, taken, ticket

EARLY = datetime(2026, 1, 1, tzinfo=UTC)


def measured(db: Database) -> Sequence[Any]:
    with db.read() as connection:
        return [tuple(row) for row in connection.execute(select(measure).order_by(measure.c.ticket_id))]


def test_a_ticket_is_counted_with_its_channel_time_and_priority(db: Database) -> None:
    own = ticket("one", submitted_at=EARLY)
    forwarded = ticket("two", extra={"forwarded": "From: Dana"}, received_at=EARLY)
    pressed = ticket("three", channel="button", extra={"forwarded": "what a button's field happens to be called"})
    page = [replace(taken(each, f"{number}.eml"), priority=number) for number, each in enumerate((own, forwarded), 1)]
    take(db, [*page, taken(pressed, "3.json")], now=EARLY.timestamp() + 60)
    assert [row[1:] for row in measured(db)] == [
        ("email", EARLY.timestamp(), 1, 0),
        ("email", EARLY.timestamp(), 2, 1),
        ("button", EARLY.timestamp() + 60, None, 0),
    ]


def test_a_report_from_the_future_was_made_when_it_was_read(db: Database) -> None:
    take(db, [taken(ticket(submitted_at=EARLY))], now=EARLY.timestamp() - 86_400)
    assert measured(db)[0][2] == EARLY.timestamp() - 86_400


def test_a_new_version_may_have_another_priority_and_keeps_its_time(db: Database) -> None:
    take(db, [replace(taken(ticket()), priority=3)], now=1000.0)
    take(db, [replace(taken(ticket(summary="all of them"), data=b"2"), priority=1)], now=2000.0)
    assert measured(db) == [(1, "email", 1000.0, 1, 0)]


def test_a_reply_that_waited_in_vain_keeps_its_priority(db: Database) -> None:
    take(db, [replace(taken(reply("b", ["a"]), "b.eml"), priority=2)], now=1000.0)
    assert measured(db) == []
    assert promote(db, 5000.0) == 1
    assert [row[1:] for row in measured(db)] == [("email", 5000.0, 2, 0)]


def test_tickets_from_before_are_counted_too(ledger_url: str, tmp_path: Any) -> None:
    there = Database.open(ledger_url, tmp_path)
    with there.write() as connection:
        measure.drop(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
        bodies = (
            '{"channel": "email", "summary": "\\ud800", "submitted_at": "1970-01-01T00:10:00Z"}',
            '{"channel": "email", "extra": {"forwarded": "x"}, "received_at": "2026-01-01T00:00:00+02:00"}',
            '{"channel": "button", "extra": {"forwarded": "x"}}',
        )
        connection.execute(insert(tickets), [_old(number, body) for number, body in enumerate(bodies, 1)])
    database.migrate(there.engine, "0005")
    assert measured(there) == [
        (1, "email", 600.0, None, 0),
        (2, "email", 900.0, None, 1),
        (3, "button", 900.0, None, 0),
    ]
    there.close()


def _old(number: int, body: str) -> dict[str, Any]:
    return {
        "id": number,
        "source": "mail",
        "external_id": str(number),
        "version": 1,
        "fingerprint": "1:0",
        "body": body,
        "sink": "servicenow",
        "grp": "",
        "created_at": 900.0,
        "updated_at": 900.0,
    }
