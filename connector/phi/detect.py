"""What a detector of patient data is, and the rules that the connector brings.

A hospital can add a detector of its own (a model, a service): `shield` takes the union of what all of them find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from connector.phi.cues import birth_dates, named_patients, numbers_after_cue
from connector.phi.exact import known_literals, known_names, known_numbers
from connector.phi.formats import addresses, long_numbers, segments
from connector.phi.known import Known, fold
from connector.phi.span import Said, Span


class PhiDetector(Protocol):
    """Finds what identifies a patient in a text."""

    def detect(self, text: str, known: Known) -> Sequence[Span]:
        """The places to redact, in any order, overlapping or not. Time linear in the length of the text."""


Rule = Callable[[Said, Known], Iterable[Span]]

# What the payload names is found however innocent it looks.
EXACT: tuple[Rule, ...] = (known_numbers, known_literals, known_names)

# These leave staff contacts, build records and item numbers alone.
GENERAL: tuple[Rule, ...] = (segments, addresses, long_numbers, numbers_after_cue, birth_dates, named_patients)

ALL = EXACT + GENERAL


class Rules:
    """Exact match of what the payload names, strong formats, and words that announce an identifier."""

    def detect(self, text: str, known: Known) -> Sequence[Span]:
        if known.patient is None and text.isalpha():
            return ()  # one word of letters, and nobody whose name it might be
        rules = ALL if known.patient else GENERAL
        said = Said(text, fold(text))
        return [span for rule in rules for span in rule(said, known)]


RULES: PhiDetector = Rules()
