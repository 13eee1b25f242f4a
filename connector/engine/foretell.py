"""What a run would tell people: each message as it would be sent, by reading alone."""

from __future__ import annotations

from typing import Any

from connector.answering import Event, Silence, recipient
from connector.engine.answer import BATCH, Decision, sink_of
from connector.engine.message import message, worded
from connector.engine.wiring import Answering, Wiring
from connector.errors import Finding
from connector.ledger import deliveries, records, telling
from connector.ledger.planning import Planned
from connector.plugins import Reading
from connector.ticket import Ticket

# Nobody knows it yet: the help desk gives it.
_NUMBER = "(number)"


def would_tell(wiring: Wiring, reading: Reading) -> dict[str, Any]:
    """The acknowledgement of a ticket that is new, under `told`; nothing where there would be none."""
    answering = wiring.answering
    if answering is None or not isinstance(reading, Ticket):
        return {}
    way = answering.ways.get(reading.source)
    if way is None or Event.RECEIVED not in way.events or _is_known(wiring, reading):
        return {}
    who = recipient(reading, way, answering.settings, answering.own)
    if isinstance(who, Silence):
        return {}
    said = {"event": Event.RECEIVED, "to": who.address, "name": who.name, "detail": {"number": _NUMBER}}
    payload = worded(wiring, answering, reading, said, 0)
    return {"told": [_shown(payload, way.by == "mail")]}


def would_tell_now(wiring: Wiring) -> list[dict[str, Any]]:
    """The messages that wait already, and those about what has happened since the last run."""
    answering = wiring.answering
    if answering is None:
        return []
    waiting = [row for name in answering.outlets for row in deliveries.unplanned(wiring.db, [name], BATCH)]
    shown = [_would(answering, row.sink, message(wiring, row)) for row in waiting]
    batch, follows = telling.peek(wiring.db, BATCH, Decision(wiring, answering))
    for queued in follows:
        told = next(each for each in batch.each if each.occasion.ticket_id == queued.ticket_id)
        shown.append(_about(wiring, answering, told, queued))
    return shown


def _about(wiring: Wiring, answering: Answering, told: telling.Told, queued: telling.Queued) -> dict[str, Any]:
    payload = worded(wiring, answering, Ticket.model_validate_json(told.body), queued.what, queued.ticket_id)
    return _item(answering, f"{told.source}:{told.external_id}", queued.sink, payload)


def _would(answering: Answering, sink: str, planned: Planned) -> dict[str, Any]:
    said = planned.finding if planned.finding is not None else dict(planned.payload or {})
    return _item(answering, planned.row.name, sink, said)


def _item(answering: Answering, ticket: str, sink: str, said: dict[str, Any] | Finding) -> dict[str, Any]:
    findings = [str(said)] if isinstance(said, Finding) else []
    by_mail = any(sink == sink_of(source) and way.by == "mail" for source, way in answering.ways.items())
    told = [] if isinstance(said, Finding) else [_shown(said, by_mail)]
    return {"ticket": ticket, "sink": sink, "fields": {}, "findings": findings, "told": told}


def _shown(said: dict[str, Any] | Finding, by_mail: bool) -> dict[str, Any]:
    if isinstance(said, Finding):
        return {"to": "", "subject": str(said), "text": ""}
    return {"to": said["to"], "subject": said["subject"], "text": said["text" if by_mail else "chat"]}


def _is_known(wiring: Wiring, ticket: Ticket) -> bool:
    return bool(records.versions(wiring.db, ticket.source, [ticket.external_id]))
