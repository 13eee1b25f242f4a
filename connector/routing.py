"""Which sink a ticket goes to: ordered rules from the settings, the first match wins. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from connector import matching
from connector.errors import ConnectorError
from connector.ticket import Ticket


class NoRoute(ConnectorError):
    """No rule fits the ticket."""


class Route(BaseModel):
    """One rule: a ticket that meets `when` goes to `sink`, and to `group` where the mapping asks for `group`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Any] = Field(
        default_factory=dict,
        description="plain matching of ticket fields; empty fits every ticket",
        examples=[{"channel": "chatbot", "context.environment": ["PRD", "SUP"]}],
    )
    sink: str = Field(min_length=1, description="name of a sink in these settings")
    group: str | None = Field(default=None, description="assignment group, offered to mappings as `group`")
    _test: matching.Test = PrivateAttr()

    @field_validator("when")
    @classmethod
    def _faultless(cls, when: dict[str, Any]) -> dict[str, Any]:
        found = [f"{fault.what} ({fault.remedy})" if fault.remedy else fault.what for fault in matching.faults(when)]
        if found:
            raise ValueError("; ".join(found))
        return when

    def model_post_init(self, context: Any, /) -> None:
        self._test = matching.compiled(self.when)

    def fits(self, ticket: Ticket) -> bool:
        """Does the ticket meet every condition?"""
        return self._test(ticket)


def choose(routes: Sequence[Route], ticket: Ticket) -> Route:
    """The first route that fits; raises NoRoute, whose text names no part of the ticket."""
    for route in routes:
        if route.fits(ticket):
            return route
    raise NoRoute(
        f"no route fits a {ticket.channel} ticket of {ticket.source}",
        "end `routes:` with a rule without `when:`, such as {sink: servicenow}",
    )
