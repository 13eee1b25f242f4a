"""Which platform wrote a document, and the talks in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any, Protocol

from connector.sources.chatbot import (
    bot_framework,
    botpress,
    copilot_studio,
    dialogflow_cx,
    dialogflow_es,
    lex_v1,
    lex_v2,
    messenger,
    rasa,
    slack,
)
from connector.sources.chatbot.entries import objects, unlogged
from connector.sources.chatbot.talk import Talk
from connector.sources.chatbot.words import Words
from connector.sources.document import Unreadable


class Dialect(Protocol):
    """One platform's shape of transcript: a module with its name and these functions. Pure; they take any document."""

    PLATFORM: str
    SIGNS: frozenset[str]
    """Keys of which a document of that shape, or an entry of it, has one."""

    def matches(self, document: Any) -> bool:
        """Is this document of that shape?"""

    def sessions(self, document: Any) -> list[Any]:
        """The talks in a document that matches, each a document of that shape."""

    def talk(self, document: Any, words: Words, zone: tzinfo) -> Talk:
        """The talk in a document that matches."""


DIALECTS: Sequence[Dialect] = (
    rasa,
    dialogflow_cx,
    dialogflow_es,
    lex_v2,
    lex_v1,
    messenger,
    slack,
    botpress,
    copilot_studio,
    bot_framework,
)
"""Asked in this order where the settings say `auto`: the plainest shape last."""


def known_as(platform: str) -> Sequence[Dialect]:
    """The dialects to ask: the one of that name, all for `auto`."""
    return [one for one in DIALECTS if platform in ("auto", one.PLATFORM)]


def talks(document: Any, dialects: Sequence[Dialect]) -> Iterator[Any]:
    """The talks in a document, each for `read`; a document that none of the dialects knows is one.

    A document may hold one talk, entries of several, or a list of talks, as such or under an OData answer's `value`.
    """
    whole = unlogged(document)
    dialect = _recognised(whole, dialects)
    if dialect is not None:
        found = dialect.sessions(whole)
        yield from found if len(found) > 1 else (document,)
        return
    listed = whole.get("value") if isinstance(whole, dict) else whole
    rows = listed if isinstance(listed, list) else []
    if any(_recognised(row, dialects) is not None for row in objects(rows)):
        yield from rows
    else:
        yield document


def read(document: Any, dialects: Sequence[Dialect], words: Words, zone: tzinfo) -> Talk:
    """The talk in one document. Raises Unreadable where no dialect knows it."""
    whole = unlogged(document)
    dialect = _recognised(whole, dialects)
    if dialect is None:
        known = ", ".join(one.PLATFORM for one in dialects)
        what = f"it is no transcript of a kind known here ({known})"
        raise Unreadable("not-a-talk", what, "see `dialect` in the settings")
    return dialect.talk(whole, words, zone)


def _recognised(document: Any, dialects: Sequence[Dialect]) -> Dialect | None:
    keys = set(document) if isinstance(document, dict) else set[str]().union(*objects(document))
    return next((one for one in dialects if not one.SIGNS.isdisjoint(keys) and one.matches(document)), None)
