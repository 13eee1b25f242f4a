"""Talks with bots, as files: transcripts and trackers, one document a file, an array of them, or one a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, BinaryIO, Literal, Protocol

from connector.errors import Finding
from connector.plugins import Counted, Page, Reading, Record, Rejected, SourceTools
from connector.sources.chatbot import bot_framework, rasa
from connector.sources.chatbot.talk import MOST_HANDOFFS, Talk, Words
from connector.sources.chatbot.ticket import ticket
from connector.sources.document import Unreadable, parse
from connector.sources.files import Files, Found
from connector.sources.posted import PostedSettings
from connector.sources.reading import Lines, Scroll, Whole, pages, trouble
from connector.ticket import Outcome

ENDINGS = (".json", ".transcript", ".ndjson", ".jsonl")
LINES = (".ndjson", ".jsonl")
_TALK_KEYS = frozenset({"events", "activities", "transcript", "content", "Content"})
_TALKS_VALUES = 500_000  # of all the talks in one file together


class Dialect(Protocol):
    """One platform's shape of transcript: a module with its name and these two functions."""

    PLATFORM: str

    def matches(self, document: Any) -> bool:
        """Is this document of that shape?"""

    def talk(self, document: Any, words: Words, zone: tzinfo) -> Talk:
        """The talk it holds. Pure; takes any document that matches."""


DIALECTS: Sequence[Dialect] = (rasa, bot_framework)
"""Asked in this order where the settings say `auto`."""


class ChatbotSettings(PostedSettings):
    """Settings of a chatbot.

    `escalate`, `resolve` and `abandon` name the intents, actions and events by which the bot does so, in any
    spelling. Only talks whose outcome is in `make_ticket_on` make tickets; others are counted.
    """

    dialect: Literal["auto", "bot_framework", "rasa"] = "auto"
    escalate: tuple[str, ...] = (
        *("handoff.initiate", "EscalationRequested", "escalate", "human_handoff", "action_human_handoff"),
        *("handoff", "action_handoff", "action_handover", "talk_to_human", "speak_to_agent", "live_agent"),
        *("transfer_to_agent", "create_ticket", "action_create_ticket", "action_submit_ticket", "open_incident"),
    )
    resolve: tuple[str, ...] = ("ImpliedSuccess", "resolved", "issue_resolved", "action_resolved", "problem_solved")
    abandon: tuple[str, ...] = ("abandoned", "action_abandoned", "session_timeout", "action_session_timeout")
    make_ticket_on: frozenset[Outcome] = frozenset({Outcome.ESCALATED})


class Chatbot:
    """Reads talks with a bot and makes a ticket of each hand-off.

    A ticket's id is a hash of the platform, the channel, the talk and the event of the hand-off; for Rasa of the
    sender, the session's start and the hand-off's number in it. The second hand-off of a talk is a record of its
    own, at `PLACE#2`.
    """

    settings = ChatbotSettings

    def __init__(self, name: str, settings: ChatbotSettings, tools: SourceTools) -> None:
        self._source = settings.id or name
        self._settings = settings
        self._words = Words.of(settings.escalate, settings.resolve, settings.abandon)
        self._dialects = [one for one in DIALECTS if settings.dialect in ("auto", one.PLATFORM)]
        self._files = Files(settings.path, tools, settings.quiet, endings=ENDINGS, growing=_of_lines)

    def check(self) -> Sequence[Finding]:
        """A finding when the path cannot be listed."""
        return self._files.check()

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        """New and changed talks; raises Transient when the path cannot be listed."""
        return pages(self._files, cursor, self._open)

    def read(self, record: Record) -> Reading:
        """The ticket of the hand-off that the record is about, or what became of the talk, or why it is unreadable."""
        refused = trouble(record)
        if refused is not None:
            return refused
        try:
            talk = self._talk(parse(record.data))
        except Unreadable as error:
            return Rejected(error.at(record.place))
        part = _part(record)
        if part > MOST_HANDOFFS:
            what = f"more than {MOST_HANDOFFS} hand-offs in one talk"
            return Rejected(Finding("too-many-handoffs", record.place, what, "see whether `escalate` names too much"))
        episodes = talk.tickets(self._settings.make_ticket_on)
        if part > len(episodes):
            return Counted(str(Outcome.ESCALATED if talk.handoffs else talk.rest.outcome))
        return ticket(talk, episodes[part - 1], self._source, record, self._settings, self._words)

    def split(self, record: Record) -> Iterable[Record]:
        """One record for each hand-off of each talk in a document; an unreadable document stays as it is."""
        try:
            document = parse(record.data, values=_TALKS_VALUES)
        except Unreadable:
            yield record
            return
        rows = _rows(document)
        for number, row in enumerate(rows, 1):
            data = json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")
            yield from self._handoffs(replace(record, place=f"{record.place}#{number}", data=data), row)
        if not rows:
            yield from self._handoffs(record, document)

    def _handoffs(self, record: Record, document: Any) -> Iterator[Record]:
        yield record
        try:
            episodes = self._talk(document).tickets(self._settings.make_ticket_on)
        except Unreadable:
            return
        for part in range(2, min(len(episodes), MOST_HANDOFFS + 1) + 1):
            yield replace(record, place=f"{record.place}#{part}", facts={"part": str(part)})

    def _talk(self, document: Any) -> Talk:
        for dialect in self._dialects:
            if dialect.matches(document):
                return dialect.talk(document, self._words, self._settings.zone)
        known = ", ".join(one.PLATFORM for one in self._dialects)
        raise Unreadable(
            "not-a-talk", f"it is no transcript of a kind known here ({known})", "see `dialect` in the settings"
        )

    def _open(self, file: BinaryIO, found: Found, known: str) -> Scroll:
        if _of_lines(found.path):
            return Lines(file, found, known, self.split, self._settings.unfinished_line_after)
        return Whole(file, found, known, self.split)


def _rows(document: Any) -> list[Any]:
    """The talks of a document that holds several: an array of them, or the `value` of an OData answer."""
    listed = document.get("value") if isinstance(document, dict) and "type" not in document else document
    rows: list[Any] = listed if isinstance(listed, list) else []
    keys = [row.keys() if isinstance(row, dict) else frozenset() for row in rows]
    return rows if any(_TALK_KEYS & row for row in keys) and not any("type" in row for row in keys) else []


def _part(record: Record) -> int:
    said = record.facts.get("part", "1")
    return int(said) if said.isdecimal() and len(said) < 6 else 1


def _of_lines(path: str) -> bool:
    return path.lower().endswith(LINES)
