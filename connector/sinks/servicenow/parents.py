"""The parent of an outage as ServiceNow's problem, or as the incident of incidents. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.ticket import Impact, Ticket, Urgency

_IMPACT = {Impact.ENTERPRISE: "1", Impact.SITE: "1", Impact.UNIT: "2", Impact.USER: "3"}
_URGENCY = {Urgency.HIGH: "1", Urgency.MEDIUM: "2", Urgency.LOW: "3"}


def fields(ticket: Ticket, group: str, first: str, table: str) -> dict[str, Any]:
    """The columns of a parent in this table; `first` is the incident that was reported first, where it is known."""
    said = {"short_description": ticket.summary[:160], "description": ticket.description[:4000], **_weights(ticket)}
    if group:
        said["assignment_group"] = group
    return {**said, "first_reported_by_task": first} if first and table == "problem" else said


def raised(ticket: Ticket, held: Mapping[str, Any]) -> dict[str, Any]:
    """Impact and urgency of an incident, where its parent's are graver; 1 is the gravest."""
    return {name: value for name, value in _weights(ticket).items() if str(held.get(name) or "") > value}


def _weights(ticket: Ticket) -> dict[str, str]:
    return {"impact": _IMPACT[ticket.impact], "urgency": _URGENCY[ticket.urgency]}
