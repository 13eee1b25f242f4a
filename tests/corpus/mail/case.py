"""One mail of the corpus, and what it is to be read as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.unit.email.build import OWN

SETTINGS: dict[str, Any] = {
    "own_addresses": frozenset({OWN}),
    "agents": frozenset({"it.example"}),
    "ticket_systems": {"vendor.example": ("CASE-", "INC")},
}


@dataclass(frozen=True)
class Case:
    """`want` says what is to be so: `reading`, and of the ticket or comment whatever else is named (see `facts`)."""

    name: str
    data: bytes = field(repr=False)
    want: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


def ticket(name: str, data: bytes, _settings: dict[str, Any] | None = None, **want: Any) -> Case:
    return Case(name, data, {"reading": "ticket", **want}, _settings or {})


def reply(name: str, data: bytes, _settings: dict[str, Any] | None = None, **want: Any) -> Case:
    return Case(name, data, {"reading": "reply", **want}, _settings or {})


def counted(name: str, data: bytes, reason: str, **settings: Any) -> Case:
    return Case(name, data, {"reading": "counted", "reason": reason}, settings)


def rejected(name: str, data: bytes, code: str) -> Case:
    return Case(name, data, {"reading": "rejected", "code": code})
