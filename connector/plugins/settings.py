"""What plugins can be told: settings, and where secrets are kept."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
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

from connector.durations import Seconds
from connector.errors import Finding, SettingsError

_SECRET_BYTES = 16_384
_LONG = 16


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
        value = os.environ.get(name, "") if kind == "env" else _first_line(base / name)
        if not value:
            raise SettingsError([Finding("no-secret", self.place, *self._lacking(kind, base, name))])
        return value

    def _lacking(self, kind: str, base: Path, name: str) -> tuple[str, str]:
        """What is wrong where no secret is, and the remedy."""
        if kind == "env":
            is_set = "is empty" if name in os.environ else "is not set"
            return f"the environment variable {name} {is_set}", "set it to the secret"
        file = base / name
        if file.is_file():
            return f"the secret's file {name} has no text in its first line", "write the secret there"
        what = "is no file" if os.path.lexists(file) else "does not exist"
        return f"the secret's file {name} {what}", f"write the secret into the first line of {file}"

    def __repr__(self) -> str:
        return self.place

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )


class LongSecret(Secret):
    """A secret that strangers may guess at, and therefore has 16 characters at least."""

    __slots__ = ()

    def reveal(self, base: Path) -> str:
        """The secret itself, as `Secret.reveal` has it. Raises SettingsError where it is too short, too."""
        value = super().reveal(base)
        if len(value) < _LONG:
            what, remedy = f"a secret of posts has {_LONG} characters at least", "make one with: openssl rand -hex 32"
            raise SettingsError([Finding("weak-secret", self.place, what, remedy)])
        return value


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


Secrets = Annotated[tuple[LongSecret, ...], BeforeValidator(_several)]


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


def in_the_open(url: str | None) -> bool:
    """Would what is sent to this address leave the machine without TLS?"""
    parts = urlsplit(url or "")
    host = parts.hostname or ""
    return parts.scheme == "http" and host != "localhost" and not _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class SinkSettings(PluginSettings):
    """What every sink can be told. Times are in seconds."""

    url: WebAddress
    mapping: str
    settle_after: Seconds = Field(gt=0, le=604_800)
    timeout: Seconds = Field(
        default=75.0, gt=0, le=3600, description="longest wait for one answer; ServiceNow works up to 60 s"
    )
    concurrency: int = Field(default=4, ge=1, le=32)
    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    bulk: Literal["auto", "off"] = "auto"
    attachments: Literal["withhold", "send"] = "withhold"
    clearance: Clearance = Clearance.NONE
    proxy: WebAddress | None = None
    ca_bundle: str | None = None
    unencrypted: bool = Field(default=False, description="yes, http:// to another machine than this one")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if in_the_open(self.url) and not self.unencrypted:
            raise ValueError("http sends tickets and passwords in the open; write https, or unencrypted: true")
        return self
