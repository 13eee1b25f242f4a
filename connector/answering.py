"""What people are told of their tickets, who is told, and who never is. Pure: no I/O, no clock.

Nothing is told unless the settings name the source under `answers`. What happened is told once to each person.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connector.durations import Seconds
from connector.plugins import Secret, Status, WebAddress
from connector.plugins.settings import in_the_open
from connector.ticket import Model, Person, PersonKind, Ticket


class Event(StrEnum):
    """What a person may be told of; each has a message of its own."""

    RECEIVED = "received"
    CHANGED = "changed"
    SAID = "said"
    DEFERRED = "deferred"  # known, and no date
    DECLINED = "declined"  # it will not be changed
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"
    PROBLEM_OPENED = "problem_opened"
    PROBLEM_CHANGED = "problem_changed"
    PROBLEM_RESOLVED = "problem_resolved"
    PROBLEM_CLOSED = "problem_closed"


# A ticket that joins an outage hears what those heard who were there when it began.
_SAME = {"joined": Event.PROBLEM_OPENED}
# What tells one person once, however many tickets of the outage are theirs.
_OF_PROBLEMS = frozenset({Event.PROBLEM_OPENED, Event.PROBLEM_CHANGED, Event.PROBLEM_RESOLVED, Event.PROBLEM_CLOSED})
ENDS = frozenset({Event.RESOLVED, Event.DECLINED, Event.CLOSED})


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _mailbox(value: str) -> str:
    if not mailbox(value)[1]:
        raise ValueError("an address is written as help@example.org or IT Help <help@example.org>")
    return value


def mailbox(value: str) -> tuple[str, str]:
    """Name and address of `IT Help <help@example.org>`; an empty address where it is none."""
    found = _NAMED.fullmatch(value.strip())
    name, address = (found[1].strip(' "'), found[2]) if found else ("", value.strip())
    return (name, address.lower()) if is_address(address) else ("", "")


def is_address(text: str) -> bool:
    """May a mail go there? One address, without blanks, quotes or anything that a header could be made of."""
    return len(text) <= 254 and "=?" not in text and _ADDRESS.fullmatch(text) is not None


_NAMED = re.compile(r"([^<>\r\n]{0,200})<([^<>\s]{3,254})>")
_ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@(?:[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f.]{1,63}\.)*[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f.]{1,63}"
)

Mailbox = Annotated[str, Field(max_length=460), AfterValidator(_mailbox)]


class Smtp(_Part):
    """The server that takes our mail (RFC 6409), and whom it comes from."""

    host: str = Field(pattern=r"^[A-Za-z0-9:._-]{1,253}$")
    port: int | None = Field(default=None, ge=1, le=65_535, description="587; 465 with implicit, 25 with none")
    tls: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description="certificates are always verified; starttls never falls back to plain text"
    )
    unencrypted: bool = Field(default=False, description="yes, `tls: none` to another machine than this one")
    ca_bundle: str | None = Field(default=None, description="a file with the certificate authority of the server")
    username: str = Field(default="", max_length=500, description="the login; none where the relay knows us")
    password: Secret | None = None
    token: Secret | None = Field(default=None, description="an OAuth access token, used with XOAUTH2")
    sender: Mailbox = Field(description="whom the mails come from, such as IT Help <it-help@example.org>")
    return_path: Literal["sender", "empty"] = Field(
        default="sender", description="where bounces go; `empty` where the relay takes mail that returns nowhere"
    )
    timeout: Seconds = Field(default=30.0, gt=0, le=300, description="longest silence of the server, in seconds")

    @property
    def address(self) -> str:
        """The sender's address, in lower case."""
        return mailbox(self.sender)[1]

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or {"starttls": 587, "implicit": 465, "none": 25}[self.tls]

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        given = [name for name in ("password", "token") if getattr(self, name) is not None]
        if bool(self.username) != (len(given) == 1):
            raise ValueError("a username goes with one of password and token, or with none where there is no username")
        return self

    @model_validator(mode="after")
    def _not_in_the_open(self) -> Self:
        if self.tls == "none" and not self.unencrypted and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("tls: none sends mail in the open; say unencrypted: true if that is meant")
        return self


class Way(_Part):
    """How those are told who asked through one source, and of what. `events` that are not named are not told."""

    by: Literal["mail", "callback", "slack", "bot_framework", "webhook", "source"] = Field(
        description="mail, a signed callback, a bot's service, any that takes JSON, or a way of the source's own"
    )
    url: WebAddress | None = Field(default=None, description="of the callback, the bot's service or the webhook")
    unencrypted: bool = Field(default=False, description="yes, http:// to another machine than this one")
    hmac: Secret | None = Field(default=None, description="signs what is posted, as posts to the intake are signed")
    token: Secret | None = Field(default=None, description="a bearer token of the bot's service or the webhook")
    events: tuple[Event, ...] = (
        *(Event.RECEIVED, Event.CHANGED, Event.DEFERRED, Event.DECLINED, Event.RESOLVED),
        *(Event.PROBLEM_OPENED, Event.PROBLEM_RESOLVED),
    )
    statuses: tuple[Status, ...] = Field(
        default=(Status.PENDING,), description="the statuses whose beginning `changed` tells of"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.by in ("callback", "bot_framework", "webhook") and self.url is None:
            raise ValueError(f"{self.by} needs the url to post to")
        if self.by == "callback" and self.hmac is None:
            raise ValueError("callback needs hmac, the secret that it is signed with")
        if self.by in ("slack", "bot_framework") and self.token is None:
            raise ValueError(f"{self.by} needs token, the bot's own")
        if in_the_open(self.url) and not self.unencrypted:
            raise ValueError("http sends messages and secrets in the open; write https, or unencrypted: true")
        return self


def _survey(value: str) -> str:
    if not value.startswith(("https://", "http://")) or value.count("{token}") != 1 or not value.isprintable():
        raise ValueError("a survey is an address with one {token} in it, such as https://survey.example/s/{token}")
    return value


class Answers(_Part):
    """What people are told; off unless sources are named."""

    smtp: Smtp | None = Field(default=None, description="the server that takes our mail")
    messages: str = Field(default="mappings/messages", min_length=1, description="the folder with the texts")
    survey: Annotated[str, AfterValidator(_survey)] | None = Field(
        default=None, description="offered with a resolution; {token} names the ticket to nobody but us"
    )
    per_hour: int = Field(default=6, ge=1, le=1000, description="messages to one person in an hour; more of them wait")
    domains: tuple[str, ...] = Field(default=(), description="where given, mail goes to no other domain than these")
    never: tuple[str, ...] = Field(default=(), description="addresses or domains that are never told anything")
    sources: Mapping[str, Way] = Field(default_factory=dict, description="how each source's people are told")

    @model_validator(mode="after")
    def _has_a_server(self) -> Self:
        if self.smtp is None and any(way.by == "mail" for way in self.sources.values()):
            raise ValueError("who answers by mail needs smtp")
        return self


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that happened to a ticket. `ref` tells it from others of its kind; `problem_id` is the outage that the
    ticket belongs to."""

    id: int
    ticket_id: int
    what: str
    ref: str
    at: float
    problem_id: int | None
    detail: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def of_problem(self) -> bool:
        """Does it concern everybody whom the outage affects?"""
        return (
            self.what in _OF_PROBLEMS
            or self.what in _SAME
            or (self.problem_id is not None and "problem" in self.detail)
        )

    @property
    def event(self) -> Event | None:
        """What is told, or None for what is never told."""
        known = _SAME.get(self.what)
        return known or (Event(self.what) if self.what in set(Event) else None)


def worth_telling(occasion: Occasion, way: Way) -> bool:
    """Do these people want to hear of it?"""
    if occasion.event is None or occasion.event not in way.events:
        return False
    if occasion.what != Event.CHANGED:
        return True
    return not occasion.detail.get("ours") and occasion.detail.get("status") in way.statuses


def part(occasion: Occasion, person: str) -> str:
    """The name of the delivery that tells this person of it. The same for all tickets of an outage where it is told
    of that."""
    ref = "" if occasion.event is Event.PROBLEM_OPENED else occasion.ref
    if occasion.of_problem:
        return f"notice:{occasion.event}:{ref}:{person}"
    return f"notice:{occasion.what}:{ref}:{person}"


# ── who is told ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told, and where. `person` is the same for one person in every channel, and names nobody."""

    name: str
    address: str
    person: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Why nobody is told."""

    reason: str


def person_of(ticket: Ticket) -> str:
    """The person who asks, in 16 hex digits: by address, else by login, else by id; else each ticket is a person."""
    who = ticket.requester
    return person_at(who.email or who.login or who.id or f"{ticket.source}\x1f{ticket.external_id}")


def person_at(address: str) -> str:
    """The person at an address, in 16 hex digits."""
    return hashlib.sha256(address.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()[:16]


def recipient(ticket: Ticket, way: Way, answers: Answers, own: frozenset[str]) -> Recipient | Silence:
    """Where the person who asked is told. `own` are our addresses, in lower case.

    Machines, mailing lists and senders who asked for no automatic answer are told nothing (RFC 3834), nor is a patient.
    """
    who = ticket.requester
    if who.kind is PersonKind.PATIENT:
        return Silence("patients are told nothing")
    if why := _machine(ticket):
        return Silence(why)
    if way.by == "mail":
        return _by_mail(ticket, who, answers, own)
    if way.by in ("slack", "bot_framework"):
        if ticket.conversation is None:
            return Silence("it came from no talk")
        return Recipient(who.name, ticket.conversation.id, person_of(ticket))
    return Recipient(who.name, ticket.external_id, person_of(ticket))


def _machine(ticket: Ticket) -> str:
    """Why a machine, or many people at once, seem to stand behind the ticket; "" where a person does."""
    if ticket.extra.get("automatic"):
        return f"it is no mail of a person ({ticket.extra['automatic']})"
    if ticket.extra.get("list"):
        return "it came through a mailing list"
    return "its sender wants no automatic answer" if ticket.extra.get("unanswered") else ""


def _by_mail(ticket: Ticket, who: Person, answers: Answers, own: frozenset[str]) -> Recipient | Silence:
    address = who.email.strip().lower()
    if why := unfit(address, answers, own):
        return Silence(why)
    return Recipient(who.name, address, person_of(ticket))


def unfit(address: str, answers: Answers, own: frozenset[str]) -> str:
    """Why no mail may go to an address, or "" where it may."""
    if not address:
        return "no address is known"
    if not is_address(address):
        return "the address is none"
    if address in own:
        return "the address is our own"
    local, _, domain = address.rpartition("@")
    if _NOBODY.fullmatch(local):
        return "nobody reads mail at that address"
    if address in answers.never or domain in answers.never:
        return "the settings say never"
    if answers.domains and domain not in {each.lower().lstrip("@") for each in answers.domains}:
        return "the address is in none of the settings' domains"
    return ""


_NOBODY = re.compile(
    r"(?:.*[._+-])?(?:(?:no|do[._-]?not|never)[._-]?reply|mailer[._-]?daemon|mail[._-]?daemon|postmaster|bounces?|root|daemon|nobody)"
    r"(?:[._+=-].*)?|.*-(?:bounces|request|owner|admin)|(?:owner|bounce|bounces)[-+=].*|.*\+bounces?|prvs=.*|srs[01]=.*",
    re.IGNORECASE,
)


# ── what a message may say ───────────────────────────────────────────────────────────────────────────────────────


class Linked(Model):
    """A knowledge article that the help desk linked."""

    title: str = ""
    url: str = ""


class Notice(Model):
    """What is told besides the ticket itself: numbers and addresses at the help desk, and what it says."""

    event: str
    name: str = ""
    number: str = ""
    url: str = ""
    status: str = ""
    resolution: str = ""
    text: str = ""
    problem: str = ""
    articles: tuple[Linked, ...] = ()
    survey: str = ""
