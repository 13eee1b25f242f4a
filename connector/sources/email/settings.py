"""What can be told to the `email` source."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from connector.sources.email.imap.settings import ImapSettings
from connector.sources.email.parse import Limits
from connector.sources.site import SiteSettings


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

    @field_validator("own_addresses", "agents")
    @classmethod
    def _lower(cls, listed: frozenset[str]) -> frozenset[str]:
        return frozenset(entry.strip().lower() for entry in listed)
