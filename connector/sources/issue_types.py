"""What sort of ticket a type of issue makes: fault, request or feedback. The names are a site's own, or these."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from connector.sources.text import word_of
from connector.ticket import Category, Kind


class IssueType(BaseModel):
    """What sort of ticket an issue type makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Kind.INCIDENT
    category: Category = Category.BREAK_FIX


_FEEDBACK = IssueType(kind=Kind.FEEDBACK, category=Category.OPTIMIZATION)
_REQUEST = IssueType(kind=Kind.REQUEST, category=Category.OPERATIONAL_REQUEST)
_INCIDENT = IssueType()
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

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

# What names end in: enough to tell a fault from a wish, too little to be a type.
_HEADS = {**dict.fromkeys(("problem", "issue", "fault", "failure", "broken"), _INCIDENT), "request": _REQUEST}


def table(own: Mapping[str, IssueType]) -> Mapping[str, IssueType]:
    """The built-in types with a site's own over them, as `word_of` spells their names."""
    return {**ISSUE_TYPES, **{word_of(name): value for name, value in own.items()}}


def meant_by(name: str, types: Mapping[str, IssueType]) -> IssueType | None:
    """The type that a longer name speaks of: `ReportMissingChoice` of `missing_choice`; None where of none.

    The longest counts, and of several equally long ones the last: a `hardware_problem` is a problem.
    """
    words = word_of(_CAPITAL.sub("_", name[:120])).split("_")
    for size in range(len(words), 0, -1):
        for start in range(len(words) - size, -1, -1):
            found = "_".join(words[start : start + size])
            if found in types or found in _HEADS:
                return types[found] if found in types else _HEADS[found]
    return None
