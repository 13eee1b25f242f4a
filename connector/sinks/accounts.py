"""Which credential a sink was given, and the session settings that come from its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator

from connector import wire
from connector.plugins import Secret, SinkSettings, SinkTools

MARGIN = 5.0  # seconds that a call may outlast its deadline, which stops the bytes but not a name server


class Auth(BaseModel):
    """A credential: one of the sets of keys that the sink knows, and no other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ways: ClassVar[tuple[frozenset[str], ...]] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = frozenset(self.model_fields_set)
        if given not in self.ways:
            forms = " or ".join("{" + ", ".join(sorted(way)) + "}" for way in self.ways)
            raise ValueError(f"auth is given as {forms}")
        return self

    def form(self, base: Path, **more: str) -> dict[str, str]:
        """The credential as a form for an OAuth server. Raises SettingsError where a secret is missing."""
        values: Mapping[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        shown = {name: value.reveal(base) if isinstance(value, Secret) else value for name, value in values.items()}
        return {**shown, **more}


def opened(
    name: str,
    settings: SinkSettings,
    tools: SinkTools,
    credential: wire.Credential | None,
    dialect: wire.Dialect = wire.PLAIN,
) -> wire.Session:
    """A session for the calling thread, as the sink's settings say."""
    return wire.session(
        name,
        settings.url,
        credential,
        timeout=settings.timeout,
        proxy=settings.proxy,
        ca_bundle=tools.base / settings.ca_bundle if settings.ca_bundle else None,
        limiter=tools.limiter,
        clock=tools.clock,
        dialect=dialect,
    )
