"""What a source and a sink are: the protocols, and the values that pass between them and the engine.

A plugin is found by its entry point (`connector.sources`, `connector.sinks`), imported at first use, and built as
`PluginClass(name, settings, tools)`, where `settings` is an instance of the class's own `settings` model. It imports
`ticket`, `errors`, `clock`, this module and `wire`, and nothing else of ours. The suites in `connector.contract`
say what every plugin must do.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Flag, StrEnum, auto
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, runtime_checkable
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from connector.clock import Clock, SystemClock
from connector.durations import Seconds
from connector.errors import Finding, RemoteError, SettingsError
from connector.ticket import Comment, Ticket

# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


_SECRET_BYTES = 16_384


class Secret:
    """Where a secret is kept, never the secret: `env:NAME` or `file:PATH`. `repr` shows the place alone."""

    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        if not place.startswith(("env:", "file:")) or not place.partition(":")[2]:
            raise ValueError("a secret is written as env:NAME or file:PATH, never as its value")
        self.place = place

    def reveal(self, base: Path) -> str:
        """The secret itself, read now; a relative file starts from `base`. Raises SettingsError."""
        kind, _, name = self.place.partition(":")
        if kind == "env":
            value = os.environ.get(name, "")
            remedy = f"set the environment variable {name}"
        else:
            value, remedy = _first_line(base / name), f"put the secret into the first line of {name}"
        if not value:
            raise SettingsError([Finding("no-secret", self.place, "there is no secret here", remedy)])
        return value

    def __repr__(self) -> str:
        return self.place

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )


def _first_line(path: Path) -> str:
    try:
        if not path.is_file():  # a pipe or a device may never end
            return ""
        with path.open("rb") as file:
            return file.readline(_SECRET_BYTES).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


Secrets = Annotated[tuple[Secret, ...], BeforeValidator(_several)]


class PluginSettings(BaseModel):
    """Settings of one source or sink; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str


class SourceSettings(PluginSettings):
    """What every source can be told. `id` names the source in keys and defaults to its name; it outlives renaming.

    A source that can be read otherwise than from files sees to it that there is some way in.
    """

    id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    path: str | None = Field(default=None, min_length=1)


class IntakeSettings(BaseModel):
    """Who may post to a source: whoever signs with `hmac`, or bears `token`. Several secrets count side by side.

    Times are in seconds. A signature counts for `window` before and after the time that it names; the same body within
    `repeats` is the same post. A post has `max_bytes` at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hmac: Secrets = ()
    token: Secrets = ()
    window: Seconds = Field(default=300.0, ge=10, le=3600)
    repeats: Seconds = Field(default=86_400.0, ge=60, le=31_536_000)
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=16 * 1024 * 1024)

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if not self.hmac and not self.token:
            raise ValueError("nobody may post here; say who: hmac or token")
        if self.hmac and self.repeats < 2 * self.window:
            raise ValueError("repeats must be twice the window at least: a signed post could be replayed in between")
        return self


class Clearance(StrEnum):
    """How much of the PHI compartment a sink may see."""

    NONE = "none"
    FULL = "full"


def _web_address(value: str) -> str:
    """Scheme, host and port, and nothing that could be a credential. Raises ValueError, which quotes nothing."""
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:  # a port that is no number, half of an IPv6 address
        whole = False
    if not whole or parts.username is not None or parts.query or parts.fragment or not value.isprintable():
        raise ValueError("an address is written as https://HOST or https://HOST:PORT, without user, password or query")
    return value


_HOST = re.compile(r"[A-Za-z0-9:._-]{1,253}")
WebAddress = Annotated[str, AfterValidator(_web_address)]


class SinkSettings(PluginSettings):
    """What every sink can be told. Times are in seconds."""

    url: WebAddress
    mapping: str
    settle_after: float = Field(gt=0, le=604_800)
    timeout: float = Field(
        default=75.0, gt=0, le=3600, description="longest wait for one answer; ServiceNow works up to 60 s"
    )
    concurrency: int = Field(default=4, ge=1, le=32)
    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    bulk: Literal["auto", "off"] = "auto"
    attachments: Literal["withhold", "send"] = "withhold"
    clearance: Clearance = Clearance.NONE
    proxy: WebAddress | None = None
    ca_bundle: str | None = None


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── sinks ────────────────────────────────────────────────────────────────────────────────────────────────────────

KEY_LIMIT = 100
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]+")
_NAMESPACE = uuid.UUID("5b0c1a5e-8a1d-5c66-9d1e-0f7c2f6f3a10")


@dataclass(frozen=True, slots=True)
class Key:
    """The name of one thing to do, the same for every attempt: site, source id, external id, table, part.

    `part` is `ticket`, `update:N`, `comment:ID`, `file:COMMENT:NAME:SHA256` or `link:…`. No component is empty.
    """

    site: str
    source: str
    external_id: str
    table: str
    part: str

    def __post_init__(self) -> None:
        if not all((self.site, self.source, self.external_id, self.table, self.part)):
            raise ValueError("a key has no empty component")

    @property
    def text(self) -> str:
        """All components, unambiguous; the ledger's unique name for the delivery."""
        return "\x1f".join((self.site, self.source, self.external_id, self.table, self.part))

    @property
    def uuid(self) -> str:
        """UUIDv5 of the key in 32 hex digits: ServiceNow's client-chosen `sys_id`, Zendesk's Idempotency-Key."""
        return uuid.uuid5(_NAMESPACE, self.text).hex

    @property
    def remote(self) -> str:
        """`SITE:SOURCE:EXTERNAL_ID`, what the remote record carries and is looked up by; 100 characters at most.

        The external id is hashed where it is long or leaves `[A-Za-z0-9_.:-]`; so is the part of a follow-up ticket.
        """
        external = self.external_id if self.part == "ticket" else f"{self.external_id}\x1f{self.part}"
        whole = f"{self.site}:{self.source}:{external}"
        if len(whole) <= KEY_LIMIT and _PLAIN.fullmatch(whole):
            return whole
        digest = hashlib.sha256(external.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return f"{self.site}:{self.source}:{digest}"

    @property
    def marker(self) -> str:
        """A short word, unique to this key, that can stand in a comment's text and be found again."""
        return f"{self.site}-{self.uuid[:20]}"


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


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a remote allows: `allowed` units of the class `name` in `seconds`; "" is the account as a whole.

    An answer's headers may add how many are left (`remaining`) and in how many seconds the count starts anew.
    """

    name: str
    allowed: int
    seconds: float
    remaining: int | None = None
    resets: float | None = None


# What a call costs: units for each class of allowance. `update/35` is of the class `update`, counted for 35 alone.
Cost = Mapping[str, int]
ONE_REQUEST: Cost = {"": 1}


class Limiter(Protocol):
    """One request budget per remote account, shared by every process."""

    def take(self, cost: Cost = ONE_REQUEST) -> None:
        """Wait for a slot in every class that `cost` names; raises Transient when the wait is longer than the time
        budget."""

    def hold(self, seconds: float | None, name: str = "") -> None:
        """The remote said 429: nobody sends before so many seconds have passed. None where it named no time: then
        fewer calls go out at once for a while."""

    def heard(self, news: Sequence[Allowance]) -> None:
        """What the headers of an answer said about limits; once for every request that was `sent`, answered or not."""

    def sent(self, cost: Cost = ONE_REQUEST) -> None:
        """A request is leaving, of whatever kind. Raises Transient where the remote has asked to wait since it was
        paid for."""


class _Unlimited:
    def take(self, cost: Cost = ONE_REQUEST) -> None:
        return None

    def hold(self, seconds: float | None, name: str = "") -> None:
        return None

    def heard(self, news: Sequence[Allowance]) -> None:
        return None

    def sent(self, cost: Cost = ONE_REQUEST) -> None:
        return None


@dataclass(frozen=True, slots=True)
class SinkTools:
    """What the composition root gives a sink. `memory` is what it learned about its account before."""

    base: Path = Path(".")
    clock: Clock = field(default_factory=SystemClock)
    limiter: Limiter = field(default_factory=_Unlimited)
    memory: Mapping[str, str] = field(default_factory=dict)


Outcome = Receipt | RemoteError


@dataclass(frozen=True, slots=True)
class Job:
    """A call for many that the remote works off later, by the id with which it answered."""

    id: str


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

    def newcomer(self, write: Write) -> str:
        """Who would be made along with this record, "" where nobody: of those that go at once, no two may name the
        same newcomer, or the remote makes that person twice or refuses."""

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

    def newcomer(self, write: Write) -> str:
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
