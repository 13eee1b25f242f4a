"""What the parent of an outage says: made of what its reports say, and of nothing that shows a patient."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from connector.clock import utc
from connector.plugins import PROBLEM
from connector.priority import IMPACT, URGENCY
from connector.ticket import Impact, Ticket

TITLE = 120  # characters
_TOKEN = re.compile(r"\s*\[[A-Z]+_\d+\]")
_SPACE = re.compile(r"\s+")

V = TypeVar("V")


def parent(key: str, title: str, reports: Sequence[Ticket], first_at: float, binds: Sequence[str]) -> Ticket:
    """The ticket that a problem's record is made of, from at least one report.

    Several people are held up, so its impact is never that of one; its urgency is that of the most urgent report.
    """
    impacts = [report.impact for report in reports if report.impact is not Impact.USER]
    return Ticket(
        source=PROBLEM,
        external_id=key,
        channel=reports[0].channel,
        summary=title,
        description=_description(reports, first_at, binds),
        impact=min(impacts, key=IMPACT.__getitem__, default=Impact.UNIT),
        urgency=min((report.urgency for report in reports), key=URGENCY.__getitem__),
        patient_care=True if any(report.patient_care for report in reports) else None,
        context=reports[0].context.model_validate(
            {
                name: _most(report.context.__dict__[name] for report in reports)
                for name in ("application", "environment")
            }
        ),
        tags=("outage",),
    )


def titled(reports: Mapping[int, Ticket], scores: Mapping[int, float]) -> str:
    """The words of the report that is most like the others, with its application."""
    said = {each: _plain(report.summary) for each, report in reports.items()}
    best = max(said, key=lambda each: (len(said[each]) > 15, scores.get(each, 0.0)))
    application = _most(report.context.application for report in reports.values())
    title = said[best] or application or "Several reports of the same trouble"
    named = application and application.casefold() not in title.casefold()
    return (f"{application}: {title}" if named else title)[:TITLE].strip()


def _description(reports: Sequence[Ticket], first_at: float, binds: Sequence[str]) -> str:
    people = {report.requester.email or report.requester.login or report.external_id for report in reports}
    facts: list[tuple[str, Callable[[Ticket], Iterable[str]]]] = [
        ("Application", lambda report: [report.context.application]),
        ("Environment", lambda report: [report.context.environment]),
        ("Error codes", lambda report: report.context.error_codes),
        ("Activity", lambda report: [report.context.activity]),
        ("Build records", lambda report: map(str, report.records)),
        ("Location", lambda report: [report.context.location.unit]),
    ]
    lines = [f"{len(reports)} reports from {len(people)} people, the first at {utc(first_at):%Y-%m-%d %H:%M} UTC."]
    for label, values in facts:
        found = Counter(value for report in reports for value in values(report) if value)
        if found:
            lines.append(f"{label}: {', '.join(value for value, _ in found.most_common(5))}")
    lines.append(f"They belong together by: {', '.join(binds)}")
    return _TOKEN.sub("", "\n".join(lines))


def _most(values: Iterable[V]) -> V | str:
    """What is said most often, "" where nothing is."""
    found = Counter(value for value in values if value).most_common(1)
    return found[0][0] if found else ""


def _plain(text: str) -> str:
    return _SPACE.sub(" ", _TOKEN.sub("", text)).strip()
