"""The story of one ticket: every step, and for each field at a sink its value and where that came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.engine.plan import render_ticket, ticket_view
from connector.engine.wiring import Outlet, Wiring
from connector.ledger import people, views
from connector.plugins import Do
from connector.ticket import Ticket

_NOT_THERE: Mapping[str, Any] = {"remote_id": "", "number": "", "url": "", "sent": {}, "echo": {}, "notes": {}}


def story(wiring: Wiring, name: str) -> dict[str, Any]:
    """What the ledger knows of the ticket, and what the mappings of its sinks make of it. Raises NoSuchTicket."""
    ticket_id = people.find_ticket(wiring.db, name)
    facts = views.story(wiring.db, ticket_id)
    body, sink, group = views.body_of(wiring.db, ticket_id)
    known = {sink: facts["sinks"].get(sink, _NOT_THERE)} | facts["sinks"]
    shown = {
        key: _at_sink(wiring, wiring.outlets[key], body, group, link)
        for key, link in known.items()
        if key in wiring.outlets
    }
    return {**facts, "summary": Ticket.model_validate_json(body).summary, "sinks": shown}


def _at_sink(wiring: Wiring, outlet: Outlet, body: str, group: str, link: Mapping[str, Any]) -> dict[str, Any]:
    rendered = render_ticket(wiring, outlet, ticket_view(body, outlet), Do.CREATE, group)
    rows = [
        {
            "field": field,
            "value": rendered.fields.get(field),
            "from": rendered.origins.get(field, ""),
            "sent": link["sent"].get(field),
            "remote": link["echo"].get(field),
            "note": _note(link["notes"].get(field, {})),
        }
        for field in outlet.mapping.names
        if field in rendered.fields or field in link["sent"]
    ]
    loose = [note["note"] for note in link["notes"].values() if "note" in note]
    return {**{key: link[key] for key in ("remote_id", "number", "url")}, "fields": rows, "notes": loose}


def _note(note: Mapping[str, Any]) -> str:
    if note.get("left"):
        return "changed at the help desk since; left alone"
    if "kept" in note:
        return f"not kept as sent: the help desk has {note['kept']!r}"
    return str(note.get("note", ""))
