"""What people may be told of: written once, in the commit that makes it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from connector.ledger.rows import add_missing, dump
from connector.ledger.schema import happening


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a ticket, at a time in seconds since the epoch.

    `ref` tells it from others of its kind and ticket: it happens once for each. `detail` holds numbers, addresses and
    codes, never words of a ticket.
    """

    ticket_id: int
    what: str
    at: float
    ref: str = ""
    problem_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name under which it happens once."""
        return f"{self.ticket_id}:{self.what}:{self.ref}" if self.ref else f"{self.ticket_id}:{self.what}"


def happened(connection: Connection, each: Sequence[Happening]) -> None:
    """Write what happened, in the caller's transaction; what is written already stays as it is."""
    add_missing(connection, happening, [_row(one) for one in each])


def _row(one: Happening) -> dict[str, Any]:
    return {
        "key": one.key,
        "ticket_id": one.ticket_id,
        "problem_id": one.problem_id,
        "what": one.what,
        "at": one.at,
        "detail": dump(dict(one.detail)),
    }
