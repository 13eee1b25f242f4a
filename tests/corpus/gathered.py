"""The made-up mornings as tickets in a ledger, and how well they were put together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, select

from connector.config import Problems
from connector.engine.gather import BATCH, LEARNT, Gathering
from connector.ledger.database import Database
from connector.ledger.schema import member, ticket
from connector.ledger.traits import Names
from connector.ticket import BuildRecord, Context, Location, Person, Ticket
from tests.corpus.outages import Report

SINK = "desk"


def as_ticket(report: Report, start: float) -> Ticket:
    """The ticket that a reader makes of it; `start` is when the morning began."""
    kind, _, number = report.record.partition(" ")
    return Ticket(
        source=report.channel,
        external_id=report.name,
        channel=report.channel,
        summary=report.summary,
        description=report.text,
        requester=Person(email=f"p{report.person}@northfield-hospital.example"),
        records=(BuildRecord(type=kind, id=number),) if report.record else (),
        submitted_at=datetime.fromtimestamp(start + report.at, UTC),
        context=Context(
            application=report.application,
            environment=report.environment,
            error_text=report.error or report.code,
            activity=report.activity,
            workstation=report.workstation,
            location=Location(unit=report.unit),
        ),
    )


def take_in(db: Database, tickets: Sequence[Ticket], now: float, first: int = 1) -> list[int]:
    """The tickets as if they had been collected now; returns their ids."""
    rows = [
        {
            "id": number,
            "source": own.source,
            "external_id": own.external_id,
            "version": 1,
            "fingerprint": "-",
            "body": own.model_dump_json(exclude_defaults=True),
            "sink": SINK,
            "grp": "",
            "created_at": now,
            "updated_at": now,
        }
        for number, own in enumerate(tickets, first)
    ]
    with db.write() as connection:
        connection.execute(insert(ticket), rows)
    return [int(str(row["id"])) for row in rows]


def gather_all(db: Database, now: float, settings: Problems | None = None) -> int:
    """Look at every ticket that is new, as a run does; returns how many."""
    looked = 0
    names = Names()
    for step, full in ((Gathering.learn, LEARNT), (Gathering.place, BATCH)):
        some = full
        while some == full:
            with db.write() as connection:
                some = step(Gathering(connection, settings or Problems(mode="auto"), SINK, True, now, names))
            looked += some if step is Gathering.place else 0
    return looked


def belonging(db: Database) -> dict[int, int]:
    """Which ticket belongs to which problem."""
    with db.read() as connection:
        return {row.ticket_id: row.problem_id for row in connection.execute(select(member))}


def put_together(folder: Path, reports: Sequence[Report], now: float, start: float) -> tuple[int, float, float]:
    """All of these reports looked at by the real rule, in a new ledger: how many problems were found, and how well:
    precision and recall."""
    db = fresh(folder)
    take_in(db, [as_ticket(report, start) for report in reports], now)
    gather_all(db, now)
    found = {each - 1: cluster for each, cluster in belonging(db).items()}
    db.close()
    return len(set(found.values())), *agreement([report.outage for report in reports], found)


def agreement(truth: Sequence[int | None], found: Mapping[int, int]) -> tuple[float, float]:
    """Pairwise precision and recall; `truth` and `found` are by the tickets' places."""
    together: dict[int, Counter[int | None]] = defaultdict(Counter)
    for place, cluster in found.items():
        together[cluster][truth[place]] += 1
    right = sum(_pairs(count) for each in together.values() for what, count in each.items() if what is not None)
    said = sum(_pairs(sum(each.values())) for each in together.values())
    real = sum(_pairs(count) for what, count in Counter(truth).items() if what is not None)
    return right / max(said, 1), right / max(real, 1)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def fresh(folder: Path) -> Database:
    """A ledger that nobody has used."""
    return Database.open("sqlite:///ledger.db", folder)
