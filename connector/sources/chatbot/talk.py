"""A talk with a bot, whatever the platform: what was said, and the points at which the person was handed on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connector.sources.text import clean, line
from connector.ticket import Article, Outcome

MOST_HANDOFFS = 20
MOST_ARTICLES = 20
MOST_SLOTS = 200
_SLOT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance by `user`, `bot` or `agent`. `picked` says that it was chosen from what the bot offered."""

    speaker: str
    text: str
    at: datetime | None = None
    intent: str = ""
    confidence: float | None = None
    picked: bool = False


@dataclass(frozen=True, slots=True)
class Episode:
    """A talk from its beginning, or from the hand-off before, to its outcome. `parts` make its id."""

    parts: tuple[str, ...]
    outcome: Outcome
    said: tuple[Said, ...]
    topic: str = ""
    summary: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    articles: tuple[Article, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """The episodes that ended in a hand-off, in order, and what came after the last of them."""

    platform: str
    id: str
    person: Mapping[str, str]
    handoffs: tuple[Episode, ...]
    rest: Episode

    def tickets(self, make_on: frozenset[Outcome]) -> tuple[Episode, ...]:
        """The episodes that make a ticket: hand-offs, else the whole talk where its outcome is asked for."""
        if self.handoffs:
            return self.handoffs if Outcome.ESCALATED in make_on else ()
        return (self.rest,) if self.rest.outcome in make_on else ()


class Script:
    """Takes down a talk as it goes. Hand-offs with no word of the user between them are one.

    `key` is what the ids of its tickets start with, the platform's family first.
    """

    def __init__(self, platform: str, talk: str, *key: str) -> None:
        self.platform = platform
        self.id = talk
        self.person: dict[str, str] = {}
        self.slots: dict[str, str] = {}
        self._key = key
        self._session = ""
        self._ordinal = 0
        self._topic = ""
        self._said: list[Said] = []
        self._articles: list[Article] = []
        self._handoffs: list[Episode] = []
        self._outcome = Outcome.OPEN
        self._spoken = True
        self._offered: frozenset[str] = frozenset()

    def begin(self, session: str) -> None:
        """A new session: what was said before belongs to another matter."""
        self._session, self._ordinal, self._topic = session, 0, ""
        self._said, self._articles = [], []
        self._outcome, self._spoken = Outcome.OPEN, True

    def say(self, said: Said, offered: Iterable[str] = ()) -> None:
        """Somebody speaks; `offered` are the answers that a bot's buttons suggest."""
        if said.speaker == "user":
            self._spoken = True
            said = replace(said, picked=said.picked or said.text.strip().lower() in self._offered)
        if said.text:
            self._said.append(said)
        if said.speaker != "user":
            self._offered = frozenset(text.strip().lower() for text in offered)

    def introduce(self, known: Mapping[str, str]) -> None:
        """Who is talking, by field of a person; what was said first counts, and nothing of somebody else."""
        if known.get("id") and self.person.get("id", known["id"]) != known["id"]:
            return
        for name, value in known.items():
            if value:
                self.person.setdefault(name, value)

    def fill(self, slots: Mapping[str, Any]) -> None:
        """What the bot has understood so far; null empties a slot."""
        for given, value in slots.items():
            name = line(given, 100)
            if value is None:
                self.slots.pop(name, None)
            elif name and value not in ("", [], {}) and (name in self.slots or len(self.slots) < MOST_SLOTS):
                self.slots[name] = clean(_said(value), _SLOT_LIMIT)

    def learn(self, topic: str) -> None:
        """The bot's own name for the matter."""
        self._topic = topic or self._topic

    def offer(self, articles: Iterable[Article]) -> None:
        """The bot points to articles."""
        for article in articles:
            if article not in self._articles and len(self._articles) < MOST_ARTICLES:
                self._articles.append(article)

    def end(self, outcome: Outcome, event: str = "", summary: str = "") -> None:
        """The bot is done, one way or another; `event` is the id of what says so."""
        self._outcome = outcome
        if outcome is not Outcome.ESCALATED:
            return
        if not self._spoken and self._handoffs:
            last = self._handoffs[-1]
            self._handoffs[-1] = replace(last, summary=last.summary or summary, topic=last.topic or self._topic)
            return
        self._ordinal += 1
        parts = (*self._key, *filter(None, (self._session,)), event or f"handoff {self._ordinal}")
        self._handoffs.append(self._episode(parts, summary))
        self._said, self._articles, self._topic, self._spoken = [], [], "", False

    @property
    def handed_on(self) -> bool:
        """Was anybody handed on so far?"""
        return bool(self._handoffs)

    def talk(self) -> Talk:
        """All that was taken down."""
        rest = self._episode((*self._key, *filter(None, (self._session,)), "talk"), "")
        return Talk(self.platform, self.id, dict(self.person), tuple(self._handoffs), rest)

    def _episode(self, parts: tuple[str, ...], summary: str) -> Episode:
        slots, articles = dict(self.slots), tuple(self._articles)
        return Episode(parts, self._outcome, tuple(self._said), self._topic, summary, slots, articles)


def _said(value: Any) -> str:
    """A slot's value as text: that of an entity with a name is its name."""
    found = value.get("name") if isinstance(value, dict) and isinstance(value.get("name"), str) else value
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, sort_keys=True)
