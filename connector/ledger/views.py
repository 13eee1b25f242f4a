"""What the ledger tells people: status, one ticket's story, runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, select

from connector.clock import utc
from connector.delivery import UNFINISHED, State
from connector.ledger import inbox
from connector.ledger.database import Database
from connector.ledger.deliveries import tally
from connector.ledger.schema import delivery, event, link, reading, record, run, ticket
from connector.plugins import Do

SHOWN = 200
KEPT_RUNS = 2000
OUTCOMES = ("ticket", "reply", "counted", "rejected", "pending")


def moment(seconds: float | None) -> str | None:
    """ISO 8601 in UTC, to the second."""
    return None if seconds is None else utc(seconds).isoformat(timespec="seconds").replace("+00:00", "Z")


def status(db: Database, sources: Mapping[str, str], sinks: Sequence[str]) -> dict[str, Any]:
    """Queues, last readings, and what waits for a person; `sources` maps names to ids."""
    posts = inbox.counts(db)
    return {
        "sources": {name: {**_source(db, ident), "posted": posts.get(ident, 0)} for name, ident in sources.items()},
        "sinks": {name: tally(db, name) for name in dict.fromkeys([*sinks, *_left_behind(db)])},
        "waiting": _waiting(db),
        "rejected": _rejected(db),
    }


def read_to_end(db: Database, sources: Mapping[str, str]) -> dict[str, float]:
    """When each source was last read to its end; `sources` maps names to ids. One that never was is missing."""
    with db.read() as connection:
        rows = connection.execute(select(reading.c.source, reading.c.end_at).where(reading.c.end_at.is_not(None)))
        ends = {row.source: row.end_at for row in rows}
    return {name: ends[ident] for name, ident in sources.items() if ident in ends}


def needs_person(db: Database, since: float, now: float, lag: float) -> dict[str, int]:
    """What became blocked or was rejected since then, and what has by now been unsure for longer than `lag` seconds.

    Each is counted by one run: what was unsure for so long when the run before ended is known already.
    """
    before = _last_run_ended(db)
    uncertain_at = func.coalesce(delivery.c.sent_at, delivery.c.created_at)
    with db.read() as connection:
        blocked = select(event.c.delivery_id).where(event.c.at >= since, event.c.now == State.BLOCKED.value)
        # The second condition is the index's own.
        no_ticket = (record.c.outcome == "rejected", record.c.outcome != "ticket")
        rejected = select(func.count()).where(*no_ticket, record.c.at >= since)
        unsure = select(func.count()).where(
            delivery.c.state == State.UNSURE.value, uncertain_at > before - lag, uncertain_at <= now - lag
        )
        return {
            "blocked": len(set(connection.execute(blocked).scalars())),
            "rejected": connection.execute(rejected).scalar_one(),
            "unsure": connection.execute(unsure).scalar_one(),
        }


def _last_run_ended(db: Database) -> float:
    with db.read() as connection:
        last = connection.execute(select(run).order_by(run.c.started_at.desc()).limit(1)).first()
    return 0.0 if last is None else last.started_at + float(json.loads(last.document)["seconds"])


def story(db: Database, ticket_id: int) -> dict[str, Any]:
    """Every step of one ticket."""
    with db.read() as connection:
        own = connection.execute(select(ticket).where(ticket.c.id == ticket_id)).one()
        events = connection.execute(select(event).where(event.c.ticket_id == ticket_id).order_by(event.c.id)).all()
        rows = connection.execute(
            select(delivery).where(delivery.c.ticket_id == ticket_id).order_by(delivery.c.id)
        ).all()
        links = connection.execute(select(link).where(link.c.ticket_id == ticket_id)).all()
    return {
        "ticket": f"{own.source}:{own.external_id}",
        "source": own.source,
        "external_id": own.external_id,
        "version": own.version,
        "events": [{"at": moment(row.at), "what": row.note} for row in events if row.delivery_id is None],
        "deliveries": [_delivery(row, events) for row in rows],
        "sinks": {row.sink: _link(row) for row in links},
    }


def body_of(db: Database, ticket_id: int) -> tuple[str, str, str]:
    """The ticket's stored text, its sink and its group."""
    with db.read() as connection:
        row = connection.execute(select(ticket).where(ticket.c.id == ticket_id)).one()
    return row.body, row.sink, row.grp


def note_run(db: Database, run_id: str, started_at: float, document: Mapping[str, Any]) -> None:
    """Keep the figures of a run, and forget those of long ago."""
    oldest = select(run.c.started_at).order_by(run.c.started_at.desc()).offset(KEPT_RUNS).limit(1).scalar_subquery()
    with db.write() as connection:
        row = {"id": run_id, "started_at": started_at, "document": json.dumps(document)}
        connection.execute(insert(run), [row])
        connection.execute(delete(run).where(run.c.started_at <= oldest))


def _source(db: Database, name: str) -> dict[str, Any]:
    with db.read() as connection:
        read = connection.execute(select(reading).where(reading.c.source == name)).first()
        count = select(record.c.outcome, func.count()).where(record.c.source == name).group_by(record.c.outcome)
        outcomes = {row[0]: row[1] for row in connection.execute(count)}
    return {
        "last_read": moment(read.read_at) if read else None,
        "last_read_to_end": moment(read.end_at) if read else None,
        "error": read.error if read else "",
        "records": {outcome: outcomes.get(outcome, 0) for outcome in OUTCOMES},
    }


def _left_behind(db: Database) -> list[str]:
    """Sinks that deliveries still wait for, whether the settings name them or not."""
    waits = and_(delivery.c.state.in_([state.value for state in UNFINISHED]), delivery.c.do != Do.NOTIFY.value)
    with db.read() as connection:
        return list(connection.execute(select(delivery.c.sink).distinct().where(waits)).scalars())


def _waiting(db: Database) -> list[dict[str, Any]]:
    held = [State.BLOCKED.value, State.UNSURE.value]
    query = (
        select(delivery, ticket.c.source, ticket.c.external_id)
        .join(ticket, ticket.c.id == delivery.c.ticket_id)
        .where(delivery.c.state.in_(held))
        .order_by(delivery.c.id)
        .limit(SHOWN)
    )
    with db.read() as connection:
        return [
            {
                "ticket": f"{row.source}:{row.external_id}",
                "sink": row.sink,
                "do": row.do,
                "state": row.state,
                **_said(row.finding),
                "since": moment(row.sent_at or row.created_at),
            }
            for row in connection.execute(query)
        ]


def _rejected(db: Database) -> list[dict[str, Any]]:
    query = (
        select(record).where(record.c.outcome == "rejected").order_by(record.c.at.desc(), record.c.place).limit(SHOWN)
    )
    with db.read() as connection:
        return [
            {"source": row.source, "place": row.place, **_said(row.finding), "at": moment(row.at)}
            for row in connection.execute(query)
        ]


def _said(finding: str | None) -> dict[str, str]:
    said = json.loads(finding) if finding else {}
    return {"where": said.get("where", ""), "what": said.get("what", ""), "remedy": said.get("remedy", "")}


def _delivery(row: Row[Any], events: Sequence[Row[Any]]) -> dict[str, Any]:
    return {
        "do": row.do,
        "part": row.part,
        "sink": row.sink,
        "state": row.state,
        "attempts": row.attempts,
        **_said(row.finding),
        "due_at": moment(row.due_at),
        "events": [
            {"at": moment(e.at), "was": e.was, "now": e.now, "note": e.note} for e in events if e.delivery_id == row.id
        ],
    }


def _link(row: Row[Any]) -> dict[str, Any]:
    return {
        "remote_id": row.remote_id,
        "number": row.number,
        "url": row.url,
        "sent": json.loads(row.sent),
        "echo": json.loads(row.echo),
        "notes": json.loads(row.notes),
    }
