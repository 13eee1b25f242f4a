"""One call to a sink, and what its answer does to a delivery."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from connector.delivery import Move, State
from connector.engine.wiring import Wiring
from connector.errors import Finding, Permanent, RemoteError, Scope, Uncertain
from connector.ledger.deliveries import Delivery
from connector.ledger.moves import Step
from connector.ledger.rows import told
from connector.limits import BUDGET
from connector.plugins import Do, Job, Outcome, Receipt, Sink, Write
from connector.retry import next_try

log = structlog.get_logger("connector.deliver")

Answer = TypeVar("Answer")


def attempt(sink: Sink, write: Write) -> Outcome:
    """One call for one write. Whatever is not known to be refused or undone is Uncertain, our own bugs included."""
    call: Callable[[Write], Receipt] = getattr(sink, write.do.value)
    return _judged(lambda: call(write), [write])


def attempt_many(sink: Sink, writes: Sequence[Write]) -> Sequence[Outcome] | Job | RemoteError:
    """One call for many writes: an outcome for each, a job, or the error that holds of all."""
    call = sink.create_many if writes[0].do is Do.CREATE else sink.update_many
    answer = _judged(lambda: call(writes), writes)
    if isinstance(answer, Job | RemoteError) or len(answer) == len(writes):
        return answer
    log.error("the sink failed", writes=len(writes), error="another number of outcomes")
    return Uncertain("the sink gave another number of outcomes than it was given writes", "report this as a bug")


def _judged(call: Callable[[], Answer], writes: Sequence[Write]) -> Answer | RemoteError:
    try:
        return call()
    except RemoteError as error:
        return error
    except Exception as error:  # noqa: BLE001 - nobody knows how far it came
        # Where it failed, and nothing of what it said: a message may quote the ticket.
        log.error("the sink failed", write=repr(writes[0]), error=type(error).__name__, at=place_of(error))
        return Uncertain(_failed(error), "report this as a bug")


def puzzled(row: Delivery, error: Exception) -> RemoteError:
    """An exception that no sink should raise, as something a person can read; logged by place, never by its words."""
    log.error("the sink failed", delivery=row.id, error=type(error).__name__, at=place_of(error))
    return Permanent(_failed(error), "report this as a bug", code="sink-failed")


def _failed(error: Exception) -> str:
    return f"the sink failed in a way it should not ({type(error).__name__})"


def place_of(error: Exception) -> str:
    """Where in the code an exception was raised; nothing of what it said."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def outcome(wiring: Wiring, row: Delivery, error: RemoteError, now: float) -> Step:
    """What an error does to a delivery that was being sent."""
    finding = told(finding_of(row, error))
    tried = row.attempts + 1
    if isinstance(error, Uncertain):
        spent = row.attempts if error.scope is Scope.ACCOUNT else tried
        lost = {"finding": finding, "attempts": spent, "due_at": now}
        return Step(row.id, row.ticket_id, State.SENDING, Move.LOST, error.what, lost)
    if error.scope is Scope.ACCOUNT or error.code == BUDGET:  # nothing wrong with this row: it goes back untouched
        return _untouched(row, error, now)
    if isinstance(error, Permanent) and error.code != "closed":
        return Step(row.id, row.ticket_id, State.SENDING, Move.REFUSED, error.what, {"finding": finding})
    wait = next_try(wiring.policy, tried, error.retry_after, random.random())  # noqa: S311 - spreads load
    if wait is None:
        note = f"{tried} tries are spent"
        return Step(row.id, row.ticket_id, State.SENDING, Move.REFUSED, note, {"finding": finding})
    # A record that was closed between our reading and our writing: the next try reads that, and follows the mapping.
    # This attempt came to nothing; what is not known of one before it is as little known as it was.
    sets = {"finding": finding, "due_at": now + wait, "empty_since": row.empty_since}
    return Step(row.id, row.ticket_id, State.SENDING, Move.DEFERRED, error.what, sets)


def outcome_of_many(wiring: Wiring, row: Delivery, error: RemoteError, now: float) -> Step:
    """What an error of the call as a whole does to each delivery in it: a refusal says nothing about any of them."""
    return _untouched(row, error, now) if isinstance(error, Permanent) else outcome(wiring, row, error, now)


def _untouched(row: Delivery, error: RemoteError, now: float) -> Step:
    back = {
        "finding": told(finding_of(row, error)),
        "attempts": row.attempts,
        "due_at": now + (error.retry_after or 0.0),
        "empty_since": row.empty_since,
    }
    return Step(row.id, row.ticket_id, State.SENDING, Move.DEFERRED, error.what, back)


def finding_of(row: Delivery, error: RemoteError) -> Finding:
    """What is shown to a person about this delivery."""
    remedy = error.remedy or f"connector explain {row.name}"
    return Finding(error.code, row.name, error.what, remedy)
