"""What the steps work with, put together by the composition root."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connector import closure, priority, service_levels
from connector.answering import Answers, Way
from connector.audience import Audience
from connector.batching import Pace
from connector.clock import Clock
from connector.config import Problems
from connector.errors import RemoteError, Transient
from connector.escalation import Escalation
from connector.ledger.database import Database
from connector.ledger.deliveries import Delivery, tally
from connector.limits import BUDGET, Limiter
from connector.mapping import Mapping as FieldMapping
from connector.mapping.messages import Messages
from connector.messengers.messenger import Messenger
from connector.plugins import Clearance, Do, IntakeSettings, Key, Sink, Source
from connector.retry import Policy
from connector.routing import Route

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Watching:
    """How often changes at help desks are read, and each record that shows none is looked at; in seconds."""

    every: float = 0.0
    check: float = 86_400.0


# How long a claim outlasts the call it was made for, in seconds.
LEASE_MARGIN = 30.0


@dataclass(frozen=True, slots=True)
class Inlet:
    """A source, under the id that names it in keys. `intake` says who may post to it, where anybody may."""

    name: str
    id: str
    source: Source
    kind: str = ""
    intake: IntakeSettings | None = None


@dataclass(frozen=True, slots=True)
class Outlet:
    """A sink, and what the settings say of it. `tentative`: it failed before, and one call shows whether it is back."""

    name: str
    sink: Sink
    mapping: FieldMapping
    clearance: Clearance
    files: bool
    limiter: Limiter
    concurrency: int = 1
    bulk: bool = True
    tentative: bool = False
    pace: Pace = field(default_factory=Pace)

    @property
    def lease_seconds(self) -> float:
        return self.sink.call_seconds + LEASE_MARGIN

    def most(self, do: Do) -> int:
        """How many writes of this kind may go in one call now; 0 where one must go alone, with no other beside it."""
        most = self.sink.most(do)
        return most if self.bulk and not self.pace.refused else min(most, 1)


@dataclass(frozen=True, slots=True)
class Answering:
    """How people are told. `ways` are by the ids of sources, `outlets` by their own names; `own` are our addresses,
    `mailboxes` the ids of the sources that answers to our mail may come to."""

    settings: Answers
    messages: Messages
    ways: Mapping[str, Way]
    outlets: Mapping[str, Outlet]
    own: frozenset[str]
    mailboxes: Sequence[str]
    secret: bytes = field(repr=False)

    def standing(self, db: Database) -> dict[str, dict[str, int]]:
        """How many messages stand in each state, by the ids of sources."""
        return {name.partition(":")[2]: tally(db, name) for name in self.outlets}

    def close(self) -> None:
        """Nobody is told anything for now: connections end."""
        for outlet in self.outlets.values():
            if isinstance(outlet.sink, Messenger):
                outlet.sink.close()


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything a run needs. `stop()` turns true when somebody asked the run to end, or its time (`ends`, by the
    monotonic clock) is over."""

    db: Database
    base: Path
    site: str
    clock: Clock
    who: str
    inlets: Mapping[str, Inlet]
    outlets: Mapping[str, Outlet]
    routes: Sequence[Route]
    pending: float
    wait: float
    weighing: priority.Weighing = priority.DEFAULT
    levels: service_levels.ServiceLevels = service_levels.DEFAULT
    policy: Policy = field(default_factory=Policy)
    observe: Watching = Watching()
    closure: closure.Closure = closure.DEFAULT
    problems: Problems = field(default_factory=Problems)
    answering: Answering | None = None
    escalations: Sequence[Escalation] = ()
    audiences: Sequence[Audience] = ()
    progress: Progress = lambda step, done, total: None
    stop: Callable[[], bool] = lambda: False
    ends: float = math.inf

    @property
    def takes_files(self) -> frozenset[str]:
        return frozenset(name for name, outlet in self.outlets.items() if outlet.files)

    def outlet(self, name: str) -> Outlet:
        """The sink of this name, or the way that people are told by. Raises KeyError."""
        told = self.answering.outlets if self.answering is not None else {}
        return told[name] if name in told else self.outlets[name]

    def happened(self, row: Delivery) -> str:
        """What people may be told of once this delivery is done; "" where nobody is told anything."""
        return "received" if self.answering is not None and row.do is Do.CREATE and row.part == "ticket" else ""

    def key(self, source: str, external_id: str, table: str, part: str) -> Key:
        return Key(self.site, source, external_id, table, part)


@dataclass(slots=True)
class Tally:
    """What a run did at one sink. `looked` counts the answers to looks for what was unsure; `error` made the run stop
    there, `failed` is the last failure that left a row waiting.

    `observed` says that its changes were read, `unread` what kept them from being read.
    """

    created: int = 0
    updated: int = 0
    commented: int = 0
    attached: int = 0
    linked: int = 0
    told: int = 0
    escalated: bool = False
    blocked: int = 0
    looked: int = 0
    error: RemoteError | None = None
    failed: Transient | None = None
    observed: bool = False
    unread: RemoteError | None = None

    @property
    def stopped(self) -> RemoteError | None:
        """What says that the remote is down: it made the run stop, or it failed all that was tried.

        That our own budget is used up is no fault of the remote's: the rows merely wait.
        """
        stopped = self.error or (None if self.done or self.blocked or self.looked else self.failed)
        return None if stopped is not None and stopped.code == BUDGET else stopped

    @property
    def answered(self) -> bool:
        """The remote was heard, and nothing says that it is down."""
        heard = bool(self.done or self.blocked or self.looked or self.observed)
        return heard and self.error is None and self.failed is None and self.unread is None

    @property
    def done(self) -> int:
        return self.created + self.updated + self.commented + self.attached + self.linked + self.told
