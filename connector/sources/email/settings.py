"""What can be told to the `email` source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from connector.sources.email.imap.settings import ImapSettings
from connector.sources.email.parse import Limits
from connector.sources.site import SiteSettings

Prefix = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,19}$")]


class EmailSettings(SiteSettings):
    """Settings of a mailbox, in files or on a server. Addresses and domains may be written in any case."""

    ways_in: ClassVar[tuple[str, ...]] = ("path", "imap")

    imap: ImapSettings | None = Field(default=None, description="a mailbox on a server, instead of `path`")
    format: Literal["auto", "maildir", "mbox", "eml"] = Field(
        default="auto",
        description="auto: a folder with `cur` and `new` is a Maildir, a file that begins with `From ` a mbox, "
        "anything else one mail",
    )
    own_addresses: frozenset[str] = Field(
        default=frozenset(), description="addresses of this mailbox: never watchers, and mail from them is a loop"
    )
    agents: frozenset[str] = Field(
        default=frozenset(),
        description="addresses or domains of people whose forwards are on behalf of the original author",
    )
    authserv_id: str = Field(
        default="",
        max_length=200,
        description="the name that your mail server writes into Authentication-Results (none: it writes no name); "
        "where it is given, only senders whom that server has proved act as agents",
    )
    own_mail: Literal["count", "ticket"] = Field(
        default="count", description="mail from own_addresses: a loop that is counted, or people who share an address"
    )
    ticket_systems: Mapping[str, tuple[Prefix, ...]] = Field(
        default_factory=dict,
        description="addresses or domains of other ticket systems, each with the prefixes of its numbers in subjects",
    )
    reply_to: Literal["ignore", "use"] = Field(
        default="ignore", description="use: who stands in Reply-To is the requester (for web forms)"
    )
    calendar: Literal["count", "ticket"] = Field(
        default="count", description="meeting invitations and answers: count them, or make tickets with the .ics"
    )
    keep_quoted: bool = Field(default=False, description="comments keep the mail that they quote")
    keep_signature: bool = Field(default=False, description="texts keep signatures; else these go to `extra.signature`")
    watchers: int = Field(default=40, ge=0, le=200, description="people from Cc, at most")
    limits: Limits = Field(default_factory=Limits, description="how much of one mail is taken apart")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.path and self.imap:
            raise ValueError("a source reads path or imap, not both; make two sources of them")
        return self

    @field_validator("ticket_systems")
    @classmethod
    def _lower_keys(cls, systems: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        return {entry.strip().lower(): prefixes for entry, prefixes in systems.items() if prefixes}

    @field_validator("own_addresses", "agents")
    @classmethod
    def _lower(cls, listed: frozenset[str]) -> frozenset[str]:
        return frozenset(entry.strip().lower() for entry in listed)
