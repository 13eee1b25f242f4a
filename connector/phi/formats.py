"""Rules for what is recognised by its form alone: HL7 segments, social security numbers, addresses, phones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.phi.known import Known, phone_digits
from connector.phi.span import PhiKind, Said, Span

# Segments of an HL7 v2 message that say who the patient and the relatives are; one segment is one line.
_SEGMENT = re.compile(r"(?<![A-Za-z])(?:PID|NK1|GT1|IN1|MRG|PV1)\|[^\r\n]*")
_LOCAL = re.compile(r"[a-z0-9._%+-]*")
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,250}\.[a-z]{2,24}")
_LONGEST_LOCAL = 64

# Everything below looks only into runs of digits and their separators, so letters cost nothing.
_RUN = re.compile(r"[0-9(+][0-9 ().+-]{8,}")
_SSN = re.compile(r"(?<![0-9])(?<![0-9]-)[0-9]{3}-[0-9]{2}-[0-9]{4}(?!-?[0-9])")
_PHONE = re.compile(
    r"(?<![0-9])(?<![0-9][.-])"
    r"(?:(?:\+?1[ .-]?)?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"
    r"|\+[0-9](?:[ .()-]{0,2}[0-9]){8,14})(?![0-9])"
)

_LOOK_BACK = 60
_WHOSE = re.compile(
    r"(?<![a-z])(?:"
    r"(?P<patient>patients?|pt|mother|mom|father|dad|parents?|guardian|wife|husband|spouse|son|daughter|family|home)"
    r"|(?P<caller>(?:call|reach|contact|page|text|ring) me|my (?:cell|number|phone|mobile|desk|pager|line)"
    r"|call ?back|pager|desk|office|ext|extension|i am at|i'm at)"
    r"|(?P<neutral>tel|telephone|phone|ph|mobile|cell|fax|direct|main|call)"
    r")(?![a-z])"
)


def segments(said: Said, known: Known) -> Iterator[Span]:
    """HL7 segments about a patient, to the end of the line."""
    if "|" in said.text:
        for match in _SEGMENT.finditer(said.text):
            yield Span(*match.span(), PhiKind.HL7)


def addresses(said: Said, known: Known) -> Iterator[Span]:
    """E-mail addresses, but those of staff and of the domains that staff write from."""
    done, at = 0, said.low.find("@")
    while at >= 0:
        local = _local(said.low[max(at - _LONGEST_LOCAL, done) : at])
        domain = _DOMAIN.match(said.low, at + 1) if local else None
        if domain:
            start, done = at - len(local), domain.end()
            if not _of_staff(said.low[start:done], known):
                yield Span(start, done, PhiKind.EMAIL)
        at = said.low.find("@", at + 1)


def _local(before: str) -> str:
    """The end of the text as far as it can be the first half of an address."""
    backwards = _LOCAL.match(before[::-1])
    return backwards[0][::-1].lstrip("._%+-") if backwards else ""


def long_numbers(said: Said, known: Known) -> Iterator[Span]:
    """Social security numbers (123-45-6789) and phones, but those of staff and those called the caller's own."""
    for run in _RUN.finditer(said.low):
        for match in _SSN.finditer(said.low, *run.span()):
            yield Span(*match.span(), PhiKind.SSN)
        for match in _PHONE.finditer(said.low, *run.span()):
            if phone_digits(match.group()) not in known.staff.phones and not _of_caller(said.low, match.start()):
                yield Span(*match.span(), PhiKind.PHONE)


def _of_staff(address: str, known: Known) -> bool:
    return address in known.staff.emails or address.rpartition("@")[2] in known.staff.domains


def _of_caller(low: str, at: int) -> bool:
    """The nearest word decides: "call me at …" is the caller's, "the patient's mother at …" is not."""
    words = [match.lastgroup for match in _WHOSE.finditer(low[max(at - _LOOK_BACK, 0) : at])]
    named = [word for word in words if word != "neutral"]
    return named[-1] == "caller" if named else bool(words)
