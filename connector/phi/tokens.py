"""Tokens: what stands in a text in place of what was removed (`[MRN_1]`), and the way back.

One identifier has one number in a ticket. A second spelling of it is `[MRN_1.2]`, so that a reader sees the same
patient and the exact text can still be put back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from connector.phi.known import fold
from connector.phi.span import PhiKind, Span

TOKEN = re.compile(r"\[([A-Z0-9]{2,12})_([0-9]{1,7})(?:\.([0-9]{1,7}))?\]")
_NOT_PLAIN = re.compile(r"[\W_]+")


class Tokens:
    """The tokens of one ticket, growing. `taken` are texts that look like tokens and must not be given a meaning."""

    def __init__(self, known: Mapping[str, str], taken: Iterable[str]) -> None:
        self._taken = frozenset(taken)
        self._token: dict[tuple[PhiKind, str], str] = {}
        self._spellings: dict[tuple[PhiKind, str], list[str]] = {}
        self._numbers: dict[PhiKind, int] = {}
        self._people: dict[str, frozenset[str]] = {}
        for token, text in known.items():
            self._adopt(token, text)

    def token(self, kind: PhiKind, text: str) -> str:
        """The token for this text; the same one every time."""
        found = self._token.get((kind, text))
        if found is not None:
            return found
        spellings = self._spellings.setdefault(self._same(kind, text), [])
        token = self._further(spellings) if spellings else self._new(kind)
        spellings.append(token)
        self._token[kind, text] = token
        return token

    def removed(self) -> dict[str, str]:
        """Token -> text, in the order in which they were given."""
        return {token: text for (_, text), token in self._token.items()}

    def values(self) -> list[tuple[PhiKind, str]]:
        """Everything removed so far."""
        return list(self._token)

    def _adopt(self, token: str, text: str) -> None:
        match = TOKEN.fullmatch(token)
        if match is None or match[1] not in PhiKind.__members__:
            return
        kind = PhiKind(match[1])
        self._token[kind, text] = token
        self._spellings.setdefault(self._same(kind, text), []).append(token)
        self._numbers[kind] = max(self._numbers.get(kind, 0), int(match[2]))

    def _same(self, kind: PhiKind, text: str) -> tuple[PhiKind, str]:
        """What all spellings of one identifier share; a part of a name is a spelling of the name."""
        if kind is not PhiKind.NAME:
            return kind, _NOT_PLAIN.sub("", fold(text)).lstrip("0")
        words = frozenset(_NOT_PLAIN.sub(" ", fold(text)).split())
        wholes = (self._people[word] for word in sorted(words) if word in self._people)
        whole = next((whole for whole in wholes if words <= whole or whole <= words), words)
        for word in words:
            self._people.setdefault(word, whole)
        return kind, " ".join(sorted(whole))

    def _new(self, kind: PhiKind) -> str:
        while True:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            if (token := f"[{kind}_{number}]") not in self._taken:
                return token

    def _further(self, spellings: list[str]) -> str:
        first, _, last = spellings[-1].strip("[]").partition(".")
        number = int(last or 1) + 1
        while (token := f"[{first}.{number}]") in self._taken:
            number += 1
        return token


def replaced(text: str, spans: Iterable[Span], tokens: Tokens) -> str:
    """The text with a token in each place. The spans are in order and do not overlap."""
    parts: list[str] = []
    done = 0
    for start, end, kind in spans:
        parts += (text[done:start], tokens.token(kind, text[start:end]))
        done = end
    parts.append(text[done:])
    return "".join(parts)


def restored(text: str, removed: Mapping[str, str]) -> str:
    """The text with everything put back; what only looks like a token stays."""
    return TOKEN.sub(lambda match: removed.get(match[0], match[0]), text) if "[" in text else text
