"""Ledgers as released versions left them, row by row in SQL: whatever today's code does, these stay as they are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from connector.ledger import database
from connector.ledger.database import migrate

# The schemas that people have ledgers of, each with the release that wrote them.
RELEASED = {"0001": "0.1.0"}

SITE = "north-7f3a"
AT = 1_789_603_200.0
PICTURE = b"\x89PNG\r\n\x1a\n a screen"
STATES = ("planned", "unplanned", "deferred", "flying", "unsure", "blocked", "sent", "dropped")


def build(url: str, base: Path, revision: str) -> None:
    """Make the ledger that this release left behind."""
    engine = database._engine(database._resolved(url, base), create=True)
    migrate(engine, revision)
    with engine.execution_options(connector_write=True).begin() as connection:
        _fill(connection)
    engine.dispose()


def _fill(connection: Connection) -> None:
    _insert(connection, "meta", {"name": "site", "value": SITE}, {"name": "generation", "value": "41"})
    _insert(
        connection, "blob", {"sha256": hashlib.sha256(PICTURE).hexdigest(), "size": len(PICTURE), "content": PICTURE}
    )
    for number, state in enumerate(STATES, 1):
        _ticket(connection, number, state)
    comment = {"id": "m2", "author": {"name": "Ann"}, "text": "It is back.", "at": "2026-09-15T15:00:00Z"}
    what = {"comment": comment, "phi": {}}
    _delivery(connection, 101, 7, "comment", "comment:m2", "queued", what=json.dumps(what))
    link = {"ticket_id": 7, "sink": "servicenow", "remote_id": "f" * 32, "number": "INC0010007", "linked_at": AT}
    _insert(connection, "link", {**link, "url": "http://old/7", "sent": _payload("sent"), "echo": "{}", "notes": "{}"})
    finding = {"code": "not-json", "where": "b.json", "what": "not JSON", "remedy": "see", "exit_code": 2}
    rejected = {"source": "button", "place": "b.json", "digest": b"\1" * 16, "outcome": "rejected", "at": AT}
    _insert(connection, "record", {**rejected, "finding": json.dumps(finding)})
    waits = {"source": "mail", "place": "late.eml", "record_at": AT, "due_at": AT + 9e9}
    reply = {
        "thread": ["x"],
        "comment": comment,
        "ticket": _body("late"),
        "fingerprint": "",
        "sink": "servicenow",
        "group": "",
    }
    _insert(connection, "pending", {"id": 1, **waits, "body": json.dumps(reply)})
    _insert(connection, "pending_ref", {"source": "mail", "ref": "x", "pending_id": 1})
    _insert(connection, "thread", {"source": "button", "ref": "t7", "ticket_id": 7})
    _insert(connection, "cursor", {"source": "button", "entry": "a.json", "value": "76:1:2:3"})
    _insert(connection, "lease", {"name": "collect:button", "holder": "", "until": 0.0, "fence": 12})
    _insert(connection, "memory", {"sink": "servicenow", "name": "client_sys_id", "value": "yes"})
    _insert(connection, "memory", {"sink": "servicenow", "name": "table", "value": "incident"})
    _insert(connection, "budget", {"account": "abc", "tat": AT, "held_until": 0.0})
    _insert(connection, "reading", {"source": "button", "read_at": AT, "end_at": AT, "error": ""})
    document = {"run": "r1", "seconds": 1.0, "sources": {}, "sinks": {}}
    _insert(connection, "run", {"id": "r1", "started_at": AT, "document": json.dumps(document)})
    if connection.dialect.name == "postgresql":
        for table in ("ticket", "delivery", "event", "pending"):
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000)"))


def _ticket(connection: Connection, number: int, state: str) -> None:
    row = {"id": number, "source": "button", "external_id": f"t{number}", "version": 1, "fingerprint": f"1:{number}"}
    row |= {"body": json.dumps(_body(state)), "sink": "servicenow", "grp": "", "created_at": AT, "updated_at": AT}
    _insert(connection, "ticket", row)
    read = {"source": "button", "place": f"{state}.json", "digest": bytes([number]) * 16, "outcome": "ticket"}
    _insert(connection, "record", {**read, "ticket_id": number, "at": AT})
    claimed = {"attempts": 1, "sent_at": AT, "body": _payload(state)}
    more: dict[str, Any] = {
        "planned": {"payload": _payload(state)},
        "unplanned": {},
        "deferred": {**claimed, "payload": _payload(state)},
        "flying": {**claimed, "payload": _payload(state), "holder": "h|b|n|1|2|x", "lease_until": AT + 105},
        "unsure": {**claimed, "payload": _payload(state), "empty_since": AT + 10},
        "blocked": {"finding": json.dumps({"code": "x", "where": "", "what": "no such field", "remedy": "mend it"})},
        "sent": {**claimed, "payload": _payload(state), "remote_id": "f" * 32},
        "dropped": {},
    }[state]
    known = {"planned": "queued", "unplanned": "queued", "deferred": "queued", "flying": "sending"}
    _delivery(connection, number, number, "create", "ticket", known.get(state, state), **more)
    told = {"ticket_id": number, "delivery_id": number, "at": AT, "was": "queued", "now": known.get(state, state)}
    _insert(connection, "event", {"id": number, **told, "note": "attempt 1"})


def _delivery(connection: Connection, ident: int, ticket: int, do: str, part: str, state: str, **more: Any) -> None:
    row = {"id": ident, "ticket_id": ticket, "sink": "servicenow", "do": do, "part": part, "version": 1, "state": state}
    _insert(connection, "delivery", {**row, "attempts": 0, "due_at": AT, "created_at": AT, **more})


def _body(name: str) -> dict[str, Any]:
    said = {"source": "button", "external_id": name, "channel": "button", "summary": f"{name} is slow"}
    who = {"kind": "staff", "name": "Karen Brandt", "email": "karen.brandt@northfield-hospital.example"}
    return {**said, "description": "It takes a minute.", "impact": "unit", "urgency": "high", "requester": who}


def _payload(name: str) -> str:
    return json.dumps({"short_description": f"{name} is slow", "description": "It takes a minute."})


def _insert(connection: Connection, table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
