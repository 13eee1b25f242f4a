"""Deliver: claim, send, settle. One delivery at a time, so that a ticket's writes keep their order."""

from __future__ import annotations

import random
import traceback
from dataclasses import replace

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connector.delivery import Move, State
from connector.engine.prepare import Doubt, Follow, Held, Over, Prepared, Ready, prepare
from connector.engine.wiring import Outlet, Tally, Wiring
from connector.errors import Finding, Permanent, RemoteError, Scope, StaleRow, Transient, Uncertain
from connector.ledger import deliveries, identity
from connector.ledger.database import LedgerError
from connector.ledger.deliveries import Delivery, Done
from connector.ledger.moves import Step
from connector.ledger.rows import told
from connector.plugins import Do, Receipt, Sink, Write
from connector.retry import next_try

log = structlog.get_logger("connector.deliver")

BATCH = 50
# So many failures in a row, and this sink rests until the next run: something is wrong there.
FAILURES = 6

_COUNTED = {
    Do.CREATE: "created",
    Do.UPDATE: "updated",
    Do.COMMENT: "commented",
    Do.ATTACH: "attached",
    Do.LINK: "linked",
}


def deliver(wiring: Wiring, outlet: Outlet, tally: Tally) -> int:
    """Send what is due; returns how many deliveries were touched.

    Stops at an error that concerns the whole account, which it leaves in `tally.error`.
    """
    touched = failures = 0
    passed: set[int] = set()
    while tally.error is None and failures < FAILURES:
        rows = [
            row for row in deliveries.due(wiring.db, outlet.name, wiring.clock.wall(), BATCH) if row.id not in passed
        ]
        if not rows:
            break
        for row in rows:
            if wiring.stop():
                return touched
            error = _one(wiring, outlet, row, tally)
            passed.add(row.id)  # once in a pass: what could not be claimed now is somebody else's at the moment
            touched += 1
            failures = failures + 1 if error is not None else 0
            if isinstance(error, Transient):
                tally.failed = error
            wiring.progress(f"deliver {outlet.name}", tally.done, None)
            if error is not None and (error.scope is Scope.ACCOUNT or failures == FAILURES):
                tally.error = error
                break
    return touched


def _one(wiring: Wiring, outlet: Outlet, row: Delivery, tally: Tally) -> RemoteError | None:
    """Everything for one delivery; returns the error that says something about the remote, if any."""
    try:
        prepared = prepare(wiring, outlet, row)
        if isinstance(prepared, Ready):
            outlet.limiter.take()
    except RemoteError as error:
        return _unprepared(wiring, row, error, tally)
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 - a plugin's bug over one row must not stop the others
        return _unprepared(wiring, row, puzzled(row, error), tally)
    try:
        if isinstance(prepared, Ready):
            return _send(wiring, outlet, row, prepared, tally)
        _end(wiring, row, prepared, tally)
    except StaleRow:
        log.info("somebody else moved it first", delivery=row.id)
    return None


def _unprepared(wiring: Wiring, row: Delivery, error: RemoteError, tally: Tally) -> RemoteError | None:
    """Nothing was claimed: the row waits where it is, or is held where the remote refused to be asked."""
    now = wiring.clock.wall()
    if isinstance(error, Permanent) and error.scope is Scope.ROW:
        _hold(wiring, row, finding_of(row, error), tally)
        return None
    if error.scope is Scope.ROW:
        wait = next_try(wiring.policy, row.attempts + 1, error.retry_after, random.random())  # noqa: S311
        if wait is None:
            _hold(wiring, row, finding_of(row, error), tally)
        else:
            deliveries.postpone(wiring.db, row, now + wait, finding_of(row, error))
    return error


def _end(wiring: Wiring, row: Delivery, prepared: Prepared, tally: Tally) -> None:
    now = wiring.clock.wall()
    match prepared:
        case Over(note):
            step = Step(row.id, row.ticket_id, State.QUEUED, Move.ENDED, note)
            deliveries.settle_otherwise(wiring.db, row, step, now)
        case Held(finding):
            _hold(wiring, row, finding, tally)
        case Doubt(note):
            step = Step(row.id, row.ticket_id, State.QUEUED, Move.RESTORED, note, {"due_at": now, "empty_since": None})
            deliveries.settle_otherwise(wiring.db, row, step, now)
        case Follow(closed):
            tally.blocked += deliveries.follow_up(wiring.db, row, closed, now)


def _hold(wiring: Wiring, row: Delivery, finding: Finding, tally: Tally) -> None:
    step = Step(row.id, row.ticket_id, State.QUEUED, Move.HELD, finding.code, {"finding": told(finding)})
    deliveries.settle_otherwise(wiring.db, row, step, wiring.clock.wall())
    tally.blocked += 1


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _send(wiring: Wiring, outlet: Outlet, row: Delivery, ready: Ready, tally: Tally) -> RemoteError | None:
    clock = wiring.clock
    claimed_at, started = clock.wall(), clock.monotonic()
    lease = outlet.lease_seconds
    if not deliveries.claim(wiring.db, row, ready.write.body, wiring.who, claimed_at, lease):
        return None
    try:
        identity.stamp(wiring.db, wiring.base, wiring.site, claimed_at)
    except LedgerError as error:
        unsent = Transient(error.what, error.remedy, code="no-stamp", scope=Scope.ACCOUNT)
        return _settle(wiring, row, ready, unsent, tally)
    left = lease - max(clock.wall() - claimed_at, clock.monotonic() - started)
    if left < outlet.sink.call_seconds or clock.wall() < claimed_at:
        return _settle(wiring, row, ready, Transient("this process was held up; the claim is given back"), tally)
    return _settle(wiring, row, ready, attempt(outlet.sink, ready.write), tally)


def attempt(sink: Sink, write: Write) -> Receipt | RemoteError:
    """One call. Whatever is not known to be refused or undone is Uncertain, our own bugs included."""
    calls = {Do.CREATE: sink.create, Do.UPDATE: sink.update, Do.COMMENT: sink.comment, Do.ATTACH: sink.attach}
    try:
        return calls[write.do](write)
    except RemoteError as error:
        return error
    except Exception as error:  # noqa: BLE001 - nobody knows how far it came
        # Where it failed, and nothing of what it said: a message may quote the ticket.
        log.error("the sink failed", write=repr(write), error=type(error).__name__, at=_place(error))
        return Uncertain(f"the sink failed in a way it should not ({type(error).__name__})", "report this as a bug")


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _settle(
    wiring: Wiring, row: Delivery, ready: Ready, answer: Receipt | RemoteError, tally: Tally
) -> RemoteError | None:
    now = wiring.clock.wall()
    if isinstance(answer, RemoteError):
        step = replace(outcome(wiring, row, answer, now), holder=wiring.who)
        deliveries.settle_otherwise(wiring.db, row, step, now)
        tally.blocked += step.move is Move.REFUSED
        log.info("not delivered", delivery=row.id, move=step.move.value, code=answer.code, status=answer.status)
        return None if step.move is Move.REFUSED else answer
    done = Done(answer, ready.fields, ready.left, ready.findings)
    try:
        deliveries.settle(wiring.db, row, Move.ACCEPTED, done, now, wiring.who)
    except StaleRow:  # the claim ran out meanwhile and the row is unsure; the receipt is better than a look
        deliveries.settle(wiring.db, row, Move.FOUND, done, now)
    setattr(tally, _COUNTED[row.do], getattr(tally, _COUNTED[row.do]) + 1)
    log.info("delivered", delivery=row.id, do=row.do.value, number=answer.number)
    return None


def outcome(wiring: Wiring, row: Delivery, error: RemoteError, now: float) -> Step:
    """What an error does to a delivery that was being sent."""
    finding = told(finding_of(row, error))
    tried = row.attempts + 1
    if isinstance(error, Uncertain):
        spent = row.attempts if error.scope is Scope.ACCOUNT else tried
        lost = {"finding": finding, "attempts": spent, "due_at": now}
        return Step(row.id, row.ticket_id, State.SENDING, Move.LOST, error.what, lost)
    if error.scope is Scope.ACCOUNT:  # nothing wrong with this row: it goes back untouched
        back = {"finding": finding, "attempts": row.attempts, "due_at": now + (error.retry_after or 0.0)}
        return Step(row.id, row.ticket_id, State.SENDING, Move.DEFERRED, error.what, back)
    if isinstance(error, Permanent) and error.code != "closed":
        return Step(row.id, row.ticket_id, State.SENDING, Move.REFUSED, error.what, {"finding": finding})
    wait = next_try(wiring.policy, tried, error.retry_after, random.random())  # noqa: S311 - spreads load
    if wait is None:
        note = f"{tried} tries are spent"
        return Step(row.id, row.ticket_id, State.SENDING, Move.REFUSED, note, {"finding": finding})
    # A record that was closed between our reading and our writing: the next try reads that, and follows the mapping.
    sets = {"finding": finding, "due_at": now + wait}
    return Step(row.id, row.ticket_id, State.SENDING, Move.DEFERRED, error.what, sets)


def puzzled(row: Delivery, error: Exception) -> RemoteError:
    """An exception that no sink should raise, as something a person can read; logged by place, never by its words."""
    log.error("the sink failed", delivery=row.id, error=type(error).__name__, at=_place(error))
    what = f"the sink failed in a way it should not ({type(error).__name__})"
    return Permanent(what, "report this as a bug", code="sink-failed")


def finding_of(row: Delivery, error: RemoteError) -> Finding:
    """What is shown to a person about this delivery."""
    remedy = error.remedy or f"connector explain {row.name}"
    return Finding(error.code, row.name, error.what, remedy)
