"""Rules for what is recognised by its form alone: HL7 segments, social security numbers, addresses, phones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.phi.known import Known, phone_digits
from connector.phi.span import PhiKind, Said, Span

# Segments of an HL7 v2 message that say who the patient and the relatives are; one segment is one line.
_SEGMENT = re.compile(r"(?<![A-Za-z])(?:PID|NK1|GT1|IN1|MRG|PV1)\|[^\r\n]*")
_LOCAL = re.compile(r"[a-z0-9][a-z0-9._%+-]*$")
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,250}\.[a-z]{2,24}")
_LONGEST_LOCAL = 64

# Everything below looks only into runs of digits and their separators, so letters cost nothing.
_RUN = re.compile(r"[0-9(+][0-9 ().+-]*")
_SHORTEST_RUN = 9
_SSN = re.compile(r"(?<![0-9])(?<![0-9]-)[0-9]{3}-[0-9]{2}-[0-9]{4}(?!-?[0-9])")
_PHONE = re.compile(
    r"(?<![0-9])(?<![0-9][.-])"
    r"(?:(?:\+?1[ .-]?)?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"
    r"|\+[0-9](?:[ .()-]{0,2}[0-9]){8,14})(?![0-9])"
)

_LOOK_BACK = 60
_OF_PATIENT = re.compile(
    r"(?<![a-z])(?:patients?|pt|mother|mom|father|dad|parents?|guardian|wife|husband|spouse|son|daughter|family|home)"
    r"(?![a-z])"
)
_OF_CALLER = re.compile(
    r"(?<![a-z])(?:call me|reach me|contact me|page me|text me|ring me|my (?:cell|number|phone|mobile|desk|pager|line)"
    r"|call ?back|pager|desk|office|ext|extension|i am at|i'm at)(?![a-z])"
)
_NEUTRAL = re.compile(r"(?<![a-z])(?:tel|telephone|phone|ph|mobile|cell|fax|direct|main|call)(?![a-z])")


def segments(said: Said, known: Known) -> Iterator[Span]:
    """HL7 segments about a patient, to the end of the line."""
    if "|" in said.text:
        for match in _SEGMENT.finditer(said.text):
            yield Span(*match.span(), PhiKind.HL7)


def addresses(said: Said, known: Known) -> Iterator[Span]:
    """E-mail addresses, but those of staff and of the domains that staff write from."""
    done, at = 0, said.low.find("@")
    while at >= 0:
        local = _LOCAL.search(said.low[max(at - _LONGEST_LOCAL, done) : at])
        domain = _DOMAIN.match(said.low, at + 1)
        if local and domain:
            start, done = at - len(local.group()), domain.end()
            if not _of_staff(said.low[start:done], known):
                yield Span(start, done, PhiKind.EMAIL)
        at = said.low.find("@", at + 1)


def long_numbers(said: Said, known: Known) -> Iterator[Span]:
    """Social security numbers (123-45-6789) and phones, but those of staff and those called the caller's own."""
    for run in _RUN.finditer(said.low):
        if run.end() - run.start() < _SHORTEST_RUN:
            continue
        for match in _SSN.finditer(said.low, *run.span()):
            yield Span(*match.span(), PhiKind.SSN)
        for match in _PHONE.finditer(said.low, *run.span()):
            if phone_digits(match.group()) not in known.staff.phones and not _of_caller(said.low, match.start()):
                yield Span(*match.span(), PhiKind.PHONE)


def _of_staff(address: str, known: Known) -> bool:
    return address in known.staff.emails or address.rpartition("@")[2] in known.staff.domains


def _of_caller(low: str, at: int) -> bool:
    """The nearest word decides: "call me at …" is the caller's, "the patient's mother at …" is not."""
    before = low[max(at - _LOOK_BACK, 0) : at]
    caller, patient = _last(_OF_CALLER, before), _last(_OF_PATIENT, before)
    if caller < 0 and patient < 0:
        return _NEUTRAL.search(before) is not None
    return caller > patient


def _last(pattern: re.Pattern[str], text: str) -> int:
    return max((match.start() for match in pattern.finditer(text)), default=-1)
