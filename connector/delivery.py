"""The states of a delivery, the moves between them, and the decisions that choose a move. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from connector.errors import ConnectorError
from connector.plugins import Look, Receipt


class State(StrEnum):
    """Where one thing to do stands."""

    QUEUED = "queued"  # waits until it is due
    SENDING = "sending"  # intent committed; the wire may have been touched
    UNSURE = "unsure"  # may or may not exist there; never sent again before somebody looked
    BLOCKED = "blocked"  # a person must change something
    SENT = "sent"  # the remote has it; final
    DROPPED = "dropped"  # superseded, or ended by a person; final


class Move(StrEnum):
    """What may happen to a delivery."""

    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    LOST = "lost"
    FOUND = "found"
    ABSENT = "absent"
    HELD = "held"
    RELEASED = "released"
    ENDED = "ended"
    RESTORED = "restored"


TABLE: Mapping[tuple[State, Move], State] = {
    (State.QUEUED, Move.CLAIMED): State.SENDING,
    (State.SENDING, Move.ACCEPTED): State.SENT,
    (State.SENDING, Move.DEFERRED): State.QUEUED,
    (State.SENDING, Move.REFUSED): State.BLOCKED,
    (State.SENDING, Move.LOST): State.UNSURE,
    (State.UNSURE, Move.FOUND): State.SENT,
    (State.UNSURE, Move.ABSENT): State.QUEUED,
    (State.QUEUED, Move.HELD): State.BLOCKED,
    (State.BLOCKED, Move.RELEASED): State.QUEUED,
    (State.QUEUED, Move.ENDED): State.DROPPED,
    (State.BLOCKED, Move.ENDED): State.DROPPED,
    (State.QUEUED, Move.RESTORED): State.UNSURE,
}

UNFINISHED = (State.QUEUED, State.SENDING, State.UNSURE, State.BLOCKED)
OPEN = (State.SENDING, State.UNSURE)


class IllegalMove(ConnectorError):
    """A move that the table does not know: a bug, or a person asking for what cannot be."""

    exit_code = 2


def after(state: State, move: Move) -> State:
    """The state that `move` leads to; raises IllegalMove."""
    try:
        return TABLE[state, move]
    except KeyError:
        raise IllegalMove(f"a {state} delivery cannot be {move}") from None


# ── proof of absence ─────────────────────────────────────────────────────────────────────────────────────────────

TICK = 1.0  # seconds; an HTTP date is cut to whole ones (RFC 9110): two of them may lie so much nearer than they say


@dataclass(frozen=True, slots=True)
class Found:
    """The remote has it. `others` carry the same key and are shown to a person."""

    receipt: Receipt
    others: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """Proved not to be there."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not known yet. `empty_since` is the remote's time of the first empty look; `seconds` until the next look."""

    empty_since: datetime | None
    seconds: float
    reason: str


def verdict(look: Look, empty_since: datetime | None, settle_after: float, guarded: bool) -> Found | Absent | Wait:
    """What a look-up proves.

    One hit is the truth; several: the oldest is adopted and the rest are flagged. Absence needs two empty looks whose
    remote dates lie more than `settle_after` seconds apart and, unless the remote itself refuses a second copy
    (`guarded`), a positive control in this look. The local clock proves nothing.
    """
    if look.found:
        return Found(look.found[0], look.found[1:])
    if not guarded and look.control is False:
        return Wait(None, settle_after, "a record known to exist was not found either: this look proves nothing")
    if look.date is None:
        # Nor does what was empty before: the remote may have been at work all the while.
        return Wait(None, settle_after, "the answer had no Date header, or the remote is still at work on it")
    if empty_since is None or look.date < empty_since:
        return Wait(look.date, settle_after + TICK, "not found; looking again later")
    waited = (look.date - empty_since).total_seconds() - TICK
    if waited < settle_after:
        return Wait(empty_since, settle_after - waited, "not found; looking again later")
    if not guarded and look.control is None:
        return Wait(empty_since, settle_after, "not found, but no record is known that would prove the look-up works")
    return Absent()


# ── what an update sends ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Changes:
    """The fields to send, and those left alone because the remote changed them since we wrote."""

    send: Mapping[str, Any] = field(repr=False)
    left: tuple[str, ...]


def changes(
    rendered: Mapping[str, Any],
    sent: Mapping[str, Any],
    echo: Mapping[str, Any],
    current: Mapping[str, Any],
    owned: frozenset[str],
    merged: frozenset[str] = frozenset(),
) -> Changes:
    """Only fields whose rendered value differs from what we last sent, and that nobody else changed since.

    `echo` is what the remote kept of our last write, `current` what it holds now. A field in `owned` (the mapping's
    `owner: connector`) is sent all the same. A `merged` list becomes `{"add": […], "remove": […]}`, which takes
    nothing from others.
    """
    send: dict[str, Any] = {}
    left: list[str] = []
    for name, value in rendered.items():
        if name in sent and sent[name] == value:
            continue
        if name in merged:
            send[name] = difference(value, sent.get(name))
        elif name in echo and current.get(name) != echo[name] and name not in owned:
            left.append(name)
        else:
            send[name] = value
    return Changes(send, tuple(left))


def difference(now: Sequence[str] | None, before: Sequence[str] | None) -> dict[str, list[str]]:
    """What to add to and remove from a list so that our part of it becomes `now`."""
    new, old = tuple(now or ()), tuple(before or ())
    return {"add": [x for x in new if x not in old], "remove": [x for x in old if x not in new]}


# ── closed records ───────────────────────────────────────────────────────────────────────────────────────────────


class ClosedPolicy(StrEnum):
    """What the mapping wants when something arrives for a record that is closed."""

    REOPEN = "reopen"
    FOLLOW_UP = "follow_up"
    HOLD = "hold"
