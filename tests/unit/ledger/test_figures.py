"""What a report reads of the ledger, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import event, insert

from connector.ledger import measures
from connector.ledger.database import Database
from connector.ledger.schema import link, member, problem, rating, remote
from connector.report import By, Sheet, periods
from connector.service_levels import DEFAULT
from tests.unit.ledger.rows import take, taken, ticket

MONDAY = date(2026, 9, 14)
START = datetime(2026, 9, 14, tzinfo=UTC)
AT = START.timestamp()
HOUR = 3600.0


def sheet(first: date = MONDAY, last: date = date(2026, 9, 20)) -> Sheet:
    return Sheet(periods(By.WEEK, first, last, UTC), DEFAULT, AT + 100 * HOUR)


def fill(db: Database) -> None:
    """Three mails and a button's post; two solved, one opened again, one rated twice; two of an outage, whose parent is
    seen too."""
    own = [ticket(str(number), submitted_at=START) for number in range(3)]
    pressed = ticket("pressed", channel="button", submitted_at=START.replace(year=2025))
    page = [taken(each, f"{number}.eml") for number, each in enumerate([*own, pressed])]
    take(db, [replace(each, priority=1) for each in page], now=AT + HOUR)
    seen = {"sink": "servicenow", "stamp": "", "grp": "", "problem": "", "resolution": "", "updated_at": 1.0}
    counts = {"reassigned": 0, "reopened": 0, "replies": 1, "closed_at": None}
    solved = {"status": "closed", "answered_at": AT + 60, "resolved_at": AT + 2 * HOUR, "assignee": "Amara"}
    again = {"status": "open", "answered_at": None, "resolved_at": AT + HOUR, "assignee": "Amara"}
    said = [solved, solved, again]
    outage = {"sink": "servicenow", "title": "", "binds": "{}", "first_at": AT, "last_at": AT + HOUR}
    states = ("open", "refused", "merged", "closed")
    linked = {"ticket_id": 4, "sink": "servicenow", "remote_id": "p", "number": "PRB1", "url": "", "linked_at": 1.0}
    with db.write() as connection:
        connection.execute(
            insert(remote),
            [{**seen, **counts, **each, "ticket_id": n, "remote_id": f"r{n}"} for n, each in enumerate(said, 1)],
        )
        scores = [(1, "survey", "good"), (1, "servicenow", "bad"), (3, "survey", "offered")]
        connection.execute(insert(rating), [{"ticket_id": n, "via": v, "score": s, "at": AT} for n, v, s in scores])
        connection.execute(
            insert(problem),
            [{**outage, "id": n, "key": f"k{n}", "state": s, "ticket_id": 4} for n, s in enumerate(states, 1)],
        )
        connection.execute(insert(link), [{**linked, "sent": "{}", "echo": "{}", "notes": "{}"}])
        joined = [(1, 1, None), (2, 1, None), (3, 4, None), (4, 4, AT)]
        connection.execute(
            insert(member),
            [{"ticket_id": n, "problem_id": p, "why": "", "joined_at": AT, "left_at": left} for n, p, left in joined],
        )


def test_figures_come_from_tickets_their_records_and_opinions(db: Database) -> None:
    fill(db)
    found = measures.figures(db, sheet(), people=True)
    total = found["total"]
    assert (total["tickets"], total["observed"], list(found["channels"])) == (3, 3, ["email"])
    assert total["first_answer"] == {"tickets": 2, "median": 60.0, "p90": 60.0}
    assert total["resolution"] == {"tickets": 2, "median": 2 * HOUR, "p90": 2 * HOUR}
    assert total["response_level"] == {"met": 2, "missed": 1}
    assert total["resolution_level"] == {"met": 0, "missed": 3}
    assert total["first_contact"] == 2
    assert total["satisfaction"] == {"good": 1, "fair": 0, "bad": 1}
    assert found["analysts"] == [{"name": "Amara", "closed": 2}]
    assert [(each["problem"], each["number"], each["children"]) for each in found["problems"]] == [
        ("k1", "PRB1", 2),
        ("k4", "PRB1", 1),
    ]


def test_what_lies_outside_the_days_is_not_counted(db: Database) -> None:
    fill(db)
    before = measures.figures(db, sheet(date(2025, 9, 14), date(2025, 9, 14)), people=False)
    assert {name: figures["tickets"] for name, figures in before["channels"].items()} == {"button": 1}
    assert (before["analysts"], before["problems"]) == (None, [])
    after = measures.figures(db, sheet(date(2026, 9, 21), date(2026, 9, 27)), people=True)
    assert (after["total"]["tickets"], after["analysts"], after["problems"]) == (0, [], [])


def test_no_ticket_is_read_for_it(db: Database) -> None:
    fill(db)
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    measures.figures(db, sheet(), people=True)
    assert any("measure" in statement for statement in asked)
    assert not any("body" in statement or "heard" in statement for statement in asked)
