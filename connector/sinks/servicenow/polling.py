"""Where the reading of a table stands: a keyset that loses no row and gets through any number of them. Pure.

A row is stamped before it is committed, so that it may appear among rows that were read already. A pass therefore
begins `overlap` seconds before the latest stamp of which all was read, goes through by (stamp, sys_id) page by page,
and may be cut off anywhere: the next one goes on at the same place. All times are the remote's own; where its clock
was set back, a pass begins as much earlier.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

SLACK = 30.0  # seconds by which the two clocks may drift apart unnoticed; far less than any overlap
_FORM = "%Y-%m-%d %H:%M:%S"
_FIRST = "0" * 32  # below every sys_id


@dataclass(frozen=True, slots=True)
class Place:
    """`done`: all that was committed when this was the latest stamp has been read. `at` is the row after which an
    unfinished pass goes on, and `until` what `done` becomes at its end. `read_at` is our own time, in seconds."""

    done: str
    at: tuple[str, str] | None = None
    until: str = ""
    read_at: float = 0.0

    @classmethod
    def of(cls, text: str) -> Place | None:
        """The place that was written down, None where this is none."""
        try:
            said = json.loads(text)
            at = said["at"]
            place = cls(said["done"], (at[0], at[1]) if at else None, said["until"], float(said["read_at"]))
        except (ValueError, KeyError, TypeError, IndexError):
            return None
        return place if moment(place.done) is not None else None

    @property
    def text(self) -> str:
        """How it is written down."""
        return json.dumps(asdict(self))

    def start(self, overlap: float) -> tuple[str, str]:
        """The row after which reading goes on, whether it is there or not."""
        return self.at or (earlier(self.done, overlap), _FIRST)

    def by(self, date: datetime | None, now: float) -> Place:
        """The same, or an earlier place where the remote's clock (`date`) was set back since: what counts is what it
        must have shown when it was last read, so much of our own time (`now`) ago."""
        if date is None or not self.read_at:
            return self
        then = stamp(date - timedelta(seconds=max(now - self.read_at, 0.0)))
        return self if self.done <= earlier(then, -SLACK) else Place(then, read_at=self.read_at)

    def after(self, row: tuple[str, str], until: str) -> Place:
        """Further on, in a pass that is to end in `until`."""
        return replace(self, at=row, until=until)

    def ended(self, until: str, now: float) -> Place:
        """At the end of a pass."""
        return Place(max(self.done, until), read_at=now)


def moment(text: str) -> float | None:
    """Seconds since the epoch of a raw date and time, which is in UTC; None where this is none."""
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=UTC).timestamp()
    except (ValueError, TypeError):
        return None


def stamp(date: datetime) -> str:
    """A date and time as the tables hold it."""
    return date.astimezone(UTC).strftime(_FORM)


def earlier(text: str, seconds: float) -> str:
    """A raw date and time so many seconds before this one."""
    return (datetime.strptime(text, _FORM) - timedelta(seconds=seconds)).strftime(_FORM)


def keyset(column: str, condition: str, after: tuple[str, str]) -> str:
    """The rows that fulfil the condition, after this one; both groups repeat the condition, for `^NQ` begins anew."""
    beside = f"^{condition}" if condition else ""
    later = f"{column}>{after[0]}{beside}"
    same = f"{column}={after[0]}^sys_id>{after[1]}{beside}"
    return f"{later}^NQ{same}^ORDERBY{column}^ORDERBYsys_id"


def latest(rows: list[dict[str, Any]], column: str) -> tuple[str, str] | None:
    """The place of the last row of a page, None where it has none or the page is not in order."""
    places = [(str(row.get(column) or ""), str(row.get("sys_id") or "")) for row in rows]
    return max(places, default=None)
