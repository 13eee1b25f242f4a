"""The view of a ticket that a sink may see."""

from __future__ import annotations

from typing import Any

from connector.phi.texts import rewrite
from connector.phi.tokens import restored
from connector.plugins import Clearance
from connector.ticket import EMPTY_PHI, Person, PersonKind, Ticket


def clear(ticket: Ticket, clearance: Clearance) -> Ticket:
    """A shielded ticket as this clearance shows it. Pure.

    NONE: no compartment, no `extra` (it counts as patient data until somebody maps it), texts with tokens, and
    people who are patients without name, address and number. FULL: the texts as they came, compartment and all.
    """
    if clearance is Clearance.FULL:
        removed = ticket.phi.tokens
        return rewrite(ticket, lambda text: restored(text, removed)) if removed else ticket
    return ticket.model_copy(update={**_unnamed_people(ticket), "phi": EMPTY_PHI, "extra": {}})


def _unnamed_people(ticket: Ticket) -> dict[str, Any]:
    """The fields that name a patient, without the names."""
    people = (ticket.requester, ticket.on_behalf_of, *ticket.watchers, *(comment.author for comment in ticket.comments))
    if not any(person is not None and person.kind is PersonKind.PATIENT for person in people):
        return {}
    return {
        "requester": _unnamed(ticket.requester),
        "on_behalf_of": _unnamed(ticket.on_behalf_of) if ticket.on_behalf_of is not None else None,
        "watchers": tuple(_unnamed(person) for person in ticket.watchers),
        "comments": tuple(
            comment.model_copy(update={"author": _unnamed(comment.author)}) for comment in ticket.comments
        ),
    }


def _unnamed(person: Person) -> Person:
    return Person(kind=PersonKind.PATIENT) if person.kind is PersonKind.PATIENT else person
