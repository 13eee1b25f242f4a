"""Rules for what a word in front gives away: "MRN 00123", "acct # 4711", "EPT 123456", "DOB 3/5/1980", "pt Jane Roe".

The word is looked for in front of each number, not the number behind each word: tickets have few numbers, and the
look-back is short. What the patient's own dates are is known from the payload, whatever stands in front.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from connector.phi.dates import dates
from connector.phi.known import Known
from connector.phi.span import PhiKind, Said, Span
from connector.phi.words import NO_NAME, words

# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────

# In one piece, or in groups ("123 456 789", "12-34-567").
_NUMBER = re.compile(
    r"[0-9](?=[0-9 .-]{3})(?:[0-9]{4,}(?:-[0-9]+)*|[0-9]{0,3}(?:(?:[ .][0-9]{2,4}|-[0-9]{1,8})(?![0-9]))*)"
)
_LOOK_BACK = 40
_SHORTEST = 4
_WORD = re.compile(r"[a-z]+")
_FILLER = r"[\W_]{0,4}(?:(?:number|num|no|nr|id|is|was|of|for|record|value)[\W_]{1,4}){0,2}"
_PREFIX = r"(?P<prefix>(?<![a-z])[a-z]{1,3}-?)?$"


class Cue(NamedTuple):
    """What stands behind these words, and the fewest digits it has."""

    kind: PhiKind
    fewest: int
    pattern: re.Pattern[str]


def _cue(kind: PhiKind, fewest: int, phrase: str) -> Cue:
    return Cue(kind, fewest, re.compile(rf"(?<![a-z])(?:{phrase})(?:'s|s)?{_FILLER}{_PREFIX}"))


_MRN = _cue(PhiKind.MRN, 4, r"mrn|mr#|medical rec(?:ord)?|med rec|(?:patient|pat|pt) ?(?:id|number|no|#)|epi")
_VISIT = _cue(PhiKind.VISIT, 5, r"csn|fin|enc(?:ounter)?|visit|contact serial")
_ACCOUNT = _cue(
    PhiKind.ACCOUNT, 5, r"har|acct|(?<!user )(?<!login )(?<!network )(?<!service )(?<!domain )account|guarantor"
)
_SSN = _cue(PhiKind.SSN, 9, r"ssn|social security|social sec")
_ID = _cue(
    PhiKind.ID, 6, r"accession|order|claim|(?:member|subscriber|policy|insurance|medicare|medicaid)(?: id| number)?"
)
_SINGULAR = {
    **dict.fromkeys(("mrn", "mr", "medical", "med", "patient", "pat", "pt", "epi"), _MRN),
    **dict.fromkeys(("csn", "fin", "enc", "encounter", "visit", "contact"), _VISIT),
    **dict.fromkeys(("har", "acct", "account", "guarantor"), _ACCOUNT),
    **dict.fromkeys(("ssn", "social"), _SSN),
    **dict.fromkeys(("accession", "order", "claim", "member", "subscriber", "policy", "insurance"), _ID),
    **dict.fromkeys(("medicare", "medicaid"), _ID),
}

_CUES = _SINGULAR | {f"{word}s": cue for word, cue in _SINGULAR.items()}

# Master files of the EHR that hold patients' data. Codes count in capitals only: "ord", "har" are parts of words.
PATIENT_RECORDS = words("EPT HNO ORD OVR HAR EAR CVG CLM RFL SAR ORL INP TAR ETR HTR LPL WPR")
_RECORD = re.compile(
    rf"(?<![A-Za-z])(?:{'|'.join(sorted(PATIENT_RECORDS))})[ \t#:._-]{{0,3}}(?:id[ #:]{{1,2}})?(?P<prefix>[A-Z])?$"
)
_SHORTEST_RECORD = 6
_LONGEST_RECORD = 12  # its code, what may stand between, and the character before
_CUE_WORDS = frozenset(_CUES) | {code.lower() for code in PATIENT_RECORDS}

# Letters that begin a number which is nobody's: tickets, and records of the build.
_KEPT = words(
    """
    inc req chg tkt prb tas etx lrp lpr lpg lvn lor e2r e2u e2n ecl eap edp erx prl lgl flo flt sde ser emp dep eaf
    lws lrr edg elg cer wqf lqf lql fdi lsd
    """
)


def numbers_after_cue(said: Said, known: Known) -> Iterator[Span]:
    """Numbers behind a word that says whose they are, and ids of patient-level records."""
    for match in _NUMBER.finditer(said.low):
        start, end = match.span()
        if end - start < _SHORTEST or not start:
            continue
        before = said.low[max(start - _LOOK_BACK, 0) : start]
        cues = _CUE_WORDS.intersection(_WORD.findall(before))
        if cues:
            yield from _announced(said, before, start, end, cues)


def _announced(said: Said, before: str, start: int, end: int, cues: frozenset[str]) -> Iterator[Span]:
    digits = sum(character.isdigit() for character in said.low[start:end])
    close = said.text[max(start - _LONGEST_RECORD, 0) : start]
    record = _RECORD.search(close) if digits >= _SHORTEST_RECORD else None
    if record:
        yield Span(start - len(record["prefix"] or ""), end, PhiKind.RECORD)
        return
    for cue in {_CUES[word] for word in cues if word in _CUES}:
        found = cue.pattern.search(before) if digits >= cue.fewest else None
        if found and (found["prefix"] or "").rstrip("-") not in _KEPT:
            yield Span(start - len(found["prefix"] or ""), end, cue.kind)


# ── dates of birth ───────────────────────────────────────────────────────────────────────────────────────────────

_BIRTH = re.compile(
    r"(?<![a-z])(?:dob|d\.o\.b\.?|(?:date of )?birth(?: ?da(?:te|y))?|born(?: on)?)[\W_]{0,3}(?:(?:is|was)[\W_])?$"
)


def birth_dates(said: Said, known: Known) -> Iterator[Span]:
    """The patient's date of birth in any form that can mean that day, and dates behind "DOB", "born on"."""
    birth = known.patient.birth if known.patient is not None else frozenset()
    announced = _mentions_birth(said.low)
    # Every form of a date holds the last two digits of its year; most texts end the search here.
    if not announced and not (birth and any(f"{year % 100:02d}" in said.low for year, _, _ in birth)):
        return
    for written in dates(said.low):
        before = max(written.start - _LOOK_BACK, 0)
        if written.days & birth or (announced and _BIRTH.search(said.low[before : written.start])):
            yield Span(written.start, written.end, PhiKind.DATE)


def _mentions_birth(low: str) -> bool:
    return "dob" in low or "d.o.b" in low or "birth" in low or "born" in low


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────

_PERSON = re.compile(
    r"(?:patients?|pts?|baby(?: boy| girl)?|mother|father|daughter|son|wife|husband|guardian|mrs?|ms|miss)"
    r"(?:\.|'s|’s)?(?:[ \t_]name)?(?: (?:is|was|named|called))?[ \t:=(\"“-]{1,3}"
)
_NAME = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_INITIAL = re.compile(r"[^\W\d_](?:\.|(?![\w'’]))")
_GAP = re.compile(r"[ \t]{1,2}")
_COMMA = re.compile(r"(?:,[ \t]{0,2}|\^)")
_MOST_WORDS = 5
_PARTICLES = words("van von der den de la del di da dos bin al el y")


def named_patients(said: Said, known: Known) -> Iterator[Span]:
    """Capitalised words behind "patient", "pt", "Mrs", unless they are the name of a thing or of staff."""
    for match in _PERSON.finditer(said.low):
        start = match.end()
        if said.text[start : start + 1].isupper() and not said.low[match.start() - 1 : match.start()].isalpha():
            end = _end_of_name(said.text, start)
            if end and not _is_staff(said.low[start:end], known):
                yield Span(start, end, PhiKind.NAME)


def _end_of_name(text: str, at: int) -> int:
    """Where the name that begins here ends; 0 where none begins."""
    end = _last_first(text, at)
    if end:
        return end
    for _ in range(_MOST_WORDS):
        word, initial = _NAME.match(text, at), _INITIAL.match(text, at)
        if word and _is_name(word.group()):
            end = _without_possessive(word)
        elif initial and text[at].isupper():
            end = initial.end() if end else 0
        elif not (end and word and word.group() in _PARTICLES):
            break
        gap = _GAP.match(text, (initial or word).end())  # type: ignore[union-attr]
        if not gap:
            break
        at = gap.end()
    return end


def _last_first(text: str, at: int) -> int:
    """The end of "Roe, Jane" or "ROE^JANE"; capitals throughout count as a name only in this form."""
    last = _NAME.match(text, at)
    comma = _COMMA.match(text, last.end()) if last else None
    first = _NAME.match(text, comma.end()) if comma else None
    if last and first and _begins_like_a_name(last.group()) and _begins_like_a_name(first.group()):
        return _without_possessive(first)
    return 0


def _begins_like_a_name(word: str) -> bool:
    return word[0].isupper() and len(word) > 1 and word.lower() not in NO_NAME


def _is_name(word: str) -> bool:
    return _begins_like_a_name(word) and not word.isupper()


def _without_possessive(word: re.Match[str]) -> int:
    return word.end() - 2 if word.group().endswith(("'s", "’s")) else word.end()


def _is_staff(name: str, known: Known) -> bool:
    return all(word in known.staff.names for word in _WORD.findall(name))
