"""Forwarded mail: who wrote it first, what the forwarder said above it. Pure, never raises.

Only the header block of the forwarded mail counts, never an address somewhere in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connector.sources.email.headers import normal_address, people
from connector.sources.email.html import MARKS
from connector.sources.email.languages import (
    FORWARD_PREFIX,
    FORWARDED,
    FROM_LINE,
    OTHER_LINE,
    REPLY_PREFIX,
    SEPARATOR,
    SUBJECT_LINE,
)
from connector.sources.email.quote import is_header_block
from connector.sources.text import line as one_line
from connector.ticket import Person

_PREFIXES = 10
_HEADER_LINES = 12
_MAILTO = re.compile(r"\[\s{0,3}mailto:([^\]\s]{1,320})\s{0,3}\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Forward:
    """A mail inside a mail: what stands above it, who wrote it, its header as it stood there, and its text."""

    note: str
    author: Person | None
    subject: str
    header: str
    text: str


def is_forward(subject: str) -> bool:
    """Does the subject begin with a forward's prefix, in one of the languages of mail programs?"""
    return bool(FORWARD_PREFIX.match(subject))


def bare_subject(subject: str) -> str:
    """The subject without `Re:`, `Fwd:` and the like."""
    for _ in range(_PREFIXES):
        prefix = FORWARD_PREFIX.match(subject) or REPLY_PREFIX.match(subject)
        if prefix is None or not subject[prefix.end() :].strip(" ]"):
            break
        subject = subject[prefix.end() :].strip(" ")
    return subject


def forwarded(text: str) -> Forward | None:
    """The first forwarded mail in a text, found by its header block (From and two more fields)."""
    lines = [line for line in text.split("\n") if not MARKS.fullmatch(line)]
    start = next((n for n in range(len(lines)) if is_header_block(lines, n)), None)
    if start is None:
        return None
    end = _header_end(lines, start)
    head = [line.lstrip("> *") for line in lines[start:end]]
    above = start
    while above and (not lines[above - 1].strip() or _divides(lines[above - 1])):
        above -= 1
    return Forward(
        note="\n".join(lines[:above]).strip(),
        author=_author(head[0]),
        subject=one_line(next((_value(line) for line in head if SUBJECT_LINE.match(line)), "")),
        header="\n".join(line for line in head if line.strip()),
        text="\n".join(_outdented(lines[end:], lines[start])).strip(),
    )


def _divides(line: str) -> bool:
    bare = line.strip(" >*\t")
    return bool(SEPARATOR.match(bare[:200]) or FORWARDED.match(bare[:200])) or not bare.strip("_-=\u2500")


def _header_end(lines: Sequence[str], start: int) -> int:
    """Fields and their wrapped lines; the first line that is neither, or the blank one after them, ends the block."""
    end = start + 1
    for number in range(start + 1, min(start + 1 + _HEADER_LINES, len(lines))):
        bare = lines[number].strip(" >")
        if OTHER_LINE.match(lines[number][:200]) or FROM_LINE.match(lines[number][:200]):
            end = number + 1
        elif not bare and number > end:
            break
    return end


def _outdented(lines: Sequence[str], sample: str) -> Sequence[str]:
    """Apple Mail and others forward behind `> `."""
    if not sample.lstrip().startswith(">"):
        return lines
    return [line.removeprefix(">").removeprefix(" ") for line in lines]


def _author(line: str) -> Person | None:
    value = _MAILTO.sub(r"<\1>", _value(line)).replace("*", "").strip()
    found = next(people(value), None)
    if found is not None:
        return found
    # Outlook leaves the address out where it knows the person: the name alone is a candidate for a human.
    name = one_line(value)
    return Person(name=name) if name and not normal_address(name) else None


def _value(line: str) -> str:
    return line.replace("：", ":", 1).partition(":")[2].strip(" *_")
