"""How content people said they are, by the survey's link."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, select

from connector.ledger.database import Database
from connector.ledger.rows import put
from connector.ledger.schema import link, rating, ticket

_SURVEY = "survey"


@dataclass(frozen=True, slots=True)
class Asked:
    """The ticket that somebody is asked about: its number at the help desk, and what was said so far, "" where none."""

    number: str
    score: str


def asked(db: Database, ticket_id: int) -> Asked | None:
    """What the survey shows of a ticket, or None where there is no such ticket."""
    there = and_(link.c.ticket_id == ticket.c.id, link.c.sink == ticket.c.sink)
    said = and_(rating.c.ticket_id == ticket.c.id, rating.c.via == _SURVEY)
    query = select(link.c.number, rating.c.score).select_from(ticket.outerjoin(link, there).outerjoin(rating, said))
    with db.read() as connection:
        row = connection.execute(query.where(ticket.c.id == ticket_id)).first()
    return None if row is None else Asked(row.number or "", row.score or "")


def rate(db: Database, ticket_id: int, score: str, now: float) -> None:
    """Note what somebody said of a ticket that is there; it takes the place of what was said before."""
    row = {"ticket_id": ticket_id, "via": _SURVEY, "score": score, "at": now}
    with db.write() as connection:
        put(connection, rating, [row])
