"""What help desks achieved, in figures: by channel and by period, of those tickets that were reported in it. Pure.

Times are in seconds, moments in seconds since the epoch. Percentiles lie between the two nearest values, in proportion
(PERCENTILE_CONT of SQL).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any, NamedTuple

from connector.plugins import Status
from connector.service_levels import ServiceLevels, grade

MOST_PERIODS = 400
# Whose problem is solved; and of whom nothing can be said, because the request was taken back or went elsewhere.
_SOLVED = frozenset({Status.RESOLVED.value, Status.CLOSED.value})
_WITHDRAWN = frozenset({Status.CANCELLED.value, Status.MERGED.value, Status.GONE.value})
SOLVED = tuple(sorted(_SOLVED))
# So many changes of assignee or group say that a ticket went to the wrong people first.
MISASSIGNED = 2
SCORES = ("good", "fair", "bad")


class TooMany(ValueError):
    """More periods than a report shows."""


# ── periods ──────────────────────────────────────────────────────────────────────────────────────────────────────


class By(StrEnum):
    """How long a period is. Weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_DEFAULT_PERIODS = {By.DAY: 14, By.WEEK: 12, By.MONTH: 12}
_NAMES = {By.DAY: "%Y-%m-%d", By.WEEK: "%G-W%V", By.MONTH: "%Y-%m"}


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin` to just before `end`."""

    name: str
    first: date
    last: date
    begin: float
    end: float


def periods(by: By, since: date | None, until: date, zone: tzinfo) -> tuple[Period, ...]:
    """The periods from `since` to `until`, both days included; the first and the last may be cut short.

    Without `since` there are as many as are looked at in one go. Raises TooMany, and ValueError where `since` is later.
    """
    day = _some_before(by, until) if since is None else since
    if day > until:
        raise ValueError(f"{day} is later than {until}")
    found: list[Period] = []
    while day <= until:
        if len(found) == MOST_PERIODS:
            raise TooMany(f"more than {MOST_PERIODS} {by}s")
        after = min(_next(by, day), until + timedelta(days=1))
        name = day.strftime(_NAMES[by])
        found.append(Period(name, day, after - timedelta(days=1), _midnight(day, zone), _midnight(after, zone)))
        day = after
    return tuple(found)


def _begin(by: By, day: date) -> date:
    """The first day of the whole period that holds this day."""
    if by is By.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by is By.MONTH else day


def _next(by: By, day: date) -> date:
    """The first day after the period that holds this day."""
    length = {By.DAY: 1, By.WEEK: 7, By.MONTH: 31}[by]
    return _begin(by, _begin(by, day) + timedelta(days=length))


def _some_before(by: By, until: date) -> date:
    day = _begin(by, until)
    for _ in range(_DEFAULT_PERIODS[by] - 1):
        day = _begin(by, day - timedelta(days=1))
    return day


def _midnight(day: date, zone: tzinfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Case(NamedTuple):
    """A ticket as far as it is counted. `status` is None where its record was never seen at the help desk."""

    channel: str
    reported_at: float
    priority: int | None
    bypassed: int
    status: str | None
    answered_at: float | None
    resolved_at: float | None
    reassigned: int | None
    reopened: int | None
    replies: int | None


@dataclass(slots=True)
class Kept:
    """How often something came in time, and how often it did not; what is still to come in time is in neither."""

    met: int = 0
    missed: int = 0

    def judge(self, due: float, at: float | None, now: float) -> None:
        """Done at this time, or not yet."""
        if (now if at is None else at) > due:
            self.missed += 1
        elif at is not None:
            self.met += 1

    def plus(self, other: Kept) -> None:
        self.met += other.met
        self.missed += other.missed

    def document(self) -> dict[str, int]:
        return {"met": self.met, "missed": self.missed}


@dataclass(slots=True)
class Tally:
    """The figures of some tickets."""

    tickets: int = 0
    observed: int = 0
    first_contact: int = 0
    reopened: int = 0
    misassigned: int = 0
    bypassed: int = 0
    answers: array[float] = field(default_factory=lambda: array("d"))
    solutions: array[float] = field(default_factory=lambda: array("d"))
    respond: Kept = field(default_factory=Kept)
    resolve: Kept = field(default_factory=Kept)
    scores: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case, levels: ServiceLevels, now: float) -> None:
        """One more ticket."""
        self.tickets += 1
        self.bypassed += case.bypassed
        if case.status is None:
            return
        self.observed += 1
        self.reopened += bool(case.reopened)
        self.misassigned += (case.reassigned or 0) >= MISASSIGNED
        if case.status in _WITHDRAWN:
            return
        solved_at = case.resolved_at if case.status in _SOLVED else None
        # Who was told nothing before has the solution for a first answer.
        answered_at = min((at for at in (case.answered_at, solved_at) if at is not None), default=None)
        if answered_at is not None:
            self.answers.append(max(answered_at - case.reported_at, 0.0))
        if solved_at is not None:
            self.solutions.append(max(solved_at - case.reported_at, 0.0))
            self.first_contact += not (case.reassigned or case.reopened or (case.replies or 0) > 1)
        self._judge(case, levels, answered_at, solved_at, now)

    def _judge(
        self, case: Case, levels: ServiceLevels, answered_at: float | None, solved_at: float | None, now: float
    ) -> None:
        if case.priority is None:
            return
        level = levels.of(grade(case.priority))
        if level.respond is not None:
            self.respond.judge(case.reported_at + level.respond, answered_at, now)
        if level.resolve is not None:
            self.resolve.judge(case.reported_at + level.resolve, solved_at, now)

    def plus(self, other: Tally) -> None:
        """Those tickets too."""
        for name in ("tickets", "observed", "first_contact", "reopened", "misassigned", "bypassed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.answers.extend(other.answers)
        self.solutions.extend(other.solutions)
        self.respond.plus(other.respond)
        self.resolve.plus(other.resolve)
        self.scores.update(other.scores)

    def document(self) -> dict[str, Any]:
        """The figures as `connector report --json` prints them."""
        return {
            "tickets": self.tickets,
            "observed": self.observed,
            "first_answer": _spread(self.answers),
            "resolution": _spread(self.solutions),
            "first_contact": self.first_contact,
            "misassigned": self.misassigned,
            "reopened": self.reopened,
            "response_level": self.respond.document(),
            "resolution_level": self.resolve.document(),
            "bypassed": self.bypassed,
            "satisfaction": {score: self.scores[score] for score in SCORES},
        }


def percentile(ordered: Sequence[float], part: float) -> float | None:
    """The value below which this part (0 to 1) of the ascending values lies; None where there are none."""
    if not ordered:
        return None
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _spread(values: Iterable[float]) -> dict[str, Any]:
    ordered = sorted(values)
    median, p90 = percentile(ordered, 0.5), percentile(ordered, 0.9)
    return {
        "tickets": len(ordered),
        "median": None if median is None else round(median, 1),
        "p90": None if p90 is None else round(p90, 1),
    }


class Sheet:
    """The tickets of some periods, in rows by period and columns by channel; `now` is when it is made."""

    def __init__(self, rows: Sequence[Period], levels: ServiceLevels, now: float) -> None:
        self.rows = rows
        self.levels = levels
        self.now = now
        self._begins = [period.begin for period in rows]
        self._cells: dict[tuple[int, str], Tally] = {}

    @property
    def begin(self) -> float:
        """The beginning of the first period."""
        return self.rows[0].begin

    @property
    def end(self) -> float:
        """The end of the last one."""
        return self.rows[-1].end

    def add(self, case: Case) -> None:
        """A ticket that was reported between beginning and end."""
        self._cell(case.channel, case.reported_at).add(case, self.levels, self.now)

    def score(self, channel: str, reported_at: float, score: str) -> None:
        """How content somebody was with the help in a ticket. What is no opinion does not count."""
        if score in SCORES:
            self._cell(channel, reported_at).scores[score] += 1

    def _cell(self, channel: str, at: float) -> Tally:
        place = (bisect_right(self._begins, at) - 1, channel)
        cell = self._cells.get(place)
        if cell is None:
            cell = self._cells[place] = Tally()
        return cell

    def document(self) -> dict[str, Any]:
        """All figures: of everything, of each channel, and of each period, in total and by channel."""
        names = sorted({channel for _, channel in self._cells})
        return {
            "since": self.rows[0].first.isoformat(),
            "until": self.rows[-1].last.isoformat(),
            "total": _sum(self._cells.values()).document(),
            "channels": {name: self._of(channel=name).document() for name in names},
            "periods": [self._row(number, period) for number, period in enumerate(self.rows)],
        }

    def _row(self, number: int, period: Period) -> dict[str, Any]:
        own = {channel: cell for (row, channel), cell in sorted(self._cells.items()) if row == number}
        return {
            "period": period.name,
            "first": period.first.isoformat(),
            "last": period.last.isoformat(),
            "total": _sum(own.values()).document(),
            "channels": {channel: cell.document() for channel, cell in own.items()},
        }

    def _of(self, channel: str) -> Tally:
        return _sum(cell for (_, name), cell in self._cells.items() if name == channel)


def _sum(cells: Iterable[Tally]) -> Tally:
    total = Tally()
    for cell in cells:
        total.plus(cell)
    return total


def lasting(seconds: float | None) -> str:
    """A length of time as people say it: `40 s`, `25 min`, `5.5 h`, `3.2 d`; empty for none."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    size, unit = (3600, "h") if seconds < 48 * 3600 else (86400, "d")
    return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"


def share(part: int, whole: int) -> str:
    """`87 %`; empty where there is nothing to have a share of."""
    return f"{100 * part / whole:.0f} %" if whole else ""
