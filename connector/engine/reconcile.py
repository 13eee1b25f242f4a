"""Reconcile: look for what may or may not be there, and settle it by proof alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connector.clock import utc
from connector.delivery import Absent, Found, Move, State, Wait, verdict
from connector.engine.attempt import finding_of, puzzled
from connector.engine.crew import Crew
from connector.engine.prepare import age_of, spelt_out, write_of
from connector.engine.wiring import Outlet, Tally, Wiring
from connector.errors import Finding, RemoteError, Scope, StaleRow, Transient, Uncertain
from connector.ledger import claims, deliveries, settling
from connector.ledger.deliveries import Delivery
from connector.ledger.moves import Step
from connector.ledger.rows import told
from connector.ledger.settling import Done
from connector.plugins import Do, Look, Outcome, Write

log = structlog.get_logger("connector.reconcile")

BATCH = 50
RETRY_LOOK = 30.0
CONTROLS = 3


def reconcile(wiring: Wiring, outlet: Outlet, crew: Crew, tally: Tally) -> int:
    """Look for every unsure delivery that is due; returns how many were looked for."""
    looked = 0
    while tally.error is None and not wiring.stop():
        rows = deliveries.unsure(wiring.db, outlet.name, wiring.clock.wall(), BATCH)
        mine = [row for row in rows if _reserved(wiring, outlet, row)]
        if not mine:
            break
        in_jobs = {row.job for row in mine if row.job}
        for job in sorted(in_jobs):
            looked += _job_unless_stopped(wiring, outlet, job, [row for row in mine if row.job == job], tally)
        looked += _each(wiring, outlet, crew, [row for row in mine if not row.job], tally)
        wiring.progress(f"look up {outlet.name}", looked, None)
    if looked:
        wiring.progress(f"look up {outlet.name}", looked, looked)
    return looked


def _reserved(wiring: Wiring, outlet: Outlet, row: Delivery) -> bool:
    return claims.hold(wiring.db, row, wiring.who, wiring.clock.wall(), outlet.lease_seconds)


def _each(wiring: Wiring, outlet: Outlet, crew: Crew, rows: Sequence[Delivery], tally: Tally) -> int:
    begun = [crew.begin(_unless_stopped, wiring, outlet, row, tally) for row in rows]
    return sum(each.result() for each in begun)


def _unless_stopped(wiring: Wiring, outlet: Outlet, row: Delivery, tally: Tally) -> bool:
    """One look; a row that is not looked for any more is free for others at once."""
    if wiring.stop() or tally.error is not None:
        claims.free(wiring.db, row, wiring.who)
        return False
    _one(wiring, outlet, row, tally)
    return True


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _job_unless_stopped(wiring: Wiring, outlet: Outlet, job: str, mine: Sequence[Delivery], tally: Tally) -> int:
    """One question; a job that is not asked for any more leaves its rows free for others at once."""
    if wiring.stop() or tally.error is not None:
        for row in mine:
            claims.free(wiring.db, row, wiring.who)
        return 0
    return _job(wiring, outlet, job, tally)


def _job(wiring: Wiring, outlet: Outlet, job: str, tally: Tally) -> int:
    """Ask what became of the call that these rows went in; returns how many there are."""
    rows = deliveries.of_job(wiring.db, outlet.name, job)
    if [row.place for row in rows] != list(range(len(rows))):  # results are told by place: some are missing here
        claims.forget_job(wiring.db, rows, wiring.clock.wall())
        return 0
    writes = [write_of(wiring, outlet, row, row.body or {}) for row in rows]
    try:
        answers = outlet.sink.ended({job: writes})
    except RemoteError as error:
        for row in rows:
            _looked_in_vain(wiring, row, error)
        _note(tally, error)
        return len(rows)
    tally.looked += 1
    if job not in answers:
        _still_worked_off(wiring, rows, job)
        return len(rows)
    for row, write, answer in zip(rows, writes, answers[job], strict=True):
        _told(wiring, row, write, answer)
    return len(rows)


def _still_worked_off(wiring: Wiring, rows: Sequence[Delivery], job: str) -> None:
    for row in rows:
        finding = Finding("job", row.name, f"job {job} has not ended yet", f"connector explain {row.name}")
        claims.keep_unsure(wiring.db, row, wiring.clock.wall() + RETRY_LOOK, None, finding)


def _told(wiring: Wiring, row: Delivery, write: Write, answer: Outcome) -> None:
    """What the job says of one: it is there, it was not done, or nobody knows and it is looked for by itself."""
    try:
        if isinstance(answer, Uncertain):
            claims.forget_job(wiring.db, [row], wiring.clock.wall())
        elif isinstance(answer, RemoteError):
            _absent(wiring, row, answer.what)
        else:
            note = f"found as {answer.number or answer.remote_id}"
            done = Done(answer, _settled_fields(row, write), note=note, happened=_happened(wiring, row))
            settling.settle(wiring.db, row, Move.FOUND, done, wiring.clock.wall())
    except StaleRow:
        log.info("somebody else settled it first", delivery=row.id)


# ── single looks ─────────────────────────────────────────────────────────────────────────────────────────────────


def _one(wiring: Wiring, outlet: Outlet, row: Delivery, tally: Tally) -> None:
    if row.do not in (Do.CREATE, Do.NOTIFY) and not row.remote_id:
        with suppress(StaleRow):
            _absent(wiring, row, "its ticket was never made at this sink")
        return
    try:
        row = spelt_out(wiring, outlet, row)
        write = write_of(wiring, outlet, row, row.body or {})
        look = _look(wiring, outlet, row, write)
    except RemoteError as error:
        _looked_in_vain(wiring, row, error)
        _note(tally, error)
        return
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 - a plugin's bug over one row must not stop the others
        _looked_in_vain(wiring, row, puzzled(row, error))
        return
    tally.looked += 1
    _decide(wiring, outlet, row, write, look)


def _note(tally: Tally, error: RemoteError) -> None:
    if error.scope is Scope.ACCOUNT:
        tally.error = error
    elif isinstance(error, Transient):
        tally.failed = error


def _look(wiring: Wiring, outlet: Outlet, row: Delivery, write: Write) -> Look:
    """Look for the write, with a control; one whose record somebody deleted since gives way to an older one."""
    for known in deliveries.controls(wiring.db, row, CONTROLS):
        look = outlet.sink.find(write, write_of(wiring, outlet, known, known.body or {}))
        if look.found or look.control:
            return look
    return outlet.sink.find(write, None)


def _decide(wiring: Wiring, outlet: Outlet, row: Delivery, write: Write, look: Look) -> None:
    now = wiring.clock.wall()
    since = None if row.empty_since is None else utc(row.empty_since)
    guarded = row.do is Do.UPDATE or outlet.sink.guards(write, age_of(wiring, row))
    decided = verdict(look, since, outlet.sink.settle_after, guarded)
    log.info("looked", delivery=row.id, verdict=type(decided).__name__)
    try:
        match decided:
            case Found(receipt, others):
                note = f"found as {receipt.number or receipt.remote_id}"
                if others:
                    note += "; also there, look at them: " + ", ".join(x.number or x.remote_id for x in others)
                fields = _settled_fields(row, write)
                done = Done(receipt, fields, note=note, happened=_happened(wiring, row))
                settling.settle(wiring.db, row, Move.FOUND, done, now)
            case Absent():
                _absent(wiring, row, "proved not to be there", by_guard=look.control is not True)
            case Wait(empty_since, seconds, reason):
                finding = Finding("unsure", row.name, reason, f"connector confirm {row.name} --sent ID | --absent")
                claims.keep_unsure(wiring.db, row, now + seconds, empty_since, finding)
    except StaleRow:
        log.info("somebody else settled it first", delivery=row.id)


def _happened(wiring: Wiring, row: Delivery) -> str:
    """What a ledger that is lost has sent, it has told people of, too."""
    return wiring.happened(row) if row.sent_at is not None else ""


def _settled_fields(row: Delivery, write: Write) -> dict[str, object]:
    """What of the payload is there now: all of a create, of an update what its body held."""
    if row.do is Do.UPDATE:
        return {name: value for name, value in (row.payload or {}).items() if name in write.body}
    return dict(row.payload or {}) if row.do is Do.CREATE else {}


def _absent(wiring: Wiring, row: Delivery, note: str, by_guard: bool = False) -> None:
    """Queue it again. `by_guard` marks what was believed only because the remote would refuse a second copy."""
    now = wiring.clock.wall()
    sets: dict[str, object] = {"due_at": now, "finding": None}
    if row.do is Do.UPDATE:
        sets["body"] = None  # decided anew: somebody may have changed the record since
    elif by_guard:
        sets["empty_since"] = row.empty_since
    # Somebody else may have proved the same meanwhile, and sent it again: what we saw says nothing about that.
    step = Step(row.id, row.ticket_id, State.UNSURE, Move.ABSENT, note, sets, held=row.unchanged)
    settling.settle_otherwise(wiring.db, row, step, now)
    if row.attempts >= wiring.policy.attempts:
        what = f"{row.attempts} tries were lost, and nothing is there"
        finding = Finding("lost", row.name, what, f"connector release {row.name}")
        said = {"finding": told(finding)}
        held = Step(row.id, row.ticket_id, State.QUEUED, Move.HELD, what, said, held=row.unchanged)
        settling.settle_otherwise(wiring.db, row, held, now)


def _looked_in_vain(wiring: Wiring, row: Delivery, error: RemoteError) -> None:
    now = wiring.clock.wall()
    wait = error.retry_after or RETRY_LOOK
    since = None if row.empty_since is None else utc(row.empty_since)
    claims.keep_unsure(wiring.db, row, now + wait, since, finding_of(row, error))
    log.info("could not look", delivery=row.id, code=error.code)
