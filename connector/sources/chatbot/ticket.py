"""From an episode of a talk to a ticket: what the person's trouble is, in their own words, and all that was said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connector.plugins import Record
from connector.sources.build_records import Codes
from connector.sources.chatbot.entries import FILES
from connector.sources.chatbot.slots import understood
from connector.sources.chatbot.talk import Episode, Said, Talk
from connector.sources.chatbot.words import Words
from connector.sources.given import received
from connector.sources.identity import hashed
from connector.sources.issue_types import IssueType, meant_by
from connector.sources.text import line
from connector.ticket import (
    Attachment,
    Channel,
    Context,
    Conversation,
    FileKind,
    Location,
    Person,
    PersonKind,
    Phi,
    Ticket,
    Turn,
)

_TRANSCRIPT_LIMIT = 12_000
_MOST_TURNS = 500
_GREETING = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|thanks|thank you|ok|okay|yes|no|bye|please|start)\b"
    r"[ ,.!]{0,3}(?:there|bot|team|you|all|please|thanks)?[ .!?]{0,5}",
    re.IGNORECASE,
)
_FOR_A_PERSON = re.compile(
    r"\b(?:agent|human|person|representative|operator|somebody|someone|live chat|help ?desk|create (?:a )?ticket)\b",
    re.IGNORECASE,
)
_OPEN_QUESTION = re.compile(r"\b(?:how (?:can|may)|what|describe|tell|explain|detail)", re.IGNORECASE)
_SENTENCE = 6


@dataclass(frozen=True, slots=True)
class Making:
    """What a site says of all tickets of one bot. `id_key` is a secret that ids are hashed with, or empty."""

    source: str
    person: PersonKind
    codes: Codes
    words: Words
    issue_types: Mapping[str, IssueType]
    id_key: str = field(default="", repr=False)


def ticket(talk: Talk, episode: Episode, record: Record, made: Making) -> Ticket:
    """The ticket that an episode makes. Its text is stable while the talk goes on behind the hand-off."""
    slots = understood(episode.slots)
    trouble = problem(episode.said, made.words)
    stated = trouble.text if trouble else slots.trouble or episode.summary or longest(episode.said)
    intent, confidence = _intent(episode, trouble, made.words)
    records = made.codes.sort(made.codes.found("\n".join((stated, slots.trouble, episode.summary))))
    # A talk without an id of its own is named by its place: two such talks must not be one.
    parts = (*episode.parts, *(() if talk.id else (record.place,)))
    identity = hashed(*parts, key=made.id_key)
    said_at = [said.at for said in episode.said if said.at]
    return Ticket(
        source=made.source,
        external_id=identity,
        channel=Channel.CHATBOT,
        summary=line(stated) or "Handed on by the bot without a word about the matter",
        description=_description(stated, episode, slots.trouble),
        requester=Person(kind=made.person, **{**slots.person, **talk.person}),
        context=Context(location=Location(**slots.location), **slots.context),
        records=records.build,
        conversation=Conversation(
            id=talk.id or identity,
            platform=talk.platform,
            intent=intent,
            confidence=confidence,
            slots=slots.left,
            articles=episode.articles,
            outcome=episode.outcome,
            turns=tuple(Turn(speaker=said.speaker, text=said.text, at=said.at) for said in episode.said[-_MOST_TURNS:]),
        ),
        attachments=_transcript(episode.said),
        submitted_at=max(said_at, default=None),
        received_at=received(record),
        phi=Phi(records=records.patient, **slots.phi),
        **slots.weight,
        **_sort((slots.issue_type, intent, episode.topic), made.issue_types),
    )


def _intent(episode: Episode, trouble: Said | None, words: Words) -> tuple[str, float | None]:
    """What the bot took the matter for: an intent that asks for a person says nothing of it, unless it is all."""
    last = [said for said in reversed(episode.said) if said.intent]
    about = [said for said in last if words.outcome(said.intent) is None]
    said = trouble if trouble is not None and trouble.intent else next(iter(about), None)
    if said is None and not episode.topic:
        said = next(iter(last), None)
    return (said.intent, said.confidence) if said else (episode.topic, None)


def _sort(names: Iterable[str], types: Mapping[str, IssueType]) -> dict[str, Any]:
    """Kind and category, by the first name that speaks of a known type."""
    found = next((found for name in names if name and (found := meant_by(name, types))), None)
    return {"kind": found.kind, "category": found.category} if found else {}


def problem(said: Sequence[Said], words: Words) -> Said | None:
    """The user's last words that are long enough to state a problem, else the longest; commands are not meant.

    Greetings, choices, calls for a person and answers to a bot's closed questions state none.
    """
    stated: list[Said] = []
    asked = False
    for one in said:
        if one.speaker != "user":
            asked = one.text.endswith("?") and not _OPEN_QUESTION.search(one.text)
        elif not (one.text.startswith("/") or _states_nothing(one, words) or (asked and stated)):
            stated.append(one)
    full = [one for one in stated if len(one.text.split()) >= _SENTENCE]
    return full[-1] if full else max(stated, key=lambda one: len(one.text), default=None)


def longest(said: Sequence[Said]) -> str:
    """The longest of the user's words, where none of them states a problem."""
    return max((one.text for one in said if one.speaker == "user" and one.text[:1] != "/"), key=len, default="")


def _states_nothing(said: Said, words: Words) -> bool:
    return said.picked or said.text == FILES or _small_talk(said.text) or words.outcome(said.intent) is not None


def _small_talk(text: str) -> bool:
    short = len(text.split()) <= 8
    return bool(short and len(text) <= 80 and (_GREETING.fullmatch(text.strip()) or _FOR_A_PERSON.search(text)))


def _description(stated: str, episode: Episode, told: str) -> str:
    summary = f"Summary by the bot: {episode.summary}" if episode.summary not in ("", stated) else ""
    noted = f"Told to the bot: {told}" if told not in ("", stated, episode.summary) else ""
    passed = "\n".join(filter(None, (noted, summary)))
    kept = [one for one in episode.said if _worth_telling(one)]
    lines = list(_lines(kept))
    room, first = _TRANSCRIPT_LIMIT, len(lines)
    while first and room >= len(lines[first - 1]):
        first -= 1
        room -= len(lines[first]) + 1
    earlier = f"[{first} earlier lines are in the transcript]" if first else ""
    spoken = "\n".join(filter(None, ("Transcript:", earlier, *lines[first:]))) if lines else ""
    return "\n\n".join(filter(None, (stated, passed, spoken)))


def _worth_telling(said: Said) -> bool:
    return not (said.picked or said.text.startswith("/") or (len(said.text) <= 40 and _GREETING.fullmatch(said.text)))


def _lines(said: Sequence[Said]) -> Iterator[str]:
    for one in said:
        yield f"{one.speaker}, {_time(one.at)}{one.text}"


def _time(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC: " if at else ""


def _transcript(said: Sequence[Said]) -> tuple[Attachment, ...]:
    """All that was said, greetings and choices included, as a file that only a cleared sink receives."""
    if not said:
        return ()
    content = "\n".join(_lines(said)).encode()
    return (Attachment.of("transcript.txt", content, "text/plain", FileKind.LOG),)
