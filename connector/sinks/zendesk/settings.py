"""What a Zendesk sink can be told."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from connector.durations import Seconds
from connector.plugins import Secret, SinkSettings
from connector.sinks.accounts import Auth

SETTLE_AFTER = 600.0  # the list of tickets lags little, but says nowhere by how much


class ZendeskAuth(Auth):
    """An OAuth client, or an API token with the e-mail of its user (tokens end on 30 April 2027)."""

    ways: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"client_id", "client_secret"}),
        frozenset({"email", "token"}),
    )

    client_id: str = ""
    client_secret: Secret | None = None
    email: str = ""
    token: Secret | None = None


class Settings(SinkSettings):
    """What a Zendesk sink can be told. `unknown_requester` is the e-mail that stands in for a requester without one.

    With `mode: import` tickets are made through the Import API, with times of their own. `jobs_at_once` is this sink's
    part of the 30 jobs that an account works off at a time for all who use it. `solver` is the e-mail of the agent to
    whom a ticket is assigned that is solved and has no assignee, the account's own user where none is named; the first
    of `endings` among its tags tells how a ticket ended.
    """

    auth: ZendeskAuth
    settle_after: Seconds = Field(default=SETTLE_AFTER, gt=0, le=604_800)
    scope: str = "read write"
    unknown_requester: str | None = None
    mode: Literal["live", "import"] = "live"
    jobs_at_once: int = Field(default=25, ge=1, le=30)
    solver: str | None = None
    endings: tuple[str, ...] = ("wont_fix", "declined", "duplicate")
