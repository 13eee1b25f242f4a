"""The ticket: one help request, normalised, whatever channel it came through.

All models are frozen and refuse unknown fields. A source builds them from what it reads; nothing changes them
afterwards except by making a copy. Lists are tuples, times are aware datetimes in UTC, texts are plain text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    def __eq__(self, other: object) -> bool:
        # What pydantic does for models like these, without what it does for others: leaving out defaults asks often.
        return self is other or (type(self) is type(other) and self.__dict__ == other.__dict__)

    def __deepcopy__(self, memo: Any = None) -> Self:
        return self  # frozen; pydantic copies a default for every instance otherwise


class Channel(StrEnum):
    """The way a request came in."""

    BUTTON = "button"
    EMAIL = "email"
    CHATBOT = "chatbot"


class Kind(StrEnum):
    """What the person wants. A scheduling snag or a missing choice in a list is a ticket too: feedback."""

    INCIDENT = "incident"
    REQUEST = "request"
    FEEDBACK = "feedback"


class Category(StrEnum):
    """What sort of work it is."""

    BREAK_FIX = "break_fix"
    OPTIMIZATION = "optimization"
    MAINTENANCE = "maintenance"
    OPERATIONAL_REQUEST = "operational_request"


class Impact(StrEnum):
    """Who is held up."""

    ENTERPRISE = "enterprise"
    SITE = "site"
    UNIT = "unit"
    USER = "user"


class Urgency(StrEnum):
    """How soon it hurts: work stopped, work slowed, a question."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class PersonKind(StrEnum):
    """Who is asking. Unknown is treated as a patient wherever that is the safer reading."""

    STAFF = "staff"
    PATIENT = "patient"
    UNKNOWN = "unknown"


class FileKind(StrEnum):
    """What a file is, as far as its source could tell."""

    SCREENSHOT = "screenshot"
    LOG = "log"
    MESSAGE = "message"
    OTHER = "other"


class Outcome(StrEnum):
    """How a talk with a bot ended."""

    ESCALATED = "escalated"
    RESOLVED = "resolved"
    ABANDONED = "abandoned"
    OPEN = "open"


class Person(Model):
    """Someone named in a request. `verified` says that the source proved who it is (a signature, a login)."""

    kind: PersonKind = PersonKind.UNKNOWN
    id: str = ""
    login: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    role: str = ""
    is_physician: bool | None = None
    department: str = ""
    department_id: str = ""
    provider_id: str = ""
    fhir_id: str = ""
    verified: bool = False


class Location(Model):
    """Where the person works."""

    facility: str = ""
    unit: str = ""
    room: str = ""


class Context(Model):
    """What the EHR knew when help was asked for."""

    system: str = ""
    tenant: str = ""
    environment: str = ""
    application: str = ""
    version: str = ""
    server: str = ""
    workstation: str = ""
    ip: str = ""
    workspace: str = ""
    activity: str = ""
    url: str = ""
    session_recording_id: str = ""
    error_text: str = ""
    error_codes: tuple[str, ...] = ()
    location: Location = Location()


class BuildRecord(Model):
    """A configuration record of the EHR, such as `ETX 3097767`: type `ETX`, id `3097767`."""

    type: str
    id: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.type} {self.id}" + (f" ({self.name})" if self.name else "")


class Attachment(Model):
    """A file, named by its content. `content` travels from the source to the ledger and is never serialised."""

    name: str
    content_type: str = "application/octet-stream"
    size: int
    sha256: str
    kind: FileKind = FileKind.OTHER
    inline: bool = False
    content: bytes | None = Field(default=None, exclude=True, repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        content: bytes,
        content_type: str = "application/octet-stream",
        kind: FileKind = FileKind.OTHER,
        inline: bool = False,
    ) -> Self:
        """The attachment that holds these bytes."""
        return cls(
            name=name,
            content_type=content_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            kind=kind,
            inline=inline,
            content=content,
        )


class Comment(Model):
    """Something said after the request was made. `id` is stable at its source: a Message-ID, a turn's id.

    What is `automatic` was said by a machine (an absence, a bounce): it opens nothing that is closed.
    """

    id: str
    author: Person = Person()
    at: datetime | None = None
    text: str
    public: bool = True
    automatic: bool = False
    attachments: tuple[Attachment, ...] = ()


class Turn(Model):
    """One utterance in a talk with a bot; `speaker` is `user`, `bot` or `agent`."""

    speaker: str
    text: str
    at: datetime | None = None


class Article(Model):
    """A knowledge article that the bot offered."""

    title: str = ""
    id: str = ""
    url: str = ""


class Conversation(Model):
    """A talk with a bot, up to the hand-off."""

    id: str
    platform: str
    intent: str = ""
    confidence: float | None = None
    slots: Mapping[str, str] = {}
    articles: tuple[Article, ...] = ()
    outcome: Outcome = Outcome.OPEN
    turns: tuple[Turn, ...] = ()


class Phi(Model):
    """The compartment: what identifies a patient. Masked in `repr` and `str`; no sink receives it by default.

    `tokens` maps what stands in the ticket's text (`[MRN_1]`) to what stood there.
    """

    mrn: str = ""
    encounter: str = ""
    name: str = ""
    birth_date: str = ""
    fhir_id: str = ""
    note: str = ""
    records: tuple[BuildRecord, ...] = ()
    extra: Mapping[str, str] = {}
    tokens: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return "Phi(****)" if self != EMPTY_PHI else "Phi()"

    __str__ = __repr__


EMPTY_PHI = Phi()


class Ticket(Model):
    """One help request. `source` and `external_id` together name it for ever; neither is ever empty.

    `thread` holds the ids by which later messages may name this ticket (Message-IDs), its own first.
    `extra` keeps what nobody mapped; it counts as patient data until a site maps it.
    """

    source: str = Field(min_length=1)
    external_id: str = Field(min_length=1)
    channel: Channel
    kind: Kind = Kind.INCIDENT
    summary: str
    description: str = ""
    category: Category = Category.BREAK_FIX
    impact: Impact = Impact.USER
    urgency: Urgency = Urgency.MEDIUM
    patient_care: bool | None = None
    requester: Person = Person()
    on_behalf_of: Person | None = None
    watchers: tuple[Person, ...] = ()
    context: Context = Context()
    records: tuple[BuildRecord, ...] = ()
    steps_tried: tuple[str, ...] = ()
    conversation: Conversation | None = None
    comments: tuple[Comment, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    tags: tuple[str, ...] = ()
    thread: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    received_at: datetime | None = None
    notes: tuple[str, ...] = ()
    phi: Phi = EMPTY_PHI
    extra: Mapping[str, Any] = Field(default={}, repr=False)

    def files(self) -> tuple[Attachment, ...]:
        """Every file of the ticket and of its comments, in order."""
        return self.attachments + tuple(file for comment in self.comments for file in comment.attachments)

    def as_comment(self) -> Comment:
        """The same request said as a comment, for when it turns out to belong to an older ticket."""
        text = "\n\n".join(part for part in (self.summary, self.description) if part)
        return Comment(
            id=self.external_id,
            author=self.requester,
            at=self.submitted_at,
            text=text,
            attachments=self.attachments,
        )


FINGERPRINT_VERSION = "1"
_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode

IGNORED: Mapping[str, str] = {
    "received_at": "the time of our own reading: the same record read twice differs in nothing else",
    "notes": "our own remarks about the reading; a better reader words them differently",
    "thread": "the ids that find a ticket, not part of what it says; relays reorder References",
    "source": "the ticket's name, not its content",
    "external_id": "the ticket's name, not its content",
}


def fingerprint(ticket: Ticket) -> str:
    """What the channel said, in 32 hex digits behind the algorithm's version (`1:…`).

    Two readings of one record agree whatever the order of keys, and whatever `IGNORED` leaves out. Fields at
    their default do not count, so a release that adds a field changes no fingerprint.
    """
    said = ticket.model_dump(mode="json", exclude=set(IGNORED), exclude_defaults=True)
    digest = hashlib.blake2b(_canonical(said).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{FINGERPRINT_VERSION}:{digest}"
