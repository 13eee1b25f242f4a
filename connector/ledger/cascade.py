"""A problem and those who wait for it: what its parent's record shows is committed for all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, insert, select, update

from connector.closure import OVER, Closure, Follows, Member, Parent, Stage, follows
from connector.delivery import Move, State
from connector.ledger.happenings import Happening, happened
from connector.ledger.moves import Step, move_each
from connector.ledger.problems import restored_until
from connector.ledger.rows import add_missing, dump, slices
from connector.ledger.schema import delivery, event, happening, member, problem, remote, ticket
from connector.news import Seen, notes_ref
from connector.plugins import Change, Do, Status

Moved = Mapping[int, tuple[Seen | None, Seen, Change]]

_STAGES = [stage.value for stage in Stage]


def cascade(connection: Connection, sink: str, moved: Moved, closure: Closure, grace: float, now: float) -> int:
    """What follows for problems whose parent is among the records that `moved`, and for members that came back to
    life. Deliveries are due after `grace` seconds, for the platform may be doing the same. Returns how many."""
    queued = 0
    for row in _problems(connection, sink, moved):
        before, after, change = moved[row.ticket_id]
        queued += _Cascade(connection, sink, row, now).follow(before, after, change, closure, grace)
    _note_returned(connection, moved, now)
    return queued


def _problems(connection: Connection, sink: str, moved: Moved) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    query = select(problem).where(problem.c.sink == sink, problem.c.state.in_(_STAGES)).order_by(problem.c.id)
    for part in slices(list(moved)):
        found += connection.execute(query.where(problem.c.ticket_id.in_(part)))
    return found


def _note_returned(connection: Connection, moved: Moved, now: float) -> None:
    """A record that was reopened although its problem is over is shown; it is not solved again."""
    back = [key for key, (was, after, _) in moved.items() if was and was.status in OVER and after.status not in OVER]
    for part in slices(back):
        ended = (problem.c.state != Stage.OPEN.value, problem.c.state.in_(_STAGES))
        query = select(member.c.ticket_id, problem.c.key).join(problem, problem.c.id == member.c.problem_id)
        for row in connection.execute(query.where(member.c.ticket_id.in_(part), member.c.left_at.is_(None), *ended)):
            note = f"reopened at the help desk although problem {row.key} is resolved; nothing is done about it"
            connection.execute(insert(event), [_event(row.ticket_id, note, now)])


class _Cascade:
    """One problem within one transaction."""

    def __init__(self, connection: Connection, sink: str, row: Row[Any], now: float) -> None:
        self._connection = connection
        self._sink = sink
        self._problem = row
        self._now = now

    def follow(self, before: Seen | None, after: Seen, change: Change, closure: Closure, grace: float) -> int:
        known = change.known_error and not self._is_told("deferred")
        parent = Parent(
            Stage(self._problem.state), before.status if before else None, after.status, after.resolution, known
        )
        members = self._members()
        then = follows(parent, members, closure)
        self._stage(then, after, change)
        self._tell(then, members, after, change)
        self._queue([self._solving(each, after, change, then, grace) for each in then.solve])
        self._queue([self._reopening(each, after) for each in then.reopen])
        return len(then.solve) + len(then.reopen)

    def _members(self) -> list[Member]:
        """Those who belong to it, and whether it was us who solved them."""
        ours = exists().where(
            *(delivery.c.ticket_id == member.c.ticket_id, delivery.c.sink == self._sink),
            *(delivery.c.part.startswith(self._prefix, autoescape=True), delivery.c.state == State.SENT.value),
        )
        query = (
            select(member.c.ticket_id, remote.c.status, ours.label("ours"))
            .outerjoin(remote, and_(remote.c.ticket_id == member.c.ticket_id, remote.c.sink == self._sink))
            .where(member.c.problem_id == self._problem.id, member.c.left_at.is_(None))
        )
        rows = self._connection.execute(query.order_by(member.c.ticket_id))
        return [Member(row.ticket_id, Status(row.status) if row.status else None, bool(row.ours)) for row in rows]

    def _stage(self, then: Follows, after: Seen, change: Change) -> None:
        if then.stage.value == self._problem.state:
            return
        over = then.stage is not Stage.OPEN
        values: dict[str, Any] = {"state": then.stage.value, "ending": after.resolution if over else None}
        values["ended_at"] = (after.resolved_at or self._now) if over else None
        self._connection.execute(update(problem).where(problem.c.id == self._problem.id).values(**values))
        note = f"the problem is {then.stage}" + (f" ({after.resolution})" if over and after.resolution else "")
        self._connection.execute(insert(event), [_event(self._problem.ticket_id, note, self._now)])
        if not over:
            self._call_back()

    def _call_back(self) -> None:
        """It was reopened: what has not gone out yet to solve its members stays here."""
        query = select(delivery.c.id, delivery.c.ticket_id).where(
            *(delivery.c.sink == self._sink, delivery.c.do == Do.SOLVE.value),
            *(delivery.c.state == State.QUEUED.value, delivery.c.part.startswith(self._prefix, autoescape=True)),
            delivery.c.ticket_id.in_(select(member.c.ticket_id).where(member.c.problem_id == self._problem.id)),
        )
        note = f"problem {self._problem.key} was reopened"
        rows = self._connection.execute(query).all()
        move_each(
            self._connection, [Step(row.id, row.ticket_id, State.QUEUED, Move.ENDED, note) for row in rows], self._now
        )

    @property
    def _prefix(self) -> str:
        return f"solve:{self._problem.key}:"

    def _tell(self, then: Follows, members: Sequence[Member], after: Seen, change: Change) -> None:
        detail: dict[str, Any] = {"number": change.number, "url": change.url, "status": after.status.value}
        detail |= {"resolution": after.resolution, "problem": self._problem.key}
        detail["articles"] = [{"title": each.title, "url": each.url} for each in change.articles]
        if then.stage is not Stage.OPEN and change.notes:
            detail["notes"] = notes_ref(change)
        at = after.resolved_at or after.updated_at or self._now
        for what in then.told:
            # A problem is resolved once for each time that it was reopened, and its status is one of each version.
            ref = f"{self._problem.key}:{after.reopened if what != 'problem_changed' else change.stamp}"
            happened(
                self._connection,
                [Happening(each.ticket_id, what, at, ref, self._problem.id, detail) for each in members],
            )

    def _is_told(self, what: str) -> bool:
        told = select(happening.c.id).where(happening.c.problem_id == self._problem.id, happening.c.what == what)
        members = select(member.c.ticket_id).where(member.c.problem_id == self._problem.id)
        return self._connection.execute(told.where(happening.c.ticket_id.in_(members)).limit(1)).first() is not None

    # ── deliveries ──

    def _queue(self, rows: Sequence[dict[str, Any]]) -> None:
        """Each once, however often the page is read."""
        for part in slices(rows):
            versions = select(ticket.c.id, ticket.c.version).where(ticket.c.id.in_([row["ticket_id"] for row in part]))
            known = {row.id: row.version for row in self._connection.execute(versions)}
            add_missing(self._connection, delivery, [{**row, "version": known[row["ticket_id"]]} for row in part])

    def _solving(self, ticket_id: int, after: Seen, change: Change, then: Follows, grace: float) -> dict[str, Any]:
        what: dict[str, Any] = {"problem": self._problem.key, "declined": then.declined}
        what["notes"] = change.notes or f"Resolved together with problem {change.number}"
        return self._delivery(ticket_id, Do.SOLVE, f"{self._prefix}{after.reopened}", what, grace)

    def _reopening(self, ticket_id: int, after: Seen) -> dict[str, Any]:
        what = {"text": f"Problem {self._problem.key} was reopened.", "public": False, "reopen": True}
        row = self._delivery(ticket_id, Do.COMMENT, f"reopen:{self._problem.key}:{after.reopened}", what, 0.0)
        at = after.updated_at or self._now
        # A lost ledger may have said so.
        return row | ({"state": State.UNSURE.value} if at <= restored_until(self._connection) else {})

    def _delivery(self, ticket_id: int, do: Do, part: str, what: dict[str, Any], wait: float) -> dict[str, Any]:
        said = dump(what)
        return {
            "ticket_id": ticket_id,
            "sink": self._sink,
            "do": do.value,
            "part": part,
            "what": said,
            "payload": said,
            "state": State.QUEUED.value,
            "attempts": 0,
            "due_at": self._now + wait,
            "created_at": self._now,
        }


def _event(ticket_id: int, note: str, now: float) -> dict[str, Any]:
    return {"ticket_id": ticket_id, "delivery_id": None, "at": now, "was": "", "now": "", "note": note}
