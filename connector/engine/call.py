"""One call for some deliveries: prepare, pay, claim, send, settle."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog
from structlog.typing import FilteringBoundLogger

from connector.delivery import Move, State
from connector.engine.attempt import attempt, attempt_many, finding_of, outcome, outcome_of_many
from connector.engine.prepare import Doubt, Follow, Held, Over, Prepared, Ready, prepare
from connector.engine.wiring import Outlet, Wiring
from connector.errors import Finding, Permanent, RemoteError, Scope, StaleRow, Transient
from connector.ledger import claims, identity, settling
from connector.ledger.claims import Claim, Terms
from connector.ledger.database import LedgerError
from connector.ledger.deliveries import Delivery
from connector.ledger.moves import Step
from connector.ledger.rows import told
from connector.ledger.settling import Done, End, accepted
from connector.limits import BUDGET
from connector.plugins import Do, Job, Outcome
from connector.retry import next_try

log = structlog.get_logger("connector.deliver")


@dataclass(frozen=True, slots=True)
class Sending:
    """A delivery that is claimed, and what is sent for it."""

    row: Delivery
    ready: Ready


@dataclass(slots=True)
class Flying:
    """A job that the remote works off: what went in it, in order; since when, by the monotonic clock; and until when
    its claims last, by the wall clock."""

    job: str
    sent: tuple[Sending, ...]
    since: float
    until: float


@dataclass(slots=True)
class Told:
    """What a call came to. `errors` say something about the remote; `seconds` is what sending alone took."""

    touched: int = 0
    delivered: list[Do] = field(default_factory=list)
    blocked: int = 0
    errors: list[RemoteError] = field(default_factory=list)
    flying: Flying | None = None
    seconds: float = 0.0
    sent: int = 0
    refused_many: bool = False


def call(wiring: Wiring, outlet: Outlet, rows: Sequence[Delivery], together: bool) -> Told:
    """Everything for these deliveries, which go in one call where `together`. Raises LedgerError."""
    done = Told(touched=len(rows))
    ready = _ready(wiring, outlet, rows, done)
    if ready and _paid(wiring, outlet, ready, done):
        _send(wiring, outlet, ready, together, done)
    return done


def _ready(wiring: Wiring, outlet: Outlet, rows: Sequence[Delivery], done: Told) -> list[Sending]:
    ready = []
    for row, prepared in zip(rows, prepare(wiring, outlet, rows), strict=True):
        if isinstance(prepared, Ready):
            ready.append(Sending(row, prepared))
        elif isinstance(prepared, RemoteError):
            _unprepared(wiring, row, prepared, done)
        else:
            _end(wiring, row, prepared, done)
    return ready


def _paid(wiring: Wiring, outlet: Outlet, ready: Sequence[Sending], done: Told) -> bool:
    """A slot of the budget, before anything is claimed: nothing waits between claim and send."""
    try:
        outlet.limiter.take(outlet.sink.cost([each.ready.write for each in ready]))
    except RemoteError as error:
        for each in ready:
            _unprepared(wiring, each.row, error, done)
        return False
    return True


# ── what is not sent ─────────────────────────────────────────────────────────────────────────────────────────────


def _unprepared(wiring: Wiring, row: Delivery, error: RemoteError, done: Told) -> None:
    """Nothing was claimed: the row waits where it is, or is held where the remote refused to be asked."""
    now = wiring.clock.wall()
    if isinstance(error, Permanent) and error.scope is Scope.ROW:
        _hold(wiring, row, finding_of(row, error), done)
        return
    if error.code == BUDGET and error.scope is Scope.ROW:  # our own limit: no fault of the row, none of the remote
        claims.postpone(wiring.db, row, now + (error.retry_after or 0.0), finding_of(row, error), tried=False)
        return
    done.errors.append(error)
    if error.scope is Scope.ROW:
        wait = next_try(wiring.policy, row.attempts + 1, error.retry_after, random.random())  # noqa: S311
        if wait is None:
            _hold(wiring, row, finding_of(row, error), done)
        else:
            claims.postpone(wiring.db, row, now + wait, finding_of(row, error))


def _end(wiring: Wiring, row: Delivery, prepared: Prepared, done: Told) -> None:
    now = wiring.clock.wall()
    match prepared:
        case Over(note):
            _step(wiring, row, Step(row.id, row.ticket_id, State.QUEUED, Move.ENDED, note), now)
        case Held(finding):
            _hold(wiring, row, finding, done)
        case Doubt(note):
            since = {"due_at": now, "empty_since": None}
            _step(wiring, row, Step(row.id, row.ticket_id, State.QUEUED, Move.RESTORED, note, since), now)
        case Follow(closed):
            try:
                done.blocked += settling.follow_up(wiring.db, row, closed, now)
            except StaleRow:
                log.info("somebody else moved it first", delivery=row.id)


def _hold(wiring: Wiring, row: Delivery, finding: Finding, done: Told) -> None:
    step = Step(row.id, row.ticket_id, State.QUEUED, Move.HELD, finding.code, {"finding": told(finding)})
    done.blocked += _step(wiring, row, step, wiring.clock.wall())


def _step(wiring: Wiring, row: Delivery, step: Step, now: float) -> bool:
    try:
        settling.settle_otherwise(wiring.db, row, replace(step, held=row.unchanged), now)
    except StaleRow:
        log.info("somebody else moved it first", delivery=row.id)
        return False
    return True


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────────────────


def _send(wiring: Wiring, outlet: Outlet, ready: Sequence[Sending], together: bool, done: Told) -> None:
    clock = wiring.clock
    claimed_at, started = clock.wall(), clock.monotonic()
    terms = Terms(wiring.who, claimed_at, outlet.lease_seconds, together)
    wanted = {each.row.id: each for each in ready}
    mine = claims.claim(wiring.db, [Claim(each.row, each.ready.write.body) for each in ready], terms)
    sending = [wanted[claim.row.id] for claim in mine]
    if not sending:
        return
    if (unsent := _unfit(wiring, outlet, claimed_at, started)) is not None:
        settle(wiring, sending, [unsent] * len(sending), done)
        return
    began = clock.monotonic()
    answer = _sent(outlet, sending, together)
    done.seconds, done.sent = clock.monotonic() - began, len(sending)
    if isinstance(answer, Job):
        until = clock.wall() + outlet.lease_seconds
        claims.note_job(wiring.db, [each.row for each in sending], answer.id, claimed_at, until)
        done.flying = Flying(answer.id, tuple(sending), began, until)
    elif isinstance(answer, RemoteError):
        done.refused_many = together and _declined(answer)
        _settle_as_one(wiring, sending, answer, done)
    else:
        settle(wiring, sending, answer, done)


def _unfit(wiring: Wiring, outlet: Outlet, claimed_at: float, started: float) -> RemoteError | None:
    """What keeps a claim from being sent: no stamp could be left, or its lease may end before the call does."""
    clock = wiring.clock
    try:
        identity.stamp(wiring.db, wiring.base, wiring.site, claimed_at)
    except LedgerError as error:
        return Transient(error.what, error.remedy, code="no-stamp", scope=Scope.ACCOUNT)
    left = outlet.lease_seconds - max(clock.wall() - claimed_at, clock.monotonic() - started)
    if left < outlet.sink.call_seconds or clock.wall() < claimed_at:
        return Transient("this process was held up; the claim is given back")
    return None


def _sent(outlet: Outlet, sending: Sequence[Sending], together: bool) -> Sequence[Outcome] | Job | RemoteError:
    writes = [each.ready.write for each in sending]
    return attempt_many(outlet.sink, writes) if together else [attempt(outlet.sink, writes[0])]


# ── how it ended ─────────────────────────────────────────────────────────────────────────────────────────────────


def settle(wiring: Wiring, sending: Sequence[Sending], answers: Sequence[Outcome], done: Told) -> None:
    """Commit each delivery's own outcome, in one commit where nobody else moved one of them."""
    now = wiring.clock.wall()
    ends = [_ended(wiring, each, answer, now) for each, answer in zip(sending, answers, strict=True)]
    _commit(wiring, ends, now)
    say = log.bind()  # once: for each line it is looked up anew
    for end, answer in zip(ends, answers, strict=True):
        _count(end, answer, done, say)


def _settle_as_one(wiring: Wiring, sending: Sequence[Sending], error: RemoteError, done: Told) -> None:
    """The call as a whole came to nothing, or nobody knows to what."""
    if len(sending) == 1:
        settle(wiring, sending, [error], done)
        return
    now = wiring.clock.wall()
    steps = [(each.row, outcome_of_many(wiring, each.row, error, now)) for each in sending]
    ends = [End(row, replace(step, holder=wiring.who)) for row, step in steps]
    _commit(wiring, ends, now)
    log.info("not delivered", deliveries=len(sending), move=ends[0].step.move.value, code=error.code)
    if not _declined(error):
        done.errors.append(error)


def _declined(error: RemoteError) -> bool:
    """The remote does not take this call for many; by themselves the writes may well be taken."""
    return isinstance(error, Permanent) and (error.scope is Scope.ROW or error.code in _NO_SUCH_CALL)


_NO_SUCH_CALL = frozenset({"forbidden", "no-api"})
# Our own limit, and a record that may be there already: neither says that anything is wrong with the remote.
_OF_THIS_ROW = frozenset({BUDGET, "maybe-done"})


def _ended(wiring: Wiring, each: Sending, answer: Outcome, now: float) -> End:
    row, ready = each.row, each.ready
    if isinstance(answer, RemoteError):
        return End(row, replace(outcome(wiring, row, answer, now), holder=wiring.who))
    done = Done(answer, ready.fields, ready.left, ready.findings, happened=wiring.happened(row))
    return accepted(row, Move.ACCEPTED, done, wiring.who)


def _commit(wiring: Wiring, ends: Sequence[End], now: float) -> None:
    for end in settling.settle_each(wiring.db, ends, now):
        log.info("somebody else moved it first", delivery=end.row.id)
        if end.done is not None:
            # The claim ran out meanwhile and the row is unsure; the receipt is better than a look.
            settling.settle_each(wiring.db, [accepted(end.row, Move.FOUND, end.done)], now)


def _count(end: End, answer: Outcome, done: Told, say: FilteringBoundLogger) -> None:
    if not isinstance(answer, RemoteError):
        done.delivered.append(end.row.do)
        say.info("delivered", delivery=end.row.id, do=end.row.do.value, number=answer.number)
        return
    refused = end.step.move is Move.REFUSED
    done.blocked += refused
    if not refused and not (answer.code in _OF_THIS_ROW and answer.scope is Scope.ROW):
        done.errors.append(answer)
    say.info("not delivered", delivery=end.row.id, move=end.step.move.value, code=answer.code, status=answer.status)
