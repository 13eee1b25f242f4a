"""What became of every record that was read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, Select, and_, select

from connector.ledger.database import Database
from connector.ledger.schema import link, record, ticket


def outcomes(db: Database) -> Iterator[dict[str, Any]]:
    """One fact per record, by source and place: its outcome, its ticket, and where that stands at its sink."""
    columns = (record.c.source, record.c.place, record.c.outcome, record.c.finding)
    query: Select[Any] = (
        select(*columns, ticket.c.source.label("of"), ticket.c.external_id, ticket.c.sink, link.c.number, link.c.url)
        .outerjoin(ticket, ticket.c.id == record.c.ticket_id)
        .outerjoin(link, and_(link.c.ticket_id == ticket.c.id, link.c.sink == ticket.c.sink))
        .order_by(record.c.source, record.c.place)
    )
    with db.read() as connection:
        for row in connection.execution_options(yield_per=500).execute(query):
            yield _outcome(row)


def _outcome(row: Row[Any]) -> dict[str, Any]:
    finding = json.loads(row.finding) if row.finding else {}
    return {
        "source": row.source,
        "place": row.place,
        "outcome": row.outcome,
        "ticket": f"{row.of}:{row.external_id}" if row.of else None,
        "sink": row.sink,
        "number": row.number,
        "url": row.url,
        "what": finding.get("what", ""),
        "remedy": finding.get("remedy", ""),
    }
