"""What the end of a problem means for those who wait for it. Pure: no I/O, no clock.

A problem that is resolved takes its incidents along; one that was cancelled, or is a duplicate, does not. What was
ended by hand stays as it is, and what was reopened by hand too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from connector.plugins import Status

OVER = frozenset({Status.RESOLVED, Status.CLOSED, Status.CANCELLED, Status.MERGED, Status.GONE})
_ENDED = OVER - {Status.RESOLVED}


class Closure(BaseModel):
    """What follows from how a record ended, by the help desk's own codes (case does not count).

    `declined`: it will not be changed. `left`: the problem ended, and its incidents did not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reopen_children: bool = Field(default=False, description="a problem that is reopened reopens what it resolved")
    declined: tuple[str, ...] = (
        *("risk_accepted", "No resolution provided"),
        *("Not Solved (Not Reproducible)", "Not Solved (Too Costly)"),
    )
    left: tuple[str, ...] = ("canceled", "cancelled", "duplicate")


DEFAULT = Closure()


class Ending(StrEnum):
    """How something ended."""

    SOLVED = "solved"
    DECLINED = "declined"
    LEFT = "left"


def ending(code: str, closure: Closure) -> Ending:
    """What a resolution code means."""
    said = code.casefold()
    if said in (each.casefold() for each in closure.declined):
        return Ending.DECLINED
    return Ending.LEFT if said in (each.casefold() for each in closure.left) else Ending.SOLVED


class Stage(StrEnum):
    """Where a problem that has a parent stands in the ledger."""

    OPEN = "open"
    RESOLVED = "resolved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Parent:
    """A problem as its parent's record shows it now; `was` is its status when it was last seen."""

    stage: Stage
    was: Status | None
    now: Status
    resolution: str = ""
    newly_known: bool = False  # by now its cause is known, and no date for a fix


@dataclass(frozen=True, slots=True)
class Member:
    """A ticket that hangs on the problem. `status` is None where its record was never seen."""

    ticket_id: int
    status: Status | None
    solved_by_us: bool = False


@dataclass(frozen=True, slots=True)
class Follows:
    """What follows for the problem and its members.

    `told` is what happened to every member, in order; `solve` and `reopen` name the tickets of records to be changed.
    """

    stage: Stage
    told: tuple[str, ...] = ()
    solve: tuple[int, ...] = ()
    declined: bool = False
    reopen: tuple[int, ...] = ()


def follows(parent: Parent, members: Sequence[Member], closure: Closure = DEFAULT) -> Follows:
    """What the parent's new status means. Applied to what it led to, it changes nothing more."""
    if parent.now not in OVER:
        return _live(parent, members, closure)
    stage = Stage.CLOSED if parent.now in _ENDED else Stage.RESOLVED
    if parent.stage is stage or parent.stage is Stage.CLOSED:
        return Follows(parent.stage)
    if parent.stage is Stage.RESOLVED:
        return Follows(stage, ("problem_closed",))
    return _ended(parent, stage, members, closure)


def _ended(parent: Parent, stage: Stage, members: Sequence[Member], closure: Closure) -> Follows:
    how = ending(parent.resolution, closure)
    if how is Ending.LEFT or parent.now in (Status.CANCELLED, Status.MERGED, Status.GONE):
        return Follows(stage, ("problem_closed",))
    what = "declined" if how is Ending.DECLINED else "problem_resolved"
    told = (what, "problem_closed") if stage is Stage.CLOSED else (what,)
    waiting = tuple(member.ticket_id for member in members if member.status not in OVER)
    return Follows(stage, told, waiting, how is Ending.DECLINED)


def _live(parent: Parent, members: Sequence[Member], closure: Closure) -> Follows:
    if parent.stage is not Stage.OPEN:
        ours = (each.ticket_id for each in members if each.solved_by_us and each.status in (None, Status.RESOLVED))
        return Follows(Stage.OPEN, ("problem_changed",), reopen=tuple(ours) if closure.reopen_children else ())
    if parent.newly_known:
        return Follows(Stage.OPEN, ("deferred",))
    changed = parent.was is not None and parent.was is not parent.now
    return Follows(Stage.OPEN, ("problem_changed",) if changed else ())
