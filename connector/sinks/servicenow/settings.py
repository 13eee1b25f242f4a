"""What a ServiceNow sink can be told."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connector.durations import Seconds
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


class Solving(BaseModel):
    """What a record is given when it is resolved along with its problem, or a problem by command, and has none itself.

    `assignee` is the login of whoever becomes a problem's assignee, without whom it cannot leave its first state.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = "Resolved by problem"
    declined: str = "No resolution provided"
    problem_code: str = "fix_applied"
    assignee: str | None = None


class Settings(SinkSettings):
    """What a ServiceNow sink can be told. `unknown_caller` is the login of the user who stands in for unknown ones.

    `parent` says what an incident is made a child of: a problem (`problem_id`) or another incident (`parent_incident`).
    With `mode: import` new records go through the Import Set API into `import_table`, whose transform map writes them
    with the times of their own; everything else goes as ever.
    """

    auth: ServiceNowAuth
    settle_after: Seconds = Field(default=SETTLE_AFTER, gt=0, le=604_800)
    unknown_caller: str | None = None
    parent: Literal["problem", "incident"] = "problem"
    mode: Literal["live", "import"] = "live"
    import_table: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,80}$")
    overlap: Seconds = Field(
        default=360.0, ge=60, le=86_400, description="a row may be committed so long after its stamp"
    )
    solving: Solving = Solving()

    @model_validator(mode="after")
    def _has_a_table_to_import_into(self) -> Self:
        if (self.mode == "import") != (self.import_table is not None):
            raise ValueError("mode: import and import_table, the staging table, are given together or not at all")
        return self
