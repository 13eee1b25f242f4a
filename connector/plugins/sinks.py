"""What a sink is, and a sink that has no calls for many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import (
    BaseModel,
)

from connector.clock import Clock, SystemClock
from connector.errors import Finding, RemoteError
from connector.plugins.changes import Change, ChangePage, Known
from connector.plugins.limits import Allowance, Cost, Limiter, Unlimited
from connector.plugins.writes import Can, Do, FieldSpec, Job, Look, Outcome, Receipt, Remote, Resolved, Write
from connector.ticket import Ticket

PROBLEM = "problem"


@runtime_checkable
class Parents(Protocol):
    """A sink that can make the parent of many records, in `parent_table`. Asks nothing of the remote."""

    parent_table: str

    def parent(self, ticket: Ticket, group: str, first: str) -> Mapping[str, Any]:
        """The fields of a parent, as a mapping would render them. `first` is the remote id of who reported it first,
        or empty."""

    def raised(self, ticket: Ticket, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of these fields of an incident, those that its parent makes more urgent, with their new values."""


@dataclass(frozen=True, slots=True)
class SinkTools:
    """What the composition root gives a sink. `memory` is what it learned about its account before."""

    base: Path = Path(".")
    clock: Clock = field(default_factory=SystemClock)
    limiter: Limiter = field(default_factory=Unlimited)
    memory: Mapping[str, str] = field(default_factory=dict)


class Sink(Protocol):
    """Writes to one help desk. Every method but `guards`, `fields`, `cost`, `most` and `newcomer` talks to the remote
    and raises RemoteError."""

    settings: ClassVar[type[BaseModel]]
    can: ClassVar[Can]
    table: str
    planned: Mapping[str, frozenset[str]]
    settle_after: float
    call_seconds: float
    allowances: Sequence[Allowance]
    jobs_at_once: int
    cascade_seconds: float
    """So long after a problem was resolved the platform may still be resolving its incidents itself."""

    def __init__(self, name: str, settings: Any, tools: SinkTools) -> None:
        """Asks nothing of the remote. `table` and `planned` (the fields that the mapping writes, each with the literal
        values in it) are set afterwards, when the mapping has been loaded."""

    def check(self) -> Sequence[Finding]:
        """Ask the remote about credential, rights, fields, choices, groups and clock; writes nothing."""

    def resolve(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        """Turn rendered fields into a body. Reads only (people, groups); the engine freezes the result."""

    def read(self, remote_id: str, fields: Sequence[str]) -> Remote | None:
        """The record as it stands, or None where it is gone."""

    def create(self, write: Write) -> Receipt: ...

    def update(self, write: Write) -> Receipt: ...

    def comment(self, write: Write) -> Receipt: ...

    def attach(self, write: Write) -> Receipt: ...

    def link(self, write: Write) -> Receipt:
        """Make the record a child of the problem that the body names under `problem` (a remote id), or of none where
        that is empty. Can be repeated without harm."""

    def solve(self, write: Write) -> Receipt:
        """Bring the record to resolved, step by step where its states ask for it, each read back. The body may hold
        `notes` and `code`; what is over already stays as it is. Can be repeated without harm."""

    def find(self, write: Write, control: Write | None) -> Look:
        """Look for what `write` would have made. `control` is a write of the same kind known to have been done."""

    def guards(self, write: Write, age: float) -> bool:
        """Does the remote itself refuse a second copy, `age` seconds after the first attempt? Then an empty look
        needs no positive control."""

    def fields(self) -> Sequence[FieldSpec]:
        """What a mapping may write, known without asking the remote."""

    # ── the way back ──

    def changes(self, cursor: Mapping[str, str], known: Known) -> Iterator[ChangePage]:
        """What changed since `cursor`, of records that are `known` and differ from the version last seen.

        Nothing is lost where a page fails: the cursor of the page before leads there again. With an empty cursor it
        begins about now.
        """

    def observe(self, remote_ids: Sequence[str]) -> Sequence[Change]:
        """These records as they stand. One that is not there is told as gone only where the same look has shown that
        this account sees records at all; else it is missing."""

    # ── many at once ──

    def most(self, do: Do) -> int:
        """How many writes of this kind one call takes at most: 1 where there is no call for many, 0 where this write
        must go alone, with no other beside it, because its answer decides how the others are sent."""

    def cost(self, writes: Sequence[Write]) -> Cost:
        """What one call with these writes costs; the engine pays before it claims them."""

    def newcomer(self, fields: Mapping[str, Any]) -> str:
        """Who would be made along with a record of these rendered fields, "" where nobody: of those that go at once,
        no two may name the same newcomer, or the remote makes that person twice or refuses."""

    def resolve_many(self, do: Do, each: Sequence[Mapping[str, Any]]) -> Sequence[Resolved]:
        """As `resolve`, for many at few requests; same length, same order."""

    def read_many(self, remote_ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        """As `read`, for many at few requests; what is gone is missing."""

    def create_many(self, writes: Sequence[Write]) -> Sequence[Outcome] | Job:
        """Make many records in one call: an outcome for each, same length, same order, or a job. Raises RemoteError
        where the same holds of all."""

    def update_many(self, writes: Sequence[Write]) -> Sequence[Outcome] | Job:
        """Change many records in one call: writes of every kind that `most` allows but creates, no two for one
        record. Answers as `create_many`."""

    def ended(self, jobs: Mapping[str, Sequence[Write]]) -> Mapping[str, Sequence[Outcome]]:
        """The outcomes of those jobs that have ended, by one look at all; what is still worked off is missing. Of a job
        that the remote no longer knows every outcome is Uncertain."""


class OneByOne:
    """What the protocol asks of a sink about many at once, for one whose remote has no call for many.

    A sink derives from it and writes `check`, `resolve`, `read`, `create`, `update`, `find`, `guards` and `fields`,
    and `comment`, `attach`, `link`, `solve`, and `changes` with `observe` as far as it claims them; whatever it has a
    better way for, it writes anew.
    """

    allowances: Sequence[Allowance] = ()
    jobs_at_once: int = 0
    cascade_seconds: float = 0.0

    def most(self, do: Do) -> int:
        return 1

    def cost(self, writes: Sequence[Write]) -> Cost:
        return {"": len(writes)}

    def newcomer(self, fields: Mapping[str, Any]) -> str:
        return ""

    def resolve_many(self: Sink, do: Do, each: Sequence[Mapping[str, Any]]) -> Sequence[Resolved]:
        return [self.resolve(do, fields) for fields in each]

    def read_many(self: Sink, remote_ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        found = ((remote_id, self.read(remote_id, fields)) for remote_id in remote_ids)
        return {remote_id: remote for remote_id, remote in found if remote is not None}

    def create_many(self: Sink, writes: Sequence[Write]) -> Sequence[Outcome] | Job:
        return [_outcome(self.create, write) for write in writes]

    def update_many(self: Sink, writes: Sequence[Write]) -> Sequence[Outcome] | Job:
        return [_outcome(getattr(self, str(write.do)), write) for write in writes]

    def ended(self, jobs: Mapping[str, Sequence[Write]]) -> Mapping[str, Sequence[Outcome]]:
        return {}


def _outcome(call: Callable[[Write], Receipt], write: Write) -> Outcome:
    try:
        return call(write)
    except RemoteError as error:
        return error
