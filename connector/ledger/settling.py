"""What became of deliveries is committed: state, link, and what the sink learned, together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from connector.delivery import Move, State
from connector.errors import Finding, StaleRow
from connector.ledger.database import Database
from connector.ledger.deliveries import Delivery
from connector.ledger.happenings import Happening, happened
from connector.ledger.moves import Step, move, move_all
from connector.ledger.planning import held
from connector.ledger.rows import add_missing, dump, put
from connector.ledger.schema import delivery, link, memory
from connector.ledger.unseen import expect
from connector.plugins import Do, Receipt


@dataclass(frozen=True, slots=True)
class Done:
    """A delivery that the remote has. `fields` is what the mapping rendered and is now there; `left` was left alone.

    `happened` is what people may be told of this, "" for nothing.
    """

    receipt: Receipt
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    left: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    note: str = ""
    happened: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """How one attempt or look ended: a step, and what is there where it led to `sent`."""

    row: Delivery
    step: Step
    done: Done | None = None


def accepted(row: Delivery, move: Move, done: Done, holder: str = "") -> End:
    """The end of a delivery that the remote has. `holder` is the process whose claim the receipt answers."""
    receipt = done.receipt
    sets: dict[str, Any] = {"remote_id": receipt.remote_id} if row.do is Do.CREATE else {}
    if move is Move.FOUND and row.body is not None:  # what was never sent from here proves later look-ups too
        sets |= {"payload": dump(row.payload), "body": dump(row.body)}
    was = State.SENDING if move is Move.ACCEPTED else State.UNSURE
    note = done.note or receipt.number or receipt.remote_id
    return End(row, Step(row.id, row.ticket_id, was, move, note, sets, holder), done)


def settle_all(db: Database, ends: Sequence[End], now: float) -> None:
    """Commit how several deliveries ended, all or none. Raises StaleRow."""
    with db.write() as connection:
        move_all(connection, [end.step for end in ends], now)
        there = [end for end in ends if end.done is not None]
        links = [_link(end.row, end.done, now) for end in there if end.done and end.row.do in (Do.CREATE, Do.UPDATE)]
        put(connection, link, links)
        expect(connection, [each["ticket_id"] for each in links])
        put(connection, memory, _learned(there))
        happened(connection, [_happening(end.row, end.done, now) for end in there if end.done and end.done.happened])


def settle_each(db: Database, ends: Sequence[End], now: float) -> list[End]:
    """Commit how deliveries ended, together where none is stale; returns those that were."""
    try:
        settle_all(db, ends, now)
    except StaleRow:
        return list(ends) if len(ends) == 1 else [end for end in ends if settle_each(db, [end], now)]
    return []


def settle(db: Database, row: Delivery, step: Move, done: Done, now: float, holder: str = "") -> None:
    """Commit that the remote has one. Raises StaleRow."""
    settle_all(db, [accepted(row, step, done, holder)], now)


def settle_otherwise(db: Database, row: Delivery, step: Step, now: float) -> None:
    """Commit any other outcome. Raises StaleRow."""
    settle_all(db, [End(row, step)], now)


def _happening(row: Delivery, done: Done, now: float) -> Happening:
    detail = {"number": done.receipt.number, "url": done.receipt.url}
    return Happening(row.ticket_id, done.happened, now, detail=detail)


def _learned(ends: Sequence[End]) -> list[dict[str, str]]:
    """What the sink wants remembered; the last word counts."""
    facts = {
        (end.row.sink, name): value for end in ends if end.done for name, value in end.done.receipt.learned.items()
    }
    return [{"sink": sink, "name": name, "value": value} for (sink, name), value in facts.items()]


def _link(row: Delivery, done: Done, now: float) -> dict[str, Any]:
    receipt, old = done.receipt, row.linked
    keep = old is not None and row.do is Do.UPDATE
    sent = {**(old.sent if keep and old else {}), **done.fields}
    echo = {**(old.echo if keep and old else {}), **receipt.echo}
    notes: dict[str, Any] = {name: {"sent": pair[0], "kept": pair[1]} for name, pair in receipt.unkept.items()}
    notes.update({name: {"left": True} for name in done.left})
    notes.update({finding.where or finding.code: {"note": str(finding)} for finding in done.findings})
    return {
        "ticket_id": row.ticket_id,
        "sink": row.sink,
        "remote_id": receipt.remote_id or (old.remote_id if old else ""),
        "number": receipt.number or (old.number if old else ""),
        "url": receipt.url or (old.url if old else ""),
        "sent": dump(sent),
        "echo": dump(echo),
        "notes": dump(notes),
        "linked_at": now,
    }


def follow_up(db: Database, row: Delivery, closed: str, now: float) -> int:
    """The record is closed: a new one is made that follows it, and a comment or file goes there. One commit.
    Returns how many deliveries were blocked instead.

    There is one follow-up of each closed record, however many deliveries meet it; where a person dropped it, they
    wait for a person too. Raises StaleRow.
    """
    part = f"follow_up:{closed}"
    new = {"ticket_id": row.ticket_id, "sink": row.sink, "version": row.version, "state": State.QUEUED.value}
    new |= {"attempts": 0, "due_at": now, "created_at": now, "payload": None}
    create = {**new, "do": Do.CREATE.value, "part": part, "what": dump({"follow_up_of": closed})}
    again = {
        **new,
        "do": row.do.value,
        "part": f"{row.part}@{part}",
        "what": None if row.what is None else dump(row.what),
    }
    with db.write() as connection:
        dropped = select(delivery.c.id).where(
            *(delivery.c.ticket_id == row.ticket_id, delivery.c.sink == row.sink),
            *(delivery.c.part == part, delivery.c.state == State.DROPPED.value),
        )
        if connection.execute(dropped).first() is not None:
            what, remedy = f"{closed} is closed, and its follow-up was dropped", f"connector drop {row.name}"
            return held(connection, row, Finding("closed", row.name, what, remedy), now)
        note = f"{closed} is closed; a follow-up takes its place"
        move(connection, Step(row.id, row.ticket_id, State.QUEUED, Move.ENDED, note), now)
        add_missing(connection, delivery, [create])
        if row.do is not Do.UPDATE:
            add_missing(connection, delivery, [again])
    return 0
