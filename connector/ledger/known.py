"""What the ledger knows of a page's tickets and talks, and learns while the page is taken in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from connector.ledger.rows import slices, unique
from connector.ledger.schema import pending_ref, thread, ticket

# A Message-ID longer than this is named by its beginning.
REF_LIMIT = 400

# Kept: built anew for each page, every statement would stay in memory with its values until the collector looks.
_TALKS = select(thread.c.ref, thread.c.ticket_id).where(
    thread.c.source == bindparam("of"), thread.c.ref.in_(bindparam("refs", expanding=True))
)
_AWAITED = select(pending_ref.c.ref).where(
    pending_ref.c.source == bindparam("of"), pending_ref.c.ref.in_(bindparam("refs", expanding=True))
)
_TICKETS = select(ticket.c.id, ticket.c.external_id, ticket.c.version, ticket.c.fingerprint, ticket.c.sink).where(
    ticket.c.source == bindparam("of"), ticket.c.external_id.in_(bindparam("ids", expanding=True))
)


def shortened(ref: str) -> str:
    """The id of a message as the ledger keeps it."""
    return ref[:REF_LIMIT]


def tickets_of(connection: Connection, source: str, external_ids: Sequence[str]) -> list[Row[Any]]:
    """What is known of these tickets."""
    found: list[Row[Any]] = []
    for part in slices(external_ids):
        found += connection.execute(_TICKETS, {"of": source, "ids": list(part)})
    return found


@dataclass(slots=True)
class Known:
    """A ticket that the ledger has, or will have once the page is written."""

    id: int
    version: int
    fingerprint: str
    sink: str


class Memory:
    """Tickets by their external ids, the talks that messages belong to, and the messages that replies wait for."""

    def __init__(self, connection: Connection, source: str) -> None:
        self._connection = connection
        self._source = source
        self._by_name: dict[str, Known] = {}
        self._by_id: dict[int, Known] = {}
        self._talks: dict[str, int] = {}
        self._awaited: set[str] = set()

    def recall(self, external_ids: Iterable[str], refs: Iterable[str]) -> None:
        """Look up these tickets, and what these messages belong to or are waited for by."""
        for row in tickets_of(self._connection, self._source, unique(external_ids)):
            self.learn(row.external_id, Known(row.id, row.version, row.fingerprint, row.sink))
        for part in slices(unique(map(shortened, refs))):
            asked = {"of": self._source, "refs": list(part)}
            self._talks.update((row.ref, row.ticket_id) for row in self._connection.execute(_TALKS, asked))
            self._awaited.update(self._connection.execute(_AWAITED, asked).scalars())

    def learn(self, external_id: str, known: Known) -> None:
        """There is this ticket now."""
        self._by_name[external_id] = self._by_id[known.id] = known

    def ticket(self, external_id: str) -> Known | None:
        """The ticket of this external id, as far as it was recalled or learnt."""
        return self._by_name.get(external_id)

    def talk(self, refs: Iterable[str]) -> Known | None:
        """The ticket that the first of these messages belongs to which belongs to any."""
        found = next((self._talks[ref] for ref in map(shortened, refs) if ref in self._talks), None)
        if found is None or found in self._by_id:
            return None if found is None else self._by_id[found]
        row = self._connection.execute(select(ticket).where(ticket.c.id == found)).one()
        known = self._by_id[row.id] = Known(row.id, row.version, row.fingerprint, row.sink)
        return known

    def belongs(self, ref: str, known: Known) -> bool:
        """Let a message belong to a ticket; False where it belongs to another."""
        return self._talks.setdefault(shortened(ref), known.id) == known.id

    def awaits(self, refs: Iterable[str]) -> None:
        """A reply waits for these messages."""
        self._awaited.update(map(shortened, refs))

    def awaited(self, refs: Iterable[str]) -> list[str]:
        """Those of these messages that a reply may wait for."""
        return [ref for ref in map(shortened, refs) if ref in self._awaited]
