"""Jobs: calls for many that the remote works off later. One look at all of them, again and again, until they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from connector.delivery import Move, State
from connector.engine.attempt import finding_of, puzzled
from connector.engine.call import Flying, Told, settle
from connector.engine.wiring import Outlet, Wiring
from connector.errors import RemoteError, Uncertain
from connector.ledger import claims, settling
from connector.ledger.deliveries import Delivery
from connector.ledger.moves import Step
from connector.ledger.rows import told
from connector.ledger.settling import End
from connector.plugins import Outcome

log = structlog.get_logger("connector.deliver")

# Seconds between two looks: the first comes soon, for a remote that is quick; then they are spread out.
SOONEST, LATEST = 0.25, 5.0
# So long a job may take before this run lets go of it; the next ones go on asking.
STUCK = 900.0


@dataclass(slots=True)
class Looked:
    """What one look showed: the jobs that ended, each with what it came to, and the error of a look that failed."""

    ended: list[tuple[Flying, Told]] = field(default_factory=list)
    error: RemoteError | None = None


def look(wiring: Wiring, outlet: Outlet, flying: Sequence[Flying]) -> Looked:
    """Ask for all jobs at once, settle those that ended, and keep the claims of the others. Raises LedgerError."""
    looked = Looked()
    answers: Mapping[str, Sequence[Outcome]] = {}
    try:
        answers = outlet.sink.ended({each.job: [sent.ready.write for sent in each.sent] for each in flying})
    except RemoteError as error:
        looked.error = error
    except Exception as error:  # noqa: BLE001 - the jobs go on; a later look may read them
        looked.error = puzzled(flying[0].sent[0].row, error)
    for each in flying:
        if each.job in answers:
            looked.ended.append((each, _settled(wiring, each, answers[each.job])))
        else:
            _keep(wiring, outlet, each)
    return looked


def _settled(wiring: Wiring, flying: Flying, answers: Sequence[Outcome]) -> Told:
    done = Told(seconds=wiring.clock.monotonic() - flying.since, sent=len(flying.sent))
    settle(wiring, flying.sent, answers, done)
    log.info("a job ended", job=flying.job, delivered=len(done.delivered), of=len(flying.sent))
    return done


def _keep(wiring: Wiring, outlet: Outlet, flying: Flying) -> None:
    """Prolong the claims before they run out."""
    now, lease = wiring.clock.wall(), outlet.lease_seconds
    if not now < flying.until - lease / 2 < now + lease:
        flying.until = now + lease
        claims.prolong(wiring.db, wiring.who, [sent.row for sent in flying.sent], flying.until)


def let_go(wiring: Wiring, flying: Sequence[Flying]) -> None:
    """This run does not wait for these jobs any longer: what went in them is unsure until they are asked for again."""
    now = wiring.clock.wall()
    for each in flying:
        what = f"job {each.job} has not ended yet"
        ends = [End(sent.row, _lost(sent.row, Uncertain(what, code="job"), now, wiring.who)) for sent in each.sent]
        settling.settle_each(wiring.db, ends, now)
        log.info("a job is left to a later run", job=each.job, deliveries=len(ends))


def _lost(row: Delivery, error: Uncertain, now: float, who: str) -> Step:
    sets = {"finding": told(finding_of(row, error)), "due_at": now}
    return Step(row.id, row.ticket_id, State.SENDING, Move.LOST, error.what, sets, who)
