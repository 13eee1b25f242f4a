"""What is due at one sink, and which of it goes in the next call."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from connector.batching import choose
from connector.engine.wiring import Outlet, Wiring
from connector.ledger import deliveries
from connector.ledger.deliveries import START, Delivery
from connector.plugins import Do

# Rows read at once. So many, and a few that must wait for a newcomer, are all that is held of a queue of any length.
CHUNK = 200
PARKED = 1000


@dataclass(frozen=True, slots=True)
class Group:
    """Deliveries for one call. `alone`: nothing else may be under way beside it. `newcomers`: whom it may make."""

    rows: tuple[Delivery, ...]
    together: bool
    alone: bool
    newcomers: frozenset[str]


class Queue:
    """One pass over what was due when it began, in the order of the index; each delivery comes up once.

    Of each ticket only what is first in line is due, so no two rows of a pass are of one ticket.
    """

    def __init__(self, wiring: Wiring, outlet: Outlet) -> None:
        self._wiring = wiring
        self._outlet = outlet
        self._began = wiring.clock.wall()
        self._rows: deque[Delivery] = deque()
        self._parked: list[tuple[str, Delivery]] = []
        self._coming: set[str] = set()  # newcomers whom a call under way may be making
        self._after = START
        self._ended = False
        self._waiting = deliveries.count_unfinished(wiring.db, outlet.name)["queued"]

    def group(self, jobs: int) -> Group | None:
        """The next call, or None where nothing may go now. `jobs` more may be given to a remote that works off calls
        for many later."""
        self._fill()
        if not self._rows:
            return None
        first = self._rows[0]
        most = 1 if self._singly(first) else self._outlet.most(first.do)
        later = self._outlet.sink.jobs_at_once > 0
        calls = jobs if later else self._outlet.concurrency
        items = choose(self._like(first), most, calls, self._outlet.pace.seconds_each).items
        if items > 1 and later and jobs < 1:
            return None
        return self._taken(items, together=items > 1, alone=most == 0)

    def ended(self, group: Group) -> None:
        """The group's call is over: whom it made is known now."""
        self._coming -= group.newcomers
        free = [row for who, row in self._parked if who not in self._coming]
        self._parked = [(who, row) for who, row in self._parked if who in self._coming]
        self._rows.extendleft(reversed(free))

    def _like(self, first: Delivery) -> int:
        """How many like this one wait: counted where all that is due is at hand, else all that is queued."""
        if not self._ended:
            return max(self._waiting, len(self._rows))
        return sum(_family(row) == _family(first) for row in self._rows)

    def _fill(self) -> None:
        while not self._ended and len(self._rows) < CHUNK and len(self._parked) < PARKED:
            rows = deliveries.due(self._wiring.db, self._outlet.name, self._began, CHUNK, self._after)
            self._ended = len(rows) < CHUNK
            if rows:
                self._after = (rows[-1].due_at, rows[-1].id)
            self._rows.extend(rows)

    def _taken(self, items: int, together: bool, alone: bool) -> Group | None:
        """The first rows that may go with each other; others keep their order."""
        taken: list[Delivery] = []
        skipped: list[Delivery] = []
        newcomers: set[str] = set()
        while self._rows and len(taken) < items:
            row = self._rows.popleft()
            if taken and _family(row) != _family(taken[0]):
                skipped.append(row)
            elif (who := self._newcomer(row)) and (who in self._coming or who in newcomers):
                self._parked.append((who, row))
            elif together and (self._singly(row) or self._outlet.most(row.do) <= 1):
                skipped.append(row)
            else:
                taken.append(row)
                newcomers |= {who} if who else set()
        self._rows.extendleft(reversed(skipped))
        if not taken:
            return None
        self._waiting -= len(taken)
        self._coming |= newcomers
        return Group(tuple(taken), together and len(taken) > 1, alone, frozenset(newcomers))

    def _singly(self, row: Delivery) -> bool:
        """What was believed absent because the remote would refuse a second copy goes as the first copy went: a call
        for many carries no such guard."""
        return row.empty_since is not None or row.id in self._outlet.pace.singly

    def _newcomer(self, row: Delivery) -> str:
        if row.do is not Do.CREATE:
            return ""
        return self._outlet.sink.newcomer(row.payload or {})


def _family(row: Delivery) -> bool:
    """Creates go with creates; whatever changes a record goes with its like."""
    return row.do is Do.CREATE
