"""Claims: the intent to send, committed before anything leaves, and what becomes of claims whose process is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.exc import IntegrityError

from connector.delivery import OPEN, Move, State
from connector.errors import Finding, StaleRow
from connector.ledger.database import Database
from connector.ledger.deliveries import Delivery
from connector.ledger.leases import FARTHEST, is_dead
from connector.ledger.moves import Step, move, move_all
from connector.ledger.rows import dump, each, slices, told
from connector.ledger.schema import delivery
from connector.ledger.states import stands


@dataclass(frozen=True, slots=True)
class Claim:
    """The intent to send `body` for one delivery."""

    row: Delivery
    body: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose a claim is and until when, in seconds; `together` says that the writes go in one call."""

    who: str
    now: float
    lease_seconds: float
    together: bool = False


def claim(db: Database, wanted: Sequence[Claim], terms: Terms) -> list[Claim]:
    """Commit the intent to send; returns what is now this process's to send.

    The others are another process's by now, or were changed since they were read.
    """
    steps = [_claiming(each, terms) for each in wanted]
    if _moved(db, steps, terms.now):
        return list(wanted)
    if len(wanted) == 1:
        return []
    return [each for each in wanted if claim(db, [each], terms)]


def _claiming(wanted: Claim, terms: Terms) -> Step:
    row = wanted.row
    sets = {
        "body": dump(wanted.body),
        "remote_id": row.remote_id or None,
        "attempts": row.attempts + 1,
        "lease_until": terms.now + terms.lease_seconds,
        "holder": terms.who,
        "sent_at": terms.now,
        "job": "" if terms.together else None,
        "empty_since": None,  # what was seen before this attempt says nothing about it
    }
    note = f"attempt {row.attempts + 1}"
    return Step(row.id, row.ticket_id, State.QUEUED, Move.CLAIMED, note, sets, held=row.unchanged, first=True)


def _moved(db: Database, steps: Sequence[Step], now: float) -> bool:
    try:
        with db.write() as connection:
            move_all(connection, steps, now)
            advance_generation(connection)
    except (StaleRow, IntegrityError):
        return False
    return True


def advance_generation(connection: Connection) -> None:
    """Something is about to leave: a backup taken before now can no longer speak for the remote."""
    connection.exec_driver_sql(
        "UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'generation'"
    )


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def note_job(db: Database, rows: Sequence[Delivery], job: str, began: float, until: float) -> None:
    """Commit the name that the remote gave to the call, and each row's place in it, whoever holds the rows by now;
    claims last until `until`. Only of the attempt that `began` then: an answer may be very late."""
    sent = [{"row": row.id, "name": job, "at": place, "began": began, "until": until} for place, row in enumerate(rows)]
    with db.write() as connection:
        each(connection, _NOTED, sent)


def prolong(db: Database, who: str, rows: Sequence[Delivery], until: float) -> None:
    """The claims of this process last until `until`."""
    with db.write() as connection:
        for some in slices(rows):
            mine = update(delivery).where(delivery.c.id.in_([row.id for row in some]), delivery.c.holder == who)
            connection.execute(mine.where(delivery.c.state == State.SENDING.value).values(lease_until=until))


def forget_job(db: Database, rows: Sequence[Delivery], now: float) -> None:
    """The remote cannot say what became of the call: from now on its rows are looked for one by one."""
    with db.write() as connection:
        for some in slices(rows):
            unsure = update(delivery).where(delivery.c.id.in_([row.id for row in some]))
            values = {"job": "", "place": None, "due_at": now, "lease_until": None, "holder": None}
            connection.execute(unsure.where(delivery.c.state == State.UNSURE.value).values(values))


_NOTED = (
    update(delivery)
    .where(
        delivery.c.id == bindparam("row"), stands(*OPEN), delivery.c.job == "", delivery.c.sent_at == bindparam("began")
    )
    .values(job=bindparam("name"), place=bindparam("at"), lease_until=bindparam("until"))
)


# ── looking and waiting ──────────────────────────────────────────────────────────────────────────────────────────


def hold(db: Database, row: Delivery, who: str, now: float, seconds: float) -> bool:
    """Reserve an unsure delivery for looking, so that two processes do not settle it at once."""
    free = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until < now)
    mine = update(delivery).where(delivery.c.id == row.id, delivery.c.state == State.UNSURE.value, free)
    with db.write() as connection:
        return connection.execute(mine.values(lease_until=now + seconds, holder=who)).rowcount == 1


def free(db: Database, row: Delivery, who: str) -> None:
    """Give back an unsure delivery that was reserved for looking."""
    mine = update(delivery).where(delivery.c.id == row.id, delivery.c.holder == who)
    with db.write() as connection:
        connection.execute(mine.where(delivery.c.state == State.UNSURE.value).values(lease_until=None, holder=None))


def keep_unsure(db: Database, row: Delivery, due_at: float, empty_since: datetime | None, finding: Finding) -> None:
    """Nothing is proved yet: look again at `due_at`. What was seen says nothing about an attempt made since."""
    since = None if empty_since is None else empty_since.timestamp()
    still = update(delivery).where(
        *(delivery.c.id == row.id, delivery.c.state == State.UNSURE.value),
        delivery.c.sent_at.is_not_distinct_from(row.sent_at),
    )
    with db.write() as connection:
        values = {"due_at": due_at, "empty_since": since, "lease_until": None, "holder": None}
        connection.execute(still.values(finding=told(finding), **values))


def postpone(db: Database, row: Delivery, due_at: float, finding: Finding, tried: bool = True) -> None:
    """A queued delivery could not be prepared, which counts as an attempt where it was `tried`; again at `due_at`."""
    still = update(delivery).where(delivery.c.id == row.id, delivery.c.state == State.QUEUED.value)
    with db.write() as connection:
        values = {"attempts": row.attempts + tried, "due_at": due_at}
        connection.execute(still.values(finding=told(finding), **values))


def lose_expired(db: Database, now: float) -> int:
    """A claim that ran out, or whose process is certainly dead, leaves its delivery unsure; returns how many.

    What was written while the clock was far ahead is due now.
    """
    flying = select(delivery.c.id, delivery.c.ticket_id, delivery.c.lease_until, delivery.c.holder)
    lost = 0
    with db.write() as connection:
        rows = connection.execute(flying.where(delivery.c.state == State.SENDING.value)).all()
        for row in rows:
            if not now <= row.lease_until < now + FARTHEST or is_dead(row.holder or ""):
                note = "the process that was sending it ended"
                step = Step(row.id, row.ticket_id, State.SENDING, Move.LOST, note, {"due_at": now})
                move(connection, step, now)
                lost += 1
        _free_dead_looks(connection, now)
        for state in (State.QUEUED, State.UNSURE):
            astray = update(delivery).where(delivery.c.state == state.value, delivery.c.due_at > now + FARTHEST)
            connection.execute(astray.values(due_at=now))
    return lost


def _free_dead_looks(connection: Connection, now: float) -> None:
    held = select(delivery.c.id, delivery.c.holder, delivery.c.lease_until).where(
        delivery.c.state == State.UNSURE.value, delivery.c.lease_until.is_not(None)
    )
    rows = connection.execute(held).all()
    dead = [row.id for row in rows if row.lease_until > now + FARTHEST or is_dead(row.holder or "")]
    if dead:
        mine = update(delivery).where(delivery.c.state == State.UNSURE.value, delivery.c.id.in_(dead))
        connection.execute(mine.values(lease_until=None, holder=None))
