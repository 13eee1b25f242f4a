"""What can be told about a mailbox on a server."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connector.durations import Seconds
from connector.plugins import Secret, WebAddress

PORTS = {"implicit": 993, "starttls": 143, "none": 143}


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("there are control characters in it")
    return text


Name = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_printable)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OAuth(_Part):
    """Client credentials at Microsoft's identity platform; the application needs `IMAP.AccessAsApp`."""

    tenant: str = Field(pattern=r"^[A-Za-z0-9.-]{1,100}$")
    client_id: Name
    client_secret: Secret
    authority: WebAddress = "https://login.microsoftonline.com"
    scope: str = "https://outlook.office365.com/.default"


class ImapSettings(_Part):
    """A folder on an IMAP server, how to get in, and what becomes of a mail there once it is safe here."""

    host: str = Field(pattern=r"^[A-Za-z0-9:._-]{1,253}$")
    port: int | None = Field(default=None, ge=1, le=65_535, description="993; 143 with starttls and none")
    tls: Literal["implicit", "starttls", "none"] = Field(
        default="implicit", description="certificates are always verified; starttls never falls back to plain text"
    )
    unencrypted: bool = Field(default=False, description="yes, `tls: none` to another machine than this one")
    ca_bundle: str | None = Field(default=None, description="a file with the certificate authority of the server")
    username: Name = Field(description="the login; of a shared mailbox with a token its address")
    password: Secret | None = None
    oauth: OAuth | None = Field(default=None, description="a token from Microsoft, by client id and secret")
    token_command: tuple[Name, ...] = Field(
        default=(), description="program and arguments; the first line that it prints is the token"
    )
    folder: Name = "INBOX"
    after: Literal["none", "seen", "flag", "move", "delete"] = Field(
        default="none", description="done to a mail on the server when the ledger has it"
    )
    keyword: str = Field(default="$Ticketed", pattern=r"^[A-Za-z0-9$_.-]{1,60}$", description="for `after: flag`")
    move_to: Name = Field(default="Processed", description="folder for `after: move`; made where it is missing")
    timeout: Seconds = Field(default=60.0, gt=0, le=600, description="longest silence of the server, in seconds")
    keep_raw: bool = Field(default=True, description="the ledger keeps every mail as it came")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or PORTS[self.tls]

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        given = [way for way in ("password", "oauth", "token_command") if getattr(self, way)]
        if len(given) != 1:
            raise ValueError("one credential is needed: password, oauth or token_command")
        return self

    @model_validator(mode="after")
    def _not_in_the_open(self) -> Self:
        if self.tls == "none" and not (self.unencrypted or _is_here(self.host)):
            raise ValueError("mail and password would travel in the open; use implicit or starttls")
        return self

    @model_validator(mode="after")
    def _somewhere_else(self) -> Self:
        if self.after == "move" and self.move_to.casefold() == self.folder.casefold():
            raise ValueError("move_to is the folder that is read")
        return self


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
