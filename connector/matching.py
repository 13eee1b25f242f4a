"""Plain matching of ticket fields (`when:`), the same in routes and in mappings. Not a language.

    {channel: chatbot, context.environment: [PRD, SUP], context.application: "Cadence*", requester.email: present}

Every line must hold. A list means any of these; upper and lower case do not matter; `*` stands for any text;
`present` and `absent` ask whether there is anything at all. A field with several values holds if one of them does.
`keywords: [downtime, "log* in"]` looks for whole words in summary, description and error text; what is
no ticket keeps that text as `words` (see `words_of`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.fields import TICKET, Getter, Kind, Shape, UnknownName, filled, getter, look_up, text_of
from connector.ticket import Ticket
from connector.yamlfile import suggestion

KEYWORDS = "keywords"
PRESENT = "present"
ABSENT = "absent"
TEXT_LIMIT = 20_000  # characters of a ticket's text that keywords are looked for in
VALUE_LIMIT = 2_000  # characters of a value that a pattern is held against

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the condition on `key`."""

    key: str
    code: str
    what: str
    remedy: str = ""


def faults(when: Mapping[str, Any], names: Mapping[str, Shape] = TICKET) -> Iterator[Fault]:
    """Everything that is wrong with a condition: unknown fields, values that a field never has."""
    for key, wanted in when.items():
        if key == KEYWORDS:
            if not all(isinstance(word, str) and word.strip("* ") for word in _listed(wanted)):
                yield Fault(key, "bad-keyword", "keywords are words", 'such as [downtime, "log* in"]')
            continue
        try:
            shape = look_up(key, names)
        except UnknownName as unknown:
            yield Fault(key, "unknown-field", unknown.what, unknown.remedy)
            continue
        yield from _value_faults(key, wanted, shape)


def _value_faults(key: str, wanted: Any, shape: Shape) -> Iterator[Fault]:
    if shape.kind in (Kind.GROUP, Kind.PERSON) and not shape.said and not (shape.many or shape.optional):
        yield Fault(key, "not-a-value", f'"{key}" is {shape}', f"name a field of it, such as {_example(key, shape)}")
        return
    if not _listed(wanted):
        yield Fault(key, "no-value", f'no value is named for "{key}"', "a list needs at least one value")
    members = shape.members or (("true", "false") if shape.kind is Kind.FLAG else ())
    for value in _listed(wanted):
        if value is None or isinstance(value, Mapping | list):
            yield Fault(key, "bad-value", f'"{key}" is held against plain values', f"write {PRESENT} or {ABSENT}")
            continue
        word = text_of(value).casefold()
        if members and word not in (*members, PRESENT, ABSENT) and "*" not in word:
            near = suggestion(word, members) or f"it is one of {', '.join(members)}"
            yield Fault(key, "never-so", f'"{key}" is never "{word}"', near)


def _example(key: str, shape: Shape) -> str:
    name = next(iter(shape.model.model_fields)) if shape.model else "name"
    return f"{key}.{name}"


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def compiled(when: Mapping[str, Any], names: Mapping[str, Shape] = TICKET) -> Test:
    """A function that says whether the thing which holds `names` as attributes meets a faultless condition."""
    tests = tuple(_condition(key, wanted, names) for key, wanted in when.items())
    if len(tests) == 1:
        return tests[0]

    def every(subject: Any) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests themselves
            if not test(subject):
                return False
        return True

    return every


def _condition(key: str, wanted: Any, names: Mapping[str, Shape]) -> Test:
    if key == KEYWORDS:
        return _keywords(_listed(wanted))
    get = getter(key, names)
    words = [text_of(value).casefold() for value in _listed(wanted)]
    exact = frozenset(word for word in words if "*" not in word and word not in (PRESENT, ABSENT))
    pattern = _pattern(word for word in words if "*" in word)
    return _holds(get, exact, pattern, PRESENT in words, ABSENT in words)


def _holds(get: Getter, exact: frozenset[str], pattern: re.Pattern[str] | None, present: bool, absent: bool) -> Test:
    def one(value: Any) -> bool:
        text = text_of(value).casefold()
        return text in exact or (pattern is not None and pattern.fullmatch(text, 0, VALUE_LIMIT) is not None)

    def holds(subject: Any) -> bool:
        value = get(subject)
        if not filled(value):
            return absent
        if present:
            return True
        if isinstance(value, (tuple, list)):
            return any(one(item) for item in value)
        return one(value)

    return holds


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    inside = "|".join(map(_starred, words))
    return re.compile(inside, re.DOTALL) if inside else None


def _starred(word: str) -> str:
    # Atomic groups: a literal is taken where it first stands, so hostile text costs linear time.
    first, *rest = (re.escape(part) for part in word.split("*"))
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return f"{first}{middle}.*{rest[-1]}"


def words_of(ticket: Ticket) -> str:
    """The text that keywords are looked for in: summary, description and error text, in small letters."""
    said = (ticket.summary, ticket.description, ticket.context.error_text)
    return "\n".join(text[:TEXT_LIMIT] for text in said).casefold()


def finder(words: Iterable[str]) -> Callable[[str], bool]:
    """A function that says whether one of the words stands in a text of small letters, as a whole word or phrase.

    `*` stands for more letters of the same word, a blank for any white space.
    """
    sought: dict[str, list[Callable[[str], Any]]] = {}
    for lead, search in map(_sought, words):
        sought.setdefault(lead, []).append(search)

    def found(text: str) -> bool:
        # Looking for the plain beginning first is many times faster than the pattern, and most words are not there.
        for lead, searches in sought.items():
            if lead in text:
                for search in searches:
                    if search(text) is not None:
                        return True
        return False

    return found


def _sought(word: str) -> tuple[str, Callable[[str], Any]]:
    plain = " ".join(word.casefold().split())
    lead, rest = re.split(r"(?=[*\s])|\Z", plain, maxsplit=1)
    tail = re.escape(rest).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
    # The literal stands first, and what must not precede it is asked afterwards: so the engine leaps to the literal.
    start = re.escape(lead)
    return lead, re.compile(rf"{start}(?<!\w{start}){tail}(?!\w)").search


def _keywords(words: list[str]) -> Test:
    found = finder(words)

    def holds(subject: Any) -> bool:
        return found(words_of(subject) if isinstance(subject, Ticket) else subject.words)

    return holds
