"""The sample inbox as if it had been written lately: every moment in it moves by as much."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# The latest moment in the samples, and how long before now it shall be.
_LATEST = datetime(2026, 9, 15, 21, 10, 10, tzinfo=UTC)
_AGO = timedelta(minutes=10)

_ISO = re.compile(rb"2026-09-1\d[T ]\d\d:\d\d:\d\d")
_MAIL = re.compile(rb"(?:\b[A-Z][a-z]{2}, )?\b1\d Sep 2026 \d\d:\d\d:\d\d")
_EPOCH = re.compile(rb"(?<![\w-])1789[34]\d{5}(?=[.,\s}])")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def shift(now: datetime) -> timedelta:
    """How far the samples move so that they were written until lately: whole minutes. `now` has a time zone."""
    return timedelta(minutes=(now - _AGO - _LATEST) // timedelta(minutes=1))


def moved(content: bytes, by: timedelta) -> bytes:
    """A sample with every moment so much later; time zones, and everything else, stay as they are."""
    for pattern, turn in ((_ISO, _iso), (_MAIL, _mail), (_EPOCH, _epoch)) if by else ():
        content = pattern.sub(_replacing(turn, by), content)
    return content


def _replacing(turn: Callable[[str, timedelta], str], by: timedelta) -> Callable[[re.Match[bytes]], bytes]:
    return lambda match: turn(match[0].decode("ascii"), by).encode("ascii")


def _iso(said: str, by: timedelta) -> str:
    return (datetime.fromisoformat(said) + by).isoformat(sep=said[10])


def _mail(said: str, by: timedelta) -> str:
    day, _, date = said.rpartition(", ")
    at = datetime(2026, 9, int(date[:2]), *_clock(date[-8:])) + by
    return f"{_DAYS[at.weekday()]}, " * bool(day) + f"{at.day:02} {_MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S}"


def _clock(said: str) -> tuple[int, int, int]:
    hour, minute, second = map(int, said.split(":"))
    return hour, minute, second


def _epoch(said: str, by: timedelta) -> str:
    return str(int(said) + int(by.total_seconds()))
