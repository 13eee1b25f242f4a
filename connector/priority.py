"""How urgent a ticket is: impact x urgency, the patient, the environment. Pure.

The matrix is ServiceNow's sample data lookup (ITIL): 1 critical, 2 high, 3 moderate, 4 low, 5 planning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.matching import finder, words_of
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


def weigh(ticket: Ticket) -> Weight:
    """Impact and urgency as they should be acted on.

    Trouble outside production holds up one user at most. Where patient care is affected, urgency goes one step up,
    except that this alone never makes a ticket critical: most callers say that patients are affected.
    """
    impact = ticket.impact if production(ticket.context.environment) else Impact.USER
    urgency = ticket.urgency
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
