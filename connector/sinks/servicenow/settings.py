"""What a ServiceNow sink can be told."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from connector.plugins import Secret, SinkSettings
from connector.sinks.accounts import Auth

SETTLE_AFTER = 360.0  # a transaction may run 60 s and wait in a queue before; then some


class ServiceNowAuth(Auth):
    """User and password, an OAuth client (with a user for the password grant), or an API key."""

    ways: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"username", "password"}),
        frozenset({"client_id", "client_secret"}),
        frozenset({"client_id", "client_secret", "username", "password"}),
        frozenset({"api_key"}),
    )

    username: str = ""
    password: Secret | None = None
    client_id: str = ""
    client_secret: Secret | None = None
    api_key: Secret | None = None


class Settings(SinkSettings):
    """What a ServiceNow sink can be told. `unknown_caller` is the login of the user who stands in for unknown ones."""

    auth: ServiceNowAuth
    settle_after: float = Field(default=SETTLE_AFTER, gt=0, le=604_800)
    unknown_caller: str | None = None
