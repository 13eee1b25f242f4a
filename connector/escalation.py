"""When nobody answers or solves in time: ordered rules from the settings. Pure: no clock.

Of the rules that speak of the same moment (so long before the same time) the first that fits a ticket counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from connector import matching
from connector.answering import Mailbox
from connector.durations import Seconds
from connector.service_levels import Grade, Level, ServiceLevels, grade
from connector.ticket import Ticket, Urgency

# A time that passed longer ago is history: it was passed before anybody asked for escalations, or was read too late.
LATE = 86_400.0


def faultless(when: dict[str, Any]) -> dict[str, Any]:
    """The condition, where nothing is wrong with it. Raises ValueError."""
    found = [f"{fault.what} ({fault.remedy})" if fault.remedy else fault.what for fault in matching.faults(when)]
    if found:
        raise ValueError("; ".join(found))
    return when


class Escalation(BaseModel):
    """One rule: what is done before, or when, a promised time passes. It does at least one thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Any] = Field(
        default_factory=dict, description="plain matching of ticket fields; empty fits every ticket"
    )
    on: Literal["respond", "resolve"] = Field(description="the time to answer, or the time to solve")
    before: Seconds = Field(default=0.0, le=30 * 86_400, description="so long before it passes; 0 when it passes")
    note: str = Field(default="", max_length=2000, description="a work note, for the help desk's own people")
    tell: tuple[Mailbox, ...] = Field(default=(), description="addresses that get a mail")
    urgency: Urgency | None = Field(default=None, description="the urgency that the record gets")
    group: str | None = Field(default=None, min_length=1, description="the group that the record goes to")
    _test: matching.Test = PrivateAttr()

    _faultless = field_validator("when")(faultless)

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not (self.note or self.tell or self.urgency or self.group):
            raise ValueError("an escalation does something: note, tell, urgency or group")
        return self

    def model_post_init(self, context: Any, /) -> None:
        self._test = matching.compiled(self.when)

    def fits(self, ticket: Ticket) -> bool:
        """Does the ticket meet every condition?"""
        return self._test(ticket)

    @property
    def name(self) -> str:
        """The moment that the rule speaks of: one ticket is escalated once at each."""
        return f"{self.on}:{self.before:.0f}"

    def moment(self, level: Level, reported_at: float) -> float | None:
        """When it is time, in seconds since the epoch; None where nothing is promised."""
        promised = level.respond if self.on == "respond" else level.resolve
        return None if promised is None else reported_at + promised - self.before


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a ticket is: when it was reported, and whether it was answered and solved by now."""

    reported_at: float
    priority: int
    answered: bool = False
    resolved: bool = False


def due(
    rules: Sequence[Escalation], ticket: Ticket, standing: Standing, levels: ServiceLevels, now: float
) -> Iterator[Escalation]:
    """The rules whose time has come for the ticket, one for each moment."""
    level, moments = levels.of(grade(standing.priority)), set[str]()
    for rule in rules:
        if rule.name in moments or not rule.fits(ticket):
            continue
        moments.add(rule.name)
        done = standing.resolved or (rule.on == "respond" and standing.answered)
        at = rule.moment(level, standing.reported_at)
        if not done and at is not None and now - LATE < at <= now:
            yield rule


def windows(
    rules: Sequence[Escalation], levels: ServiceLevels, since: float, until: float
) -> Iterator[tuple[float, float]]:
    """When those tickets were reported whose time may have come after `since` and up to `until`."""
    for rule in rules:
        for named in Grade:
            at = rule.moment(levels.of(named), 0.0)
            if at is not None:
                yield since - at, until - at
