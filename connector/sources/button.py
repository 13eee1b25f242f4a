"""What every dialect of the help button shares: the settings, where a payload came from, and how its id is made."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from connector.sources.build_records import BUILD, PATIENT, Codes
from connector.sources.files import FileSettings
from connector.ticket import Category, Kind, PersonKind, Ticket

_NAMESPACE = uuid.UUID("0f5d6a2c-6d3e-5b0f-9a55-3c1f0c7f6f11")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")
_PLAIN_ID = 60


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


def issue_word(said: str) -> str:
    """An issue type as the table spells it: `Missing choice` is `missing_choice`."""
    return re.sub(r"[^a-z0-9]+", "_", said.lower()).strip("_")


def zone(name: str) -> str:
    """The same name when it is a time zone's; raises ValueError."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; write one like America/Chicago") from None
    return name


class EhrButtonSettings(FileSettings):
    """Settings of the help button.

    `timezone` is that of times which name none. `person` is who presses the button where the payload does not say.
    `issue_types`, `build_codes` and `patient_codes` add to the built-in tables and win over them. A carried file
    beyond `attachment_bytes` is noted, not taken.
    """

    timezone: str = "UTC"
    person: PersonKind = PersonKind.STAFF
    issue_types: dict[str, IssueType] = Field(default_factory=dict)
    build_codes: frozenset[str] = frozenset()
    patient_codes: frozenset[str] = frozenset()
    attachment_bytes: int = Field(default=10 * 1024 * 1024, ge=1024, le=100 * 1024 * 1024)

    _zone = field_validator("timezone")(zone)

    @cached_property
    def zone_info(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.timezone)

    @cached_property
    def issues(self) -> Mapping[str, IssueType]:
        """The built-in table with the site's over it."""
        return {**ISSUE_TYPES, **{issue_word(name): value for name, value in self.issue_types.items()}}

    @cached_property
    def codes(self) -> Codes:
        """The built-in codes with the site's over them."""
        build, patient = self.build_codes, self.patient_codes
        return Codes(frozenset(BUILD) - patient | build, frozenset(PATIENT) - build | patient)


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


def external_id(tenant: str, system: str, request_id: str) -> str:
    """The id of a request that brought its own: `TENANT:SYSTEM:REQUEST`, leading empty parts left out.

    Parts that are long or not plain are hashed together (UUIDv5), so the id is stable, unique and, mostly, readable.
    """
    parts = [tenant, system, request_id]
    while not parts[0]:
        parts.pop(0)
    plain = all(_PLAIN.fullmatch(part) for part in parts)
    whole = ":".join(parts)
    return whole if plain and len(whole) <= _PLAIN_ID else hashed(*parts)


def hashed(*parts: str) -> str:
    """A UUIDv5 over the parts."""
    return str(uuid.uuid5(_NAMESPACE, "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)))
