"""What every dialect of the help button shares: the settings, and where a payload came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from connector.sources.site import SiteSettings
from connector.sources.text import word_of
from connector.ticket import Category, Kind, PersonKind, Ticket


class IssueType(BaseModel):
    """What sort of ticket an issue type makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Kind.INCIDENT
    category: Category = Category.BREAK_FIX


_FEEDBACK = IssueType(kind=Kind.FEEDBACK, category=Category.OPTIMIZATION)
_REQUEST = IssueType(kind=Kind.REQUEST, category=Category.OPERATIONAL_REQUEST)
_INCIDENT = IssueType()

ISSUE_TYPES: Mapping[str, IssueType] = {
    **dict.fromkeys(
        ("scheduling", "missing_choice", "missing_option", "feedback", "suggestion", "workflow"), _FEEDBACK
    ),
    **dict.fromkeys(("enhancement", "optimization", "optimisation", "build_request", "idea", "complaint"), _FEEDBACK),
    **dict.fromkeys(("access", "new_user", "training", "how_to", "question", "equipment", "report_request"), _REQUEST),
    **dict.fromkeys(("error", "slow", "performance", "login", "password", "printing", "hardware"), _INCIDENT),
    **dict.fromkeys(("downtime", "outage", "orders", "medication", "documentation", "interface", "lab"), _INCIDENT),
    "maintenance": IssueType(kind=Kind.REQUEST, category=Category.MAINTENANCE),
}


class EhrButtonSettings(SiteSettings):
    """Settings of the help button.

    `issue_types` adds to the built-in table and wins over it. A carried file beyond `attachment_bytes` is noted, not
    taken.
    """

    person: PersonKind = PersonKind.STAFF
    issue_types: dict[str, IssueType] = Field(default_factory=dict)
    attachment_bytes: int = Field(default=10 * 1024 * 1024, ge=1024, le=100 * 1024 * 1024)

    @cached_property
    def issues(self) -> Mapping[str, IssueType]:
        """The built-in table with the site's over it."""
        return {**ISSUE_TYPES, **{word_of(name): value for name, value in self.issue_types.items()}}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a payload came from: the source's id, the record's place, and when it came in."""

    source: str
    place: str
    received_at: datetime | None


class Dialect(Protocol):
    """One shape of payload, recognised by its shape: a module with these two functions."""

    def matches(self, payload: Mapping[str, Any]) -> bool:
        """Is this payload of that shape?"""

    def ticket(self, payload: Mapping[str, Any], origin: Origin, settings: EhrButtonSettings) -> Ticket:
        """The request it carries; raises Unreadable where it carries none. Pure."""
