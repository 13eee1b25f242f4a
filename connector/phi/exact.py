"""Rules for a patient whom the payload names: the same identifiers, in any spelling, wherever the text repeats them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from connector.phi.known import SHORTEST_NUMBER, Known, Patient
from connector.phi.span import PhiKind, Said, Span
from connector.phi.words import COMMON

_DIGITS = re.compile(r"[0-9](?:[ .-]?[0-9])*")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_BETWEEN_NAMES = re.compile(r"[\s,^._'’-]{0,3}(?:(?<=[\s,^._])[^\W\d_][.\s,^_]{1,2})?")
_LONGEST_GAP = 6

# A number this short is matched only as it stands: "10.14.2" is not the record 10142.
_SHORT = 6
# A short name in small letters is more often a word ("an", "li", "do").
_SHORT_NAME = 3
_FEW_NAMES = 3


def known_numbers(said: Said, known: Known) -> Iterator[Span]:
    """Numbers of the payload, with or without leading zeros, separators and a letter or two in front."""
    patient = known.patient
    if patient is None or not patient.numbers:
        return
    for run in _DIGITS.finditer(said.low):
        if run.end() - run.start() < SHORTEST_NUMBER:
            continue
        digits = run.group() if run.group().isdigit() else _NOT_DIGIT.sub("", run.group())
        for kind, number in patient.numbers:
            if number in digits:
                yield from _in_run(said.low, run, digits, kind, number)


def _in_run(text: str, run: re.Match[str], digits: str, kind: PhiKind, number: str) -> Iterator[Span]:
    places = [index for index in range(*run.span()) if "0" <= text[index] <= "9"]
    at = digits.find(number)
    while at >= 0:
        first, last = at, at + len(number) - 1
        while first and digits[first - 1] == "0" and places[first - 1] == places[first] - 1:
            first -= 1
        start, end = places[first], places[last] + 1
        whole = end - start == last - first + 1 or len(number) >= _SHORT
        if whole and not text[start - 1 : start].isdigit() and not text[end : end + 1].isdigit():
            yield Span(start, end, kind)
        at = digits.find(number, last + 1)


def known_literals(said: Said, known: Known) -> Iterator[Span]:
    """Identifiers of the payload as they stand there, whatever their case."""
    if known.patient is not None:
        yield from literal_spans(said.low, known.patient.literals)


def literal_spans(text: str, values: Iterable[tuple[PhiKind, str]]) -> Iterator[Span]:
    """Every place where one of the values stands exactly so, not as part of a longer word."""
    for kind, value in values:
        for start in _standing_alone(text, value):
            yield Span(start, start + len(value), kind)


def known_names(said: Said, known: Known) -> Iterator[Span]:
    """The patient's names, together in any order or one alone.

    A name that is also a word ("May", "Will") counts only with a capital and beside another of the names.
    """
    if known.patient is None or not known.patient.names:
        return
    hits = sorted(_name_hits(said, known.patient))
    group: list[tuple[int, int]] = []
    for hit in hits:
        if group and not _belongs(said, group, hit[0]):
            yield from _name(said, group)
            group = []
        group.append(hit)
    yield from _name(said, group)


def _belongs(said: Said, group: list[tuple[int, int]], start: int) -> bool:
    """A comma joins the last name to the first, and nothing to a name that is whole ("Jane Roe, jane@…")."""
    gap = said.text[group[-1][1] : start][: _LONGEST_GAP + 1]
    return _BETWEEN_NAMES.fullmatch(gap) is not None and (len(group) == 1 or "," not in gap)


def _name_hits(said: Said, patient: Patient) -> Iterator[tuple[int, int]]:
    for name in _spellings(patient.names):
        for start in _standing_alone(said.low, name):
            if name not in COMMON or said.text[start].isupper():
                yield start, start + len(name)


def _spellings(names: frozenset[str]) -> Iterator[str]:
    yield from names
    if len(names) <= _FEW_NAMES:
        yield from (one + two for one in names for two in names if one != two)


def _name(said: Said, group: list[tuple[int, int]]) -> Iterator[Span]:
    if len(group) > 1 or (group and _tells_alone(said, *group[0])):
        yield Span(group[0][0], group[-1][1], PhiKind.NAME)


def _tells_alone(said: Said, start: int, end: int) -> bool:
    return said.low[start:end] not in COMMON and (end - start > _SHORT_NAME or said.text[start].isupper())


def _standing_alone(text: str, word: str) -> Iterator[int]:
    """Where the word is not part of a longer run of letters, or of digits. Letters may touch digits ("MRN445566")."""
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not _one_run(text[at - 1 : at], word[0]) and not _one_run(word[-1], text[end : end + 1]):
            yield at
        at = text.find(word, end)


def _one_run(left: str, right: str) -> bool:
    return (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())
