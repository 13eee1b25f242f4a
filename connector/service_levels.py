"""Service levels: how soon a ticket is to be answered and solved, by its priority. Pure: no clock.

Priorities are those of `connector.priority`: 1 is critical, 2 high, 3 medium, 4 and 5 low. Times run around the
clock, weekends and holidays included.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from connector.durations import Seconds
from connector.ticket import Model, Ticket

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_LONGEST = timedelta(days=3660)


class Grade(StrEnum):
    """The service levels there are."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


_GRADES = {1: Grade.CRITICAL, 2: Grade.HIGH, 3: Grade.MEDIUM}


class Level(BaseModel):
    """So soon after it was reported a ticket is answered and solved, in seconds; None is by agreement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    respond: Seconds | None = Field(default=None, le=_LONGEST.total_seconds(), description="the first answer")
    resolve: Seconds | None = Field(default=None, le=_LONGEST.total_seconds(), description="the solution")


class ServiceLevels(BaseModel):
    """The level of each grade. A grade that is named replaces the default wholly: `low: {}` is by agreement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    critical: Level = Level(respond=15 * _MINUTE, resolve=_HOUR)
    high: Level = Level(respond=30 * _MINUTE, resolve=2 * _HOUR)
    medium: Level = Level(respond=7 * _DAY, resolve=14 * _DAY)
    low: Level = Level()

    def of(self, grade: Grade) -> Level:
        """The level of this grade."""
        level: Level = getattr(self, grade)
        return level


DEFAULT = ServiceLevels()


class Promise(Model):
    """What a ticket's level means for it: when it is to be answered and solved at the latest, None by agreement."""

    level: Grade
    respond_by: datetime | None = None
    resolve_by: datetime | None = None


def grade(priority: int) -> Grade:
    """The grade of a priority, 1 critical to 5 planning."""
    return _GRADES.get(priority, Grade.LOW)


def reported(ticket: Ticket) -> datetime | None:
    """When the ticket's time began to run: when it was submitted, else when it came in."""
    return ticket.submitted_at or ticket.received_at


def promise(ticket: Ticket, priority: int, levels: ServiceLevels = DEFAULT) -> Promise:
    """The ticket's level and due times at this priority; without a time of report there are no due times."""
    named = grade(priority)
    level, start = levels.of(named), reported(ticket)
    return Promise(level=named, respond_by=_after(start, level.respond), resolve_by=_after(start, level.resolve))


def _after(start: datetime | None, seconds: float | None) -> datetime | None:
    if start is None or seconds is None:
        return None
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:  # a report dated to the end of time
        return None
