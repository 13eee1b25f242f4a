"""Plan: render what each new delivery will say, or block it with the finding."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.engine.message import message
from connector.engine.wiring import Outlet, Wiring
from connector.ledger import deliveries, escalating, planning, problems
from connector.ledger.deliveries import Delivery
from connector.ledger.planning import Planned
from connector.mapping import Rendered, render, render_comment
from connector.phi import clear
from connector.plugins import PROBLEM, Do, Parents
from connector.priority import URGENCY
from connector.ticket import Attachment, Comment, Phi, Ticket, Urgency

BATCH = 200


def plan(wiring: Wiring, sinks: Sequence[str]) -> tuple[int, int]:
    """Render every delivery that waits for it; returns how many were looked at and how many are now blocked."""
    seen = blocked = 0
    while not wiring.stop() and (rows := deliveries.unplanned(wiring.db, sinks, BATCH)):
        planned = _as_urgent(wiring, [rendered_row(wiring, wiring.outlet(row.sink), row) for row in rows])
        blocked += planning.plan(wiring.db, planned, wiring.clock.wall())
        seen += len(rows)
        wiring.progress("plan", seen, None)
    if seen:
        wiring.progress("plan", seen, seen)
    return seen, blocked


def _as_urgent(wiring: Wiring, planned: Sequence[Planned]) -> list[Planned]:
    """Updates leave incidents as urgent as the outage that they belong to, and as escalations have made them."""
    changed = {each.row.ticket_id for each in planned if each.row.do is Do.UPDATE and each.payload is not None}
    if not changed:
        return list(planned)
    parents = problems.parents_of(wiring.db, list(changed)) if wiring.problems.raise_priority else {}
    escalated = escalating.raised(wiring.db, list(changed))
    louder = [_louder(wiring, each, escalated.get(each.row.ticket_id, ())) for each in planned]
    return [_raised(wiring, each, parents) if each.row.do is Do.UPDATE else each for each in louder]


def _louder(wiring: Wiring, planned: Planned, escalations: Sequence[Mapping[str, str]]) -> Planned:
    row, payload = planned.row, planned.payload
    if row.do is not Do.UPDATE or payload is None:
        return planned
    for to in escalations:
        payload = {**payload, **(_escalated(wiring, wiring.outlet(row.sink), row, to).payload or {})}
    return replace(planned, payload=payload)


def _raised(wiring: Wiring, planned: Planned, parents: Mapping[int, Ticket]) -> Planned:
    parent, sink = parents.get(planned.row.ticket_id), wiring.outlet(planned.row.sink).sink
    if parent is None or planned.payload is None or not isinstance(sink, Parents):
        return planned
    return replace(planned, payload={**planned.payload, **sink.raised(parent, planned.payload)})


def rendered_row(wiring: Wiring, outlet: Outlet, row: Delivery) -> Planned:
    """What one delivery will say. Pure but for the place it gets its facts from."""
    if row.source == PROBLEM and row.do is Do.CREATE and isinstance(outlet.sink, Parents):
        first = str((row.what or {}).get("first", ""))
        return Planned(row, outlet.sink.parent(ticket_view(row.ticket_body, outlet), row.group, first))
    match row.do:
        case Do.ATTACH:
            return Planned(row, file_payload(row.what or {}))
        case Do.NOTIFY:
            return message(wiring, row)
        case Do.LINK | Do.SOLVE:
            return Planned(row, row.what or {})
        case Do.COMMENT if row.what and "text" in row.what:  # words of our own, which no mapping renders
            return Planned(row, row.what)
        case Do.COMMENT:
            said = comment_view(row, outlet)
            rendered = render_comment(outlet.mapping, said, said.comments[0], _facts(wiring, outlet, said, row.group))
        case Do.UPDATE if row.what and "escalate" in row.what:
            return _escalated(wiring, outlet, row, row.what["escalate"])
        case _:
            rendered = render_ticket(wiring, outlet, ticket_view(row.ticket_body, outlet), row.do, row.group)
    if rendered.findings:
        return Planned(row, finding=rendered.findings[0])
    payload = dict(rendered.fields)
    if row.what and "follow_up_of" in row.what:
        payload["follow_up_of"] = row.what["follow_up_of"]
    return Planned(row, payload)


def _escalated(wiring: Wiring, outlet: Outlet, row: Delivery, to: Mapping[str, str]) -> Planned:
    """The fields in which the ticket differs once it is at least so urgent, or another group's."""
    ticket = ticket_view(row.ticket_body, outlet)
    urgency = min(ticket.urgency, Urgency(to["urgency"] or ticket.urgency), key=URGENCY.__getitem__)
    louder = ticket.model_copy(update={"urgency": urgency})
    before = render_ticket(wiring, outlet, ticket, Do.UPDATE, row.group)
    after = render_ticket(wiring, outlet, louder, Do.UPDATE, to["group"] or row.group)
    if after.findings:
        return Planned(row, finding=after.findings[0])
    return Planned(row, {name: value for name, value in after.fields.items() if before.fields.get(name) != value})


def render_ticket(wiring: Wiring, outlet: Outlet, ticket: Ticket, do: Do, group: str) -> Rendered:
    """The fields of a ticket as this sink's mapping says."""
    return render(outlet.mapping, ticket, _facts(wiring, outlet, ticket, group), update=do is Do.UPDATE)


def _facts(wiring: Wiring, outlet: Outlet, ticket: Ticket, group: str) -> dict[str, Any]:
    withheld = () if outlet.files else ticket.files()
    return {
        "site": wiring.site,
        "source": ticket.source,
        "group": group,
        "withheld": withheld,
        "weighing": wiring.weighing,
        "levels": wiring.levels,
    }


def ticket_view(body: str, outlet: Outlet) -> Ticket:
    """The ticket as far as this sink may see it."""
    return clear(Ticket.model_validate_json(body), outlet.clearance)


def comment_view(row: Delivery, outlet: Outlet) -> Ticket:
    """The ticket with just the comment that this delivery is about, as far as the sink may see it."""
    what = row.what or {}
    comment = Comment.model_validate_json(json.dumps(what["comment"]))
    phi = Phi.model_validate_json(json.dumps(what["phi"]))
    ticket = Ticket.model_validate_json(row.ticket_body)
    return clear(ticket.model_copy(update={"comments": (comment,), "phi": phi}), outlet.clearance)


def file_payload(what: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a file: name, content type, size in bytes, sha256, and the comment it came with."""
    file = Attachment.model_validate_json(json.dumps(what["file"]))
    return {
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "comment": what.get("comment", ""),
    }
