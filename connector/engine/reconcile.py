"""Reconcile: look for what may or may not be there, and settle it by proof alone."""

from __future__ import annotations

from dataclasses import asdict

import structlog

from connector.clock import utc
from connector.delivery import Absent, Found, Move, State, Wait, verdict
from connector.engine.deliver import finding_of
from connector.engine.prepare import spelt_out, write_of
from connector.engine.wiring import Outlet, Tally, Wiring
from connector.errors import Finding, RemoteError, Scope, StaleRow
from connector.ledger import deliveries
from connector.ledger.deliveries import Delivery, Done
from connector.ledger.moves import Step
from connector.ledger.rows import dump
from connector.plugins import Do, Look, Write

log = structlog.get_logger("connector.reconcile")

BATCH = 50
RETRY_LOOK = 30.0


def reconcile(wiring: Wiring, outlet: Outlet, tally: Tally) -> int:
    """Look for every unsure delivery that is due; returns how many were looked for."""
    looked = 0
    while tally.error is None and not wiring.stop():
        rows = deliveries.unsure(wiring.db, outlet.name, wiring.clock.wall(), BATCH)
        if not rows:
            break
        for row in rows:
            if deliveries.hold(wiring.db, row, wiring.who, wiring.clock.wall(), outlet.lease_seconds):
                _one(wiring, outlet, row, tally)
                looked += 1
            if tally.error is not None or wiring.stop():
                break
        wiring.progress(f"look up {outlet.name}", looked, None)
    return looked


def _one(wiring: Wiring, outlet: Outlet, row: Delivery, tally: Tally) -> None:
    if row.do is not Do.CREATE and not row.remote_id:
        _absent(wiring, row, "its ticket was never made at this sink")
        return
    try:
        row = spelt_out(wiring, outlet, row)
        write = write_of(wiring, outlet, row, row.body or {})
        look = outlet.sink.find(write, _control(wiring, outlet, row))
    except RemoteError as error:
        _looked_in_vain(wiring, row, error)
        if error.scope is Scope.ACCOUNT:
            tally.error = error
        return
    _decide(wiring, outlet, row, write, look)


def _control(wiring: Wiring, outlet: Outlet, row: Delivery) -> Write | None:
    known = deliveries.control(wiring.db, row)
    return None if known is None else write_of(wiring, outlet, known, known.body or {})


def _decide(wiring: Wiring, outlet: Outlet, row: Delivery, write: Write, look: Look) -> None:
    now = wiring.clock.wall()
    first = deliveries.first_sent(wiring.db, row)  # a key that the remote keeps for a while counts from the first try
    age = now - first if first is not None else float("inf")
    since = None if row.empty_since is None else utc(row.empty_since)
    guarded = row.do is Do.UPDATE or outlet.sink.guards(write, age)
    decided = verdict(look, since, outlet.sink.settle_after, guarded)
    log.info("looked", delivery=row.id, verdict=type(decided).__name__)
    try:
        match decided:
            case Found(receipt, others):
                note = f"found as {receipt.number or receipt.remote_id}"
                if others:
                    note += "; also there, look at them: " + ", ".join(x.number or x.remote_id for x in others)
                fields = _settled_fields(row, write)
                deliveries.settle(wiring.db, row, Move.FOUND, Done(receipt, fields, note=note), now)
            case Absent():
                _absent(wiring, row, "proved not to be there")
            case Wait(empty_since, seconds, reason):
                finding = Finding("unsure", row.name, reason, f"connector confirm {row.name} --sent ID | --absent")
                deliveries.keep_unsure(wiring.db, row, now + seconds, empty_since, finding)
    except StaleRow:
        log.info("somebody else settled it first", delivery=row.id)


def _settled_fields(row: Delivery, write: Write) -> dict[str, object]:
    """What of the payload is there now: all of a create, of an update what its body held."""
    if row.do is Do.UPDATE:
        return {name: value for name, value in (row.payload or {}).items() if name in write.body}
    return dict(row.payload or {}) if row.do is Do.CREATE else {}


def _absent(wiring: Wiring, row: Delivery, note: str) -> None:
    now = wiring.clock.wall()
    # An update is decided anew: somebody may have changed the record since.
    sets = {"due_at": now, "finding": None} | ({"body": None} if row.do is Do.UPDATE else {})
    step = Step(row.id, row.ticket_id, State.UNSURE, Move.ABSENT, note, sets)
    deliveries.settle_otherwise(wiring.db, row, step, now)
    if row.attempts >= wiring.policy.attempts:
        what = f"{row.attempts} tries were lost, and nothing is there"
        finding = Finding("lost", row.name, what, f"connector release {row.name}")
        held = Step(row.id, row.ticket_id, State.QUEUED, Move.HELD, what, {"finding": dump(asdict(finding))})
        deliveries.settle_otherwise(wiring.db, row, held, now)


def _looked_in_vain(wiring: Wiring, row: Delivery, error: RemoteError) -> None:
    now = wiring.clock.wall()
    wait = error.retry_after or RETRY_LOOK
    since = None if row.empty_since is None else utc(row.empty_since)
    deliveries.keep_unsure(wiring.db, row, now + wait, since, finding_of(row, error))
    log.info("could not look", delivery=row.id, code=error.code)
