"""What a source is, and what passes between it and the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import (
    BaseModel,
)

from connector.clock import Clock, SystemClock
from connector.errors import Finding
from connector.plugins.writes import Receipt, Write
from connector.ticket import Comment, Ticket


@dataclass(frozen=True, slots=True)
class Record:
    """What a channel hands over, untouched. `place` names it for ever within its source (`clinic.ndjson:17`).

    Of a record with `keep` the ledger keeps the bytes whatever becomes of it: its channel may not have it later.
    """

    place: str
    data: bytes
    at: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False

    @property
    def digest(self) -> bytes:
        """What was read, in 16 bytes. Two records of one place with the same digest say the same."""
        return hashlib.blake2b(self.data, digest_size=16).digest()

    def __repr__(self) -> str:
        return f"Record({self.place!r}, {len(self.data)} bytes)"


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and how the cursor changes once they are safe.

    `cursor` maps an entry to its new value, or to None where the entry ends; entries not named stay. `complete`
    says that the source has been read to its end with this page: only then does a missing record mean anything.
    """

    records: Sequence[Record]
    cursor: Mapping[str, str | None] = field(default_factory=dict)
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Something said in a known talk. `thread` names messages it may belong to, nearest first.

    `ticket` is what it becomes when none of them is ever seen; its `thread` must hold the reply's own id too. With
    `otherwise` it becomes none: where the talk is unknown, it is counted for that reason.
    """

    thread: tuple[str, ...]
    comment: Comment
    ticket: Ticket
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """Read and understood, and it makes no ticket: a talk that the bot resolved, an auto-reply."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Cannot be a ticket. The record is kept and can be read again."""

    finding: Finding


Reading = Ticket | Reply | Counted | Rejected


@dataclass(frozen=True, slots=True)
class SourceTools:
    """What the composition root gives a source: the folder that relative paths start from, and time."""

    base: Path = Path(".")
    clock: Clock = field(default_factory=SystemClock)


class Source(Protocol):
    """Reads one channel."""

    settings: ClassVar[type[BaseModel]]

    def __init__(self, name: str, settings: Any, tools: SourceTools) -> None: ...

    def check(self) -> Sequence[Finding]:
        """What is wrong with the settings or the place they name. Reads only."""

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        """What is new or changed since `cursor`, in pages of a few hundred records. Raises RemoteError."""

    def read(self, record: Record) -> Reading:
        """The record's meaning. Pure: same record, same answer; never raises."""


@runtime_checkable
class TakesPosts(Protocol):
    """A source that can be posted to. Its settings have `intake: IntakeSettings | None`."""

    def split(self, record: Record) -> Iterable[Record]:
        """The records that one posted body holds, each of which reads to one thing; the first may keep the place."""


@runtime_checkable
class Acknowledges(Protocol):
    """A source that tells its channel what is safe."""

    def acknowledge(self, records: Sequence[Record]) -> None:
        """These records are committed. Called after each page's commit, before the next page is asked for, and again
        for the same records after a crash between the two. Raises RemoteError; nothing is lost by it."""


@runtime_checkable
class Asks(Protocol):
    """A source with a remote system behind it."""

    def ask(self) -> Sequence[Finding]:
        """Ask the remote about credential and rights; changes nothing. Raises RemoteError."""


@runtime_checkable
class Notifies(Protocol):
    """A source that has a way of its own of telling people what became of what they asked."""

    def notify(self, write: Write) -> Receipt:
        """Tell one person. The body holds `event`, `to`, `name`, `ticket`, `subject`, `text`, `chat` (short), and what
        is known of `number`, `url`, `status`, `resolution`. Raises RemoteError; Uncertain where nobody knows whether
        the person was told: that is never sent again by itself."""


# The source whose tickets are the parents of outages.
