"""How urgent a ticket is: impact x urgency, the patient, the environment. Pure.

The matrix is ServiceNow's sample data lookup (ITIL): 1 critical, 2 high, 3 moderate, 4 low, 5 planning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

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

_TEXT_LIMIT = 20_000
_SIGNALS: Mapping[str, re.Pattern[str]] = {
    "downtime": re.compile(
        r"\b(?:downtime|outage|(?:system|everything|server|network|epic|cerner|ehr|emr) (?:is |are )?down"
        r"|(?:nobody|no one|none of us) can log ?in|(?:we|all of us|everyone) (?:cannot|can't|can not) log ?in)\b",
        re.IGNORECASE,
    ),
    "patient_safety": re.compile(
        r"\b(?:wrong patient|patient safety|patient harm|wrong (?:medication|dose|wristband|label|chart)"
        r"|(?:medication|dosing|wristband) error|allergy (?:missing|not shown))\b",
        re.IGNORECASE,
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


def signals(ticket: Ticket) -> tuple[str, ...]:
    """Words for routing and human review: `patient_care`, `downtime`, `patient_safety`."""
    found = ["patient_care"] if ticket.patient_care else []
    texts = (ticket.summary, ticket.description)
    for word, pattern in _SIGNALS.items():
        if any(pattern.search(text, 0, _TEXT_LIMIT) for text in texts):
            found.append(word)
    return tuple(found)
