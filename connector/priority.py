"""How urgent a ticket is: impact x urgency, the patient, the environment. Pure.

The matrix is ServiceNow's sample data lookup (ITIL): 1 critical, 2 high, 3 moderate, 4 low, 5 planning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from connector.matching import Test, compiled, finder, words_of
from connector.ticket import Impact, Ticket, Urgency

IMPACT: Mapping[Impact, int] = {Impact.ENTERPRISE: 1, Impact.SITE: 1, Impact.UNIT: 2, Impact.USER: 3}
URGENCY: Mapping[Urgency, int] = {Urgency.HIGH: 1, Urgency.MEDIUM: 2, Urgency.LOW: 3}
CRITICAL = 1

_RAISED: Mapping[Urgency, Urgency] = {
    Urgency.LOW: Urgency.MEDIUM,
    Urgency.MEDIUM: Urgency.HIGH,
    Urgency.HIGH: Urgency.HIGH,
}

# Copies of the EHR that no patient depends on. A name that is not known counts as production: the safer reading.
_NOT_PRODUCTION = re.compile(
    r"(?:tst|test|trn|train|training|sup|support|dev|development|poc|ply|play|sbx|sandbox|bld|build|rel|stg|stage|staging"
    r"|uat|qa|mst|non-?prod)(?:[\s_.-]?\d{1,4})?",
    re.IGNORECASE,
)

# Words that a person should see soon. Found in what is said, never a reason to raise a priority by itself.
_SIGNALS: Mapping[str, Callable[[str], bool]] = {
    "downtime": finder(
        (
            *("downtime", "outage*", "system down", "everything down", "everything is down"),
            *("system is down", "network is down", "server is down", "epic is down", "cerner is down", "ehr is down"),
            *("nobody can log in", "no one can log in", "none of us can log in", "everyone is locked out"),
            *("we cannot log in", "we can't log in", "several users cannot log in"),
        )
    ),
    "patient_safety": finder(
        (
            *("wrong patient", "wrong-patient", "patient safety", "patient harm", "wrong chart", "wrong dose"),
            *("wrong medication*", "medication error*", "dosing error*", "wrong wristband*", "wristband error*"),
            *("wrong label*", "missing allerg*", "allergy missing", "allergies missing"),
        )
    ),
}


class Weighing(BaseModel):
    """What a site says of its environments. Names go before the built-in ones; `*` stands for any text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    production: tuple[str, ...] = Field(default=(), description="environments where patients are treated")
    non_production: tuple[str, ...] = Field(default=(), description="environments where none are")
    cap: Impact = Field(default=Impact.USER, description="the highest impact outside production")

    @cached_property
    def _production(self) -> Test | None:
        return _named(self.production)

    @cached_property
    def _elsewhere(self) -> Test | None:
        return _named(self.non_production)

    def impact(self, ticket: Ticket) -> Impact:
        """The ticket's impact, no higher than `cap` outside production."""
        if IMPACT[ticket.impact] >= IMPACT[self.cap] or self._in_production(ticket):
            return ticket.impact
        return self.cap

    def _in_production(self, ticket: Ticket) -> bool:
        if self._production is not None and self._production(ticket):
            return True
        if self._elsewhere is not None and self._elsewhere(ticket):
            return False
        return production(ticket.context.environment)


def _named(environments: tuple[str, ...]) -> Test | None:
    return compiled({"context.environment": list(environments)}) if environments else None


DEFAULT = Weighing()


@dataclass(frozen=True, slots=True)
class Weight:
    """What a ticket weighs once patient and environment are taken into account."""

    impact: Impact
    urgency: Urgency

    @property
    def priority(self) -> int:
        """1 critical to 5 planning."""
        return matrix(self.impact, self.urgency)


def matrix(impact: Impact, urgency: Urgency) -> int:
    """The priority that impact and urgency make, 1 to 5."""
    return IMPACT[impact] + URGENCY[urgency] - 1


def production(environment: str) -> bool:
    """Is this, as far as its name tells, where patients are treated?"""
    return _NOT_PRODUCTION.fullmatch(environment.strip()[:40]) is None


def weigh(ticket: Ticket, weighing: Weighing = DEFAULT) -> Weight:
    """Impact and urgency as they should be acted on.

    Trouble outside production holds up one user at most, or as many as the site's cap says. Where patient care is
    affected, urgency goes one step up, except that this alone never makes a ticket critical: most callers say that
    patients are affected.
    """
    impact, urgency = weighing.impact(ticket), ticket.urgency
    if ticket.patient_care and matrix(impact, _RAISED[urgency]) > CRITICAL:
        urgency = _RAISED[urgency]
    return Weight(impact, urgency)


def signals(ticket: Ticket, words: str | None = None) -> tuple[str, ...]:
    """Words for routing and human review: `patient_care`, `downtime`, `patient_safety`.

    `words` is `matching.words_of` the ticket, where that is at hand.
    """
    text = words_of(ticket) if words is None else words
    found = ["patient_care"] if ticket.patient_care else []
    return (*found, *(signal for signal, said in _SIGNALS.items() if said(text)))
