"""Addresses, message ids and dates from header values (RFC 5322). Pure, never raises, bounded.

The standard library's `getaddresses` differs between patch releases (strict since 3.13), so lists are split here,
before encoded words are decoded: a decoded comma would split a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_tz
from itertools import islice

from connector.sources.email.words import words
from connector.sources.text import line
from connector.ticket import Person

LIST_LIMIT = 32_768
PEOPLE_LIMIT = 200
IDS_LIMIT = 100
_ID_LENGTH = 512

_TOKEN = re.compile(
    r'=\?[^?\s]{1,80}\?[bqBQ]\?[^?]{0,1000}\?=|"(?:[^"\\]|\\.){0,1000}"|\((?:[^()\\]|\\.){0,1000}\)|<[^<>]*>|[,;:]|[^",;:<>()]+|.',
    re.DOTALL,
)
_WORD = "[^\\s<>()\\[\\],;:\"'@\\x00-\\x20\\x7f-\\x9f\ud800-\udfff\ufffe\uffff]"
_ADDRESS = re.compile(f"{_WORD}{{1,128}}@{_WORD}{{1,255}}")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_VIA = re.compile(r"\s+(?:via|über|par l'intermédiaire de)\s+\S.{0,80}$", re.IGNORECASE)
_BRACKETED = re.compile(r"<([^<>]{1,2000})>")
_BLANKS = re.compile(r"\s+")
_ZONE = re.compile(r"\d:\d\d(?::\d\d)?(?:[.,]\d+)?\s*(?:[+-]\d{4}|[A-Z]{1,5}\b)")
_SLOPPY_ZONE = re.compile(r"([+-]\d\d):(\d\d)\b")
_WEEKDAY = re.compile(r"^\s*[^\W\d]{2,12}\.?,\s*")


def people(*values: str) -> Iterator[Person]:
    """Everyone named in these address fields, in order, at most 200; who has no address is left out."""
    for value in values:
        for name, address in islice(_addresses(value[:LIST_LIMIT]), PEOPLE_LIMIT):
            if address:
                yield Person(name=name, email=address)


def person(value: str) -> Person | None:
    """The first person in an address field, or None."""
    return next(people(value), None)


def normal_address(text: str) -> str:
    """An address as it is compared and kept: lower case, without `mailto:`, quotes, brackets and a trailing dot."""
    found = _ADDRESS.search(text.removeprefix("mailto:").removeprefix("MAILTO:"))
    return found[0].rstrip(".").lower() if found else ""


def without_via(person: Person) -> Person:
    """The person without the ` via List` that rewriting lists add to the name."""
    return person.model_copy(update={"name": _VIA.sub("", person.name)})


def _addresses(value: str) -> Iterator[tuple[str, str]]:
    mailbox: list[str] = []
    for found in _TOKEN.finditer(value):
        piece = found[0]
        if piece == ":":  # ends the name of a group, or `mailto`; any other colon is in brackets or quotes
            mailbox = []
        elif piece in ",;":
            yield _mailbox(mailbox)
            mailbox = []
        else:
            mailbox.append(piece)
    yield _mailbox(mailbox)


def _mailbox(pieces: list[str]) -> tuple[str, str]:
    """Name and address of one mailbox: `Name <a@b>`, `a@b (Name)`, `a@b`, and what resembles them."""
    angle = [piece for piece in pieces if piece[0] == "<" and len(piece) > 2]
    comments = [piece[1:-1] for piece in pieces if piece[0] == "(" and len(piece) > 2]
    spoken = "".join(_plain(piece) for piece in pieces if piece[0] not in "<(")
    address = normal_address(words(angle[-1])) if angle else ""
    if not address:
        address = normal_address(words(spoken))
        spoken = spoken if angle else ""
    name = line(words(spoken)).strip(" '\"<>") or (line(words(comments[0])) if comments else "")
    return ("" if normal_address(name) == address else name), address


def _plain(piece: str) -> str:
    return _ESCAPED.sub(r"\1", piece[1:-1]) if piece[0] == '"' and len(piece) > 1 else piece


def message_ids(value: str) -> tuple[str, ...]:
    """The message ids in a value, in order, each once, normalised: no brackets, no white space, domain in lower case.

    Takes commas between ids, ids without brackets, and `<[x@y]>` as Exchange writes it. Past 100, the middle is
    left out: the first is the root of the talk and the last ones are the nearest.
    """
    value = value[:LIST_LIMIT]
    found = _BRACKETED.findall(value) or [token for token in re.split(r"[\s,]+", value) if "@" in token]
    ids = tuple(dict.fromkeys(filter(None, map(_normal_id, found))))
    return ids if len(ids) <= IDS_LIMIT else ids[:1] + ids[1 - IDS_LIMIT :]


def _normal_id(text: str) -> str:
    bare = _BLANKS.sub("", text).strip("<>[]")
    bare = bare.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "")
    left, at, domain = bare.rpartition("@")
    return f"{left}{at}{domain.lower()}"[:_ID_LENGTH]


def date(value: str, zone: tzinfo = UTC) -> datetime | None:
    """A date in UTC, or None. `zone` is for dates that name none; impossible dates are None."""
    value = _SLOPPY_ZONE.sub(r"\1\2", words(value[:100])).strip()
    try:
        fields = parsedate_tz(value) or parsedate_tz(_WEEKDAY.sub("", value))
        if fields is None:
            return None
        local = datetime(*fields[:5], min(fields[5], 59))
        offset = fields[9] if _ZONE.search(value) else None
        known = local.replace(tzinfo=zone if offset is None else timezone(timedelta(seconds=offset)))
        return known.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # parsedate_tz raises on odd input in some releases
        return None
