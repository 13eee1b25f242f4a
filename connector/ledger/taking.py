"""One page of records on its way into the ledger: looked up together, decided one by one, written together."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from connector.errors import Finding
from connector.ledger import waiting
from connector.ledger.entries import Entries
from connector.ledger.known import Known, Memory
from connector.ledger.rows import new_ids
from connector.ledger.schema import ticket
from connector.ledger.superseding import supersede
from connector.ledger.taken import Counts, Taken, part_of_comment, refs_of, ticket_of
from connector.plugins import Counted, Do, Rejected, Reply
from connector.ticket import Comment, Phi, Ticket


class Taking:
    """The page. `take` does it all, inside the transaction of `connection`."""

    def __init__(self, connection: Connection, source: str, now: float, patience: float, files: frozenset[str]) -> None:
        self._connection = connection
        self._source = source
        self._now = now
        self._patience = patience
        self._memory = Memory(connection, source)
        self._entries = Entries(connection, source, now, files)
        self._free_ids: list[int] = []

    def take(self, page: Sequence[Taken]) -> Counts:
        tickets = [own for taken in page if (own := ticket_of(taken.reading))]
        self._memory.recall((own.external_id for own in tickets), (ref for one in page for ref in refs_of(one.reading)))
        self._free_ids = new_ids(self._connection, ticket, len(tickets))[::-1]
        counts = Counts()
        for taken in page:
            counts.add(self._one(taken))
        self._entries.write()
        return counts

    def _one(self, taken: Taken) -> str:
        match taken.reading:
            case Rejected(finding):
                return self._no_ticket(taken, "rejected", finding)
            case Counted(reason):
                return self._counted(taken, reason)
            case Reply() as reply:
                return self._reply(taken, reply)
            case Ticket() as own:
                return self._own(taken, own)
        raise TypeError(f"not a reading: {type(taken.reading).__name__}")

    def _no_ticket(self, taken: Taken, outcome: str, finding: Finding) -> str:
        self._entries.noted(taken, outcome, finding=finding)
        return outcome

    def _counted(self, taken: Taken, reason: str) -> str:
        return self._no_ticket(taken, "counted", Finding("counted", taken.record.place, reason))

    # ── tickets ──

    def _own(self, taken: Taken, own: Ticket) -> str:
        known = self._memory.ticket(own.external_id)
        if known is None:
            older = self._memory.talk(_names(own))
            return self._new(taken, own) if older is None else self._part_of(taken, own, older)
        self._entries.noted(taken, "ticket", known.id)
        if known.fingerprint == taken.fingerprint:
            return "unchanged"
        self._changed(taken, own, known)
        return "changed"

    def _part_of(self, taken: Taken, own: Ticket, older: Known) -> str:
        """Its talk became a ticket before it was read: it joins that."""
        outcome = self._join(taken, older, own.as_comment(), own.phi, own.thread)
        for comment in own.comments:
            self._entries.comment(taken, older, comment, own.phi)
        return outcome

    def _new(self, taken: Taken, own: Ticket) -> str:
        known = Known(self._free_ids.pop(), 1, taken.fingerprint, taken.sink)
        self._memory.learn(own.external_id, known)
        self._entries.new_ticket(taken, known, own)
        self._entries.noted(taken, "ticket", known.id)
        self._entries.happened(known, f"read at {taken.record.place}")
        self._entries.deliver(taken, known, Do.CREATE, "ticket")
        self._parts(taken, known, own)
        self._claim_pending(known, _names(own))
        return "new"

    def _changed(self, taken: Taken, own: Ticket, known: Known) -> None:
        known.version += 1
        known.fingerprint = taken.fingerprint
        self._entries.new_version(taken, known, own)
        self._entries.happened(known, f"version {known.version} read at {taken.record.place}")
        if supersede(self._connection, known, self._now):
            self._entries.deliver(taken, known, Do.UPDATE, f"update:{known.version}")
        self._parts(taken, known, own)

    def _parts(self, taken: Taken, known: Known, own: Ticket) -> None:
        for comment in own.comments:
            self._entries.comment(taken, known, comment, own.phi)
        self._entries.files(taken, known, "", own.attachments)
        self._thread(known, own.thread)

    def _thread(self, known: Known, refs: Sequence[str]) -> None:
        for ref in refs:
            if self._memory.belongs(ref, known):
                self._entries.message(ref, known)

    # ── replies ──

    def _reply(self, taken: Taken, reply: Reply) -> str:
        itself = self._memory.ticket(reply.ticket.external_id)
        if itself is not None:  # read before, when it became a ticket or a comment of its own
            self._entries.noted(taken, "ticket", itself.id)
            return "unchanged"
        answered = self._memory.talk(reply.thread)
        if answered is not None:
            return self._join(taken, answered, reply.comment, reply.ticket.phi, reply.ticket.thread)
        if reply.otherwise:
            return self._counted(taken, reply.otherwise)
        if taken.waited or self._patience <= 0:
            return self._new(taken, reply.ticket)
        self._wait(taken, reply)
        return "new"

    def _join(self, taken: Taken, known: Known, comment: Comment, phi: Phi, refs: Sequence[str]) -> str:
        read_before = self._memory.talk(refs[:1]) is not None
        same = read_before and self._entries.has_part(known, part_of_comment(comment))
        self._entries.noted(taken, "reply", known.id)
        if same:
            return "unchanged"
        self._entries.happened(known, f"a reply was read at {taken.record.place}")
        self._entries.comment(taken, known, comment, phi)
        self._thread(known, refs)
        self._claim_pending(known, refs[:1])
        return "changed"

    def _wait(self, taken: Taken, reply: Reply) -> None:
        self._entries.noted(taken, "pending")
        for file in reply.comment.attachments + reply.ticket.files():
            self._entries.blob(file)
        self._entries.write()
        self._make_room(taken, reply)
        waiting.wait(self._connection, self._source, taken, reply, self._now + self._patience)
        self._memory.awaits(reply.thread)

    def _make_room(self, taken: Taken, reply: Reply) -> None:
        """A place was written over: the same reply takes the old one's row, another one lets it become a ticket now."""
        for older, waited in waiting.at_place(self._connection, self._source, taken.record.place):
            if waited.comment.id != reply.comment.id:
                self._new(older, waited.ticket)

    def _claim_pending(self, known: Known, refs: Sequence[str]) -> None:
        """What waited for this very message joins it."""
        wanted = self._memory.awaited(refs)
        for taken, reply in waiting.for_messages(self._connection, self._source, wanted) if wanted else ():
            self._join(taken, known, reply.comment, reply.ticket.phi, reply.ticket.thread)


def _names(own: Ticket) -> Sequence[str]:
    """The ids in a ticket's thread that name itself: those up to its own. What follows are talks that it answers."""
    if own.external_id not in own.thread:
        return own.thread[:1]
    return own.thread[: own.thread.index(own.external_id) + 1]
