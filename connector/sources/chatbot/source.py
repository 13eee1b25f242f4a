"""Talks with bots, as files: transcripts and trackers, one document a file, an array of them, or one a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, BinaryIO, Literal

from pydantic import Field

from connector.errors import Finding
from connector.plugins import Counted, Page, Reading, Record, Rejected, Secret, SourceTools
from connector.sources.chatbot.dialects import known_as, read, talks
from connector.sources.chatbot.talk import MOST_HANDOFFS, Talk
from connector.sources.chatbot.ticket import Making, ticket
from connector.sources.chatbot.words import Words
from connector.sources.document import Unreadable, parse
from connector.sources.files import Files, Found
from connector.sources.issue_types import IssueType, table
from connector.sources.posted import PostedSettings
from connector.sources.reading import Lines, Scroll, Whole, pages, trouble
from connector.ticket import Outcome

ENDINGS = (".json", ".transcript", ".ndjson", ".jsonl")
LINES = (".ndjson", ".jsonl")
Platform = Literal[
    "auto",
    "bot_framework",
    "botpress",
    "copilot_studio",
    "dialogflow_cx",
    "dialogflow_es",
    "lex_v1",
    "lex_v2",
    "messenger",
    "rasa",
    "slack",
]
_VALUES = 500_000  # of all the talks in one file together


class ChatbotSettings(PostedSettings):
    """Settings of a chatbot.

    `escalate`, `resolve` and `abandon` name the intents, actions and events by which the bot does so, in any
    spelling; they go before the built-in names, and what `ignore` names means nothing. Only talks whose outcome is in
    `make_ticket_on` make tickets; others are counted. `issue_types` says what sort of ticket an intent or an issue
    slot makes. `id_key` is for bots whose talks are named by telephone numbers or addresses: the ids of tickets are
    then hashed with that secret.
    """

    dialect: Platform = "auto"
    escalate: tuple[str, ...] = ()
    resolve: tuple[str, ...] = ()
    abandon: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    make_ticket_on: frozenset[Outcome] = frozenset({Outcome.ESCALATED})
    issue_types: dict[str, IssueType] = Field(default_factory=dict)
    id_key: Secret | None = None

    @cached_property
    def words(self) -> Words:
        """What the names mean that this bot uses."""
        own = {Outcome.ESCALATED: self.escalate, Outcome.RESOLVED: self.resolve, Outcome.ABANDONED: self.abandon}
        return Words(own, self.ignore)


class Chatbot:
    """Reads talks with a bot and makes a ticket of each hand-off.

    A ticket's id is a hash of the platform, the channel, the talk and the event of the hand-off; for Rasa of the
    sender, the session's start and the hand-off's number in it. The second hand-off of a talk is a record of its
    own, at `PLACE#2`.
    """

    settings = ChatbotSettings

    def __init__(self, name: str, settings: ChatbotSettings, tools: SourceTools) -> None:
        self._settings = settings
        self._dialects = known_as(settings.dialect)
        self._making = Making(
            source=settings.id or name,
            person=settings.person,
            codes=settings.codes,
            words=settings.words,
            issue_types=table(settings.issue_types),
            id_key=settings.id_key.reveal(tools.base) if settings.id_key else "",
        )
        self._last: tuple[bytes, Talk | None] = (b"", None)
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
            talk = self._known(record) or self._talk(parse(record.data, values=_VALUES))
        except Unreadable as error:
            return Rejected(error.at(record.place))
        part = _part(record)
        if part > MOST_HANDOFFS:
            what = f"more than {MOST_HANDOFFS} hand-offs in one talk"
            return Rejected(Finding("too-many-handoffs", record.place, what, "see whether `escalate` names too much"))
        episodes = talk.tickets(self._settings.make_ticket_on)
        if part > len(episodes):
            return Counted(str(Outcome.ESCALATED if talk.handoffs else talk.rest.outcome))
        return ticket(talk, episodes[part - 1], record, self._making)

    def split(self, record: Record) -> Iterable[Record]:
        """One record for each hand-off of each talk in a document; an unreadable document stays as it is."""
        try:
            document = parse(record.data, values=_VALUES)
        except Unreadable:
            yield record
            return
        found = list(talks(document, self._dialects))
        if len(found) == 1 and found[0] is document:
            yield from self._handoffs(record, document)
            return
        for number, one in enumerate(found, 1):
            data = json.dumps(one, ensure_ascii=False).encode("utf-8", "surrogatepass")
            yield from self._handoffs(replace(record, place=f"{record.place}#{number}", data=data), one)

    def _handoffs(self, record: Record, document: Any) -> Iterator[Record]:
        try:
            self._last = record.data, self._talk(document)
        except Unreadable:
            yield record
            return
        episodes = self._last[1].tickets(self._settings.make_ticket_on)
        yield record
        for part in range(2, min(len(episodes), MOST_HANDOFFS + 1) + 1):
            yield replace(record, place=f"{record.place}#{part}", facts={"part": str(part)})

    def _known(self, record: Record) -> Talk | None:
        """The talk in a record just taken apart: each of its hand-offs would read it anew."""
        data, talk = self._last
        return talk if data is record.data else None

    def _talk(self, document: Any) -> Talk:
        return read(document, self._dialects, self._making.words, self._settings.zone)

    def _open(self, file: BinaryIO, found: Found, known: str) -> Scroll:
        if _of_lines(found.path):
            return Lines(file, found, known, self.split, self._settings.unfinished_line_after)
        return Whole(file, found, known, self.split)


def _part(record: Record) -> int:
    said = record.facts.get("part", "1")
    return int(said) if said.isdecimal() and len(said) < 6 else 1


def _of_lines(path: str) -> bool:
    return path.lower().endswith(LINES)
