"""A place in a text that identifies a patient."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class PhiKind(StrEnum):
    """What stands at a place; the first half of its token (`[MRN_1]`)."""

    NAME = "NAME"
    MRN = "MRN"
    VISIT = "VISIT"
    ACCOUNT = "ACCOUNT"
    RECORD = "RECORD"
    ID = "ID"
    DATE = "DATE"
    SSN = "SSN"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    HL7 = "HL7"


class Said(NamedTuple):
    """A text, and the same text folded (`known.fold`): without case and accents, each character at its place."""

    text: str
    low: str


class Span(NamedTuple):
    """`text[start:end]` is of this kind."""

    start: int
    end: int
    kind: PhiKind


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same places in order, overlapping ones made one; the kind is that of the longest part."""
    result: list[Span] = []
    for span in sorted(spans, key=_by_place):
        if result and span.start < result[-1].end:
            last = result[-1]
            kind = last.kind if last.end - last.start >= span.end - span.start else span.kind
            result[-1] = Span(last.start, max(last.end, span.end), kind)
        else:
            result.append(span)
    return result


def _by_place(span: Span) -> tuple[int, int, str]:
    return span.start, -span.end, span.kind
