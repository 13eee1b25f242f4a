"""The way back: what changes at a help desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """Where a record stands at its help desk, in words that all of them share."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"  # waits for the person who asked
    HOLD = "hold"  # waits for somebody else: a vendor, a change, a problem
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"  # goes on as another record
    GONE = "gone"  # deleted, or hidden from this account


@dataclass(frozen=True, slots=True)
class Said:
    """A comment at the help desk. `ref` is the remote's own id of it, `at` in seconds since the epoch by its clock.

    `desk` says that the help desk speaks, not the person who asked.
    """

    ref: str
    at: float
    author: str
    public: bool
    desk: bool
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Article:
    """A knowledge article that is linked to a record."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Change:
    """A record as the help desk has it. Times are in seconds since the epoch, by the remote's clock.

    `stamp` names this version of the record, or is empty where nothing does. `ours` says that nobody but ourselves has
    written this version; `said` holds no comment of ours. `problem` and `merged_into` are remote ids, `resolution` is
    the remote's code for how it ended, `notes` what was written about that. Counts are None where the remote does not
    tell.
    """

    remote_id: str
    status: Status
    stamp: str = ""
    updated_at: float = 0.0
    ours: bool = False
    number: str = ""
    url: str = ""
    assignee: str = ""
    group: str = ""
    problem: str = ""
    merged_into: str = ""
    resolution: str = ""
    notes: str = field(default="", repr=False)
    known_error: bool = False
    reassigned: int | None = None
    reopened: int | None = None
    replies: int | None = None
    answered_at: float | None = None
    resolved_at: float | None = None
    closed_at: float | None = None
    rating: str = ""
    said: tuple[Said, ...] = ()
    articles: tuple[Article, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some changes, and how the cursor changes once they are safe, as in `Page`.

    A record may come again, in the same version too. `complete` says that everything was read that the remote showed.
    """

    changes: Sequence[Change]
    cursor: Mapping[str, str | None] = field(default_factory=dict)
    complete: bool = False


# Of these remote ids, those that are records of ours, each with the stamp of the version last seen ("" for none).
Known = Callable[[Sequence[str]], Mapping[str, str]]
