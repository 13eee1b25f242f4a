"""Where a ticket goes, and as what: ordered rules from the settings. Pure.

The first fitting rule that names a sink ends the search. Rules before it may name a group, a category, an impact or
an urgency alone; of each, the first that is named counts. All rules see the ticket as it was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connector import matching
from connector.errors import ConnectorError
from connector.ticket import Category, Impact, Ticket, Urgency

_SET = ("category", "impact", "urgency")
_NAMED = ("group", *_SET)


class NoRoute(ConnectorError):
    """No rule fits the ticket."""


class Route(BaseModel):
    """One rule: what becomes of a ticket that meets `when`. It names at least one thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Any] = Field(
        default_factory=dict,
        description="plain matching of ticket fields; empty fits every ticket",
        examples=[{"channel": "chatbot", "context.environment": ["PRD", "SUP"]}],
    )
    sink: str | None = Field(default=None, min_length=1, description="name of a sink in these settings")
    group: str | None = Field(
        default=None, min_length=1, description="assignment group, offered to mappings as `group`"
    )
    category: Category | None = Field(default=None, description="replaces the ticket's own")
    impact: Impact | None = Field(default=None, description="replaces the ticket's own")
    urgency: Urgency | None = Field(default=None, description="replaces the ticket's own")

    @field_validator("when")
    @classmethod
    def _faultless(cls, when: dict[str, Any]) -> dict[str, Any]:
        found = [f"{fault.what} ({fault.remedy})" if fault.remedy else fault.what for fault in matching.faults(when)]
        if found:
            raise ValueError("; ".join(found))
        return when

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.sink or self.names):
            raise ValueError(f"a route names a sink, or one of {', '.join(_NAMED)}")
        return self

    @cached_property
    def _test(self) -> matching.Test:
        return matching.compiled(self.when)

    def fits(self, ticket: Ticket) -> bool:
        """Does the ticket meet every condition?"""
        return self._test(ticket)

    @cached_property
    def names(self) -> dict[str, str]:
        """What it names besides a sink."""
        return {name: value for name in _NAMED if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a ticket goes, and the ticket with what the rules changed of it. No group is an empty text."""

    sink: str
    group: str
    ticket: Ticket


def choose(routes: Sequence[Route], ticket: Ticket) -> Routed:
    """What the rules make of the ticket; raises NoRoute, whose text names no part of the ticket."""
    named: dict[str, str] = {}
    for route in routes:
        if not route.fits(ticket):
            continue
        if route.names:
            named = {**route.names, **named}
        if route.sink is not None:
            group = named.pop("group", "")
            return Routed(route.sink, group, ticket.model_copy(update=named) if named else ticket)
    raise NoRoute(
        f"no route fits a {ticket.channel} ticket of {ticket.source}",
        "end `routes:` with a rule without `when:`, such as {sink: servicenow}",
    )
