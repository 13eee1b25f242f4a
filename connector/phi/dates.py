"""Dates as people write them in a ticket. Every pattern begins with a digit, so letters cost nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "|".join(_MONTHS)
_YEAR = r"([0-9]{4}|[0-9]{2})(?![0-9])"
_FIRST = r"[0-9](?<![0-9]{2})"  # the first digit of a run; a lookbehind in front of it would cost at every letter
_NUMERIC = re.compile(_FIRST + r"[0-9]{0,3}([/._ -])([0-9]{1,2})\1" + _YEAR)
_COMPACT = re.compile(_FIRST + r"[0-9]{7}(?![0-9])")
_DAY_FIRST = re.compile(rf"{_FIRST}[0-9]?(?:st|nd|rd|th)?[ -]?({_MONTH})[a-z]{{0,6}}[., -]{{0,2}}{_YEAR}")
_AFTER_MONTH = re.compile(rf"{_FIRST}[0-9]?(?:st|nd|rd|th)?[, -]{{1,2}}{_YEAR}")
_MONTH_BEFORE = re.compile(rf"(?<![a-z])({_MONTH})[a-z]{{0,6}}[. -]{{0,2}}$")
_LONGEST_MONTH = 12
_DAY = re.compile(r"[0-9]{1,2}")

Day = tuple[int, int, int]


class Written(NamedTuple):
    """A date in a text, and the days (year, month, day) it can mean."""

    start: int
    end: int
    days: frozenset[Day]


def dates(low: str) -> Iterator[Written]:
    """Every date in a folded text: 3/5/1980, 05-03-80, 1980-03-05, 19800305, 5-Mar-1980, March 5, 1980."""
    yield from _found(_NUMERIC, _numeric, low)
    yield from _found(_COMPACT, _compact, low)
    if any(month in low for month in _MONTHS):
        yield from _found(_DAY_FIRST, _day_first, low)
        yield from _month_first(low)


def _found(pattern: re.Pattern[str], read: Callable[[re.Match[str]], frozenset[Day]], low: str) -> Iterator[Written]:
    for match in pattern.finditer(low):
        yield Written(*match.span(), read(match))


def _month_first(low: str) -> Iterator[Written]:
    for match in _AFTER_MONTH.finditer(low):
        before = low[max(match.start() - _LONGEST_MONTH, 0) : match.start()]
        month = _MONTH_BEFORE.search(before)
        if month:
            start = match.start() - len(before) + month.start()
            yield Written(start, match.end(), _named(match[1], month[1], match[0]))


def _numeric(match: re.Match[str]) -> frozenset[Day]:
    first = match[0].partition(match[1])[0]
    second, last = int(match[2]), match[3]
    if len(first) > 2:
        return frozenset({(int(first), second, int(last))})
    return frozenset(day for year in _years(last) for day in ((year, int(first), second), (year, second, int(first))))


def _compact(match: re.Match[str]) -> frozenset[Day]:
    digits = match[0]
    return frozenset({(int(digits[:4]), int(digits[4:6]), int(digits[6:]))})


def _day_first(match: re.Match[str]) -> frozenset[Day]:
    return _named(match[2], match[1], match[0])


def _named(year: str, month: str, day: str) -> frozenset[Day]:
    digits = _DAY.match(day)
    number = _MONTHS.index(month) + 1
    return frozenset((full, number, int(digits[0])) for full in _years(year)) if digits else frozenset()


def _years(year: str) -> tuple[int, ...]:
    return (int(year),) if len(year) == 4 else (1900 + int(year), 2000 + int(year))
