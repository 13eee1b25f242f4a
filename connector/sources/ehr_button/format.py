"""What every format of the help button has: a way to tell it, and a way to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from connector.plugins import Reading
from connector.sources.ehr_button.settings import EhrButtonSettings


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a payload came from: the source's id, the record's place, and when it came in."""

    source: str
    place: str
    received_at: datetime | None


class Format(Protocol):
    """One way to write a payload, told by its shape: a module with these two functions."""

    def matches(self, payload: Mapping[str, Any], settings: EhrButtonSettings) -> bool:
        """Is this payload of that shape?"""

    def reading(self, payload: Mapping[str, Any], origin: Origin, settings: EhrButtonSettings) -> Reading:
        """What it says; raises Unreadable where it says nothing that could be a ticket. Pure."""
