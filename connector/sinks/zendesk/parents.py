"""The parent of an outage as Zendesk's problem. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.sinks.zendesk.fields import tag_list
from connector.ticket import Impact, Ticket, Urgency

# The gravest first.
_PRIORITIES = ("urgent", "high", "normal", "low")
_WIDE = {Impact.ENTERPRISE: 0, Impact.SITE: 0, Impact.UNIT: 1, Impact.USER: 2}
_SOON = {Urgency.HIGH: 0, Urgency.MEDIUM: 1, Urgency.LOW: 2}


def fields(ticket: Ticket, group: str) -> dict[str, Any]:
    """The fields of a parent. Its first comment is for agents: nobody asked for it who would read it."""
    said: dict[str, Any] = {
        "subject": ticket.summary[:150],
        "comment": ticket.description,
        "comment_public": False,
        "type": "problem",
        "priority": _priority(ticket),
        "tags": tag_list(ticket.tags),
    }
    return {**said, "group": group} if group else said


def raised(ticket: Ticket, held: Mapping[str, Any]) -> dict[str, Any]:
    """The priority of an incident, where its parent's is graver."""
    own, wanted = str(held.get("priority") or ""), _priority(ticket)
    graver = own in _PRIORITIES and _PRIORITIES.index(wanted) < _PRIORITIES.index(own)
    return {"priority": wanted} if graver else {}


def _priority(ticket: Ticket) -> str:
    return _PRIORITIES[min(_WIDE[ticket.impact] + _SOON[ticket.urgency], 3)]
