"""What is written to a help desk, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Flag, StrEnum, auto
from typing import Any

from connector.errors import Finding, RemoteError
from connector.plugins.keys import Key


class Do(StrEnum):
    """The kinds of delivery."""

    CREATE = "create"
    UPDATE = "update"
    COMMENT = "comment"
    ATTACH = "attach"
    LINK = "link"
    SOLVE = "solve"
    NOTIFY = "notify"


class Can(Flag):
    """What a sink claims; the contract suite proves each claim."""

    FIND = auto()
    COMMENT = auto()
    ATTACH = auto()
    LINK = auto()
    PROBLEM = auto()
    CHANGES = auto()
    SOLVE = auto()
    NOTIFY = auto()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field that a mapping may write. `name` may end in `*` (`u_*`). `choices` None means any value.

    A `merged` field is a list that is added to and taken from, never replaced (tags). Without a `required` field the
    remote makes no record.
    """

    name: str
    label: str = ""
    choices: frozenset[str] | None = None
    max_length: int | None = None
    merged: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """Rendered fields turned into the body that will be sent: names looked up, nothing written."""

    body: Mapping[str, Any] = field(repr=False)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """One thing to do. `fields` is what the mapping rendered, `body` what `resolve` made of it, frozen.

    `remote_id` names the record to write to (all kinds but create). For ATTACH, `body` holds `name`,
    `content_type`, `size`, `sha256`, and `content()` gives the bytes. `job` is the call for many that it last went in:
    None where it went by itself, "" where that call's own id was lost.
    """

    do: Do
    key: Key
    body: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    remote_id: str = ""
    content: Callable[[], bytes] | None = None
    job: str | None = None

    def __repr__(self) -> str:
        return f"Write({self.do}, {self.key.marker}, {self.remote_id or 'new'})"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sink answers. `echo` holds, per rendered field, the value the remote keeps, in its own raw form.

    `unkept` names the fields whose value the remote did not take over, as (sent, kept). `learned` is what the sink
    wants remembered about this account (`client_sys_id: yes`).
    """

    remote_id: str
    number: str = ""
    url: str = ""
    echo: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unkept: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, repr=False)
    created_at: str = ""
    learned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """The answer to a look-up: what carries the key (oldest first), by the remote's clock when.

    `control` says that the same query form with the same credential has just found a record known to exist; it is
    None where no such record was named.
    """

    found: tuple[Receipt, ...]
    date: datetime | None
    control: bool | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """A record as it stands now: raw values per rendered field, and whether it can still be changed.

    `problem` is the remote id of the parent that it hangs on, "" for none.
    """

    remote_id: str
    fields: Mapping[str, Any] = field(repr=False)
    number: str = ""
    resolved: bool = False
    closed: bool = False
    problem: str = ""


Outcome = Receipt | RemoteError


@dataclass(frozen=True, slots=True)
class Job:
    """A call for many that the remote works off later, by the id with which it answered."""

    id: str
