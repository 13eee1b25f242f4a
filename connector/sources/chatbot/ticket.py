"""From an episode of a talk to a ticket: what the person's trouble is, in their own words, and all that was said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from connector.plugins import Record
from connector.sources.chatbot.talk import Episode, Said, Talk, Words
from connector.sources.given import received
from connector.sources.identity import hashed
from connector.sources.site import SiteSettings
from connector.sources.text import line, word_of
from connector.ticket import (
    Attachment,
    Channel,
    Context,
    Conversation,
    FileKind,
    Location,
    Person,
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
_PERSON_SLOTS = {
    "email": ("email", "user_email", "e_mail"),
    "name": ("name", "user_name", "full_name", "employee_name"),
    "login": ("login", "username", "user_login", "network_id", "syslogin"),
    "phone": ("phone", "phone_number", "callback_number", "extension"),
    "department": ("department", "dept"),
    "role": ("role", "job_title", "position"),
}
_CONTEXT_SLOTS = {
    "workstation": ("workstation", "computer", "pc_name", "device"),
    "application": ("application", "app", "system_name"),
    "environment": ("environment", "env"),
    "activity": ("activity", "screen"),
    "error_text": ("error", "error_text", "error_message"),
}
_LOCATION_SLOTS = {"facility": ("facility", "hospital", "site"), "unit": ("unit", "ward"), "room": ("room",)}
_PHI_SLOTS = {
    "mrn": ("mrn", "patient_id", "patient_mrn", "medical_record_number"),
    "name": ("patient_name", "patient"),
    "birth_date": ("dob", "birth_date", "date_of_birth"),
    "encounter": ("csn", "encounter", "encounter_id"),
}


def ticket(talk: Talk, episode: Episode, source: str, record: Record, settings: SiteSettings, words: Words) -> Ticket:
    """The ticket that an episode makes. Its text is stable while the talk goes on behind the hand-off."""
    slots = {word_of(name): value for name, value in episode.slots.items()}
    phi, who = _taken(slots, _PHI_SLOTS), {**_taken(slots, _PERSON_SLOTS), **talk.person}
    context, place = _taken(slots, _CONTEXT_SLOTS), _taken(slots, _LOCATION_SLOTS)
    trouble = problem(episode.said, words)
    stated = trouble.text if trouble else ""
    records = settings.codes.sort(settings.codes.found("\n".join((stated, episode.summary))))
    # A talk without an id of its own is named by its place: two such talks must not be one.
    identity = hashed(talk.platform, *episode.parts, *(() if talk.id else (record.place,)))
    said_at = [said.at for said in episode.said if said.at]
    return Ticket(
        source=source,
        external_id=identity,
        channel=Channel.CHATBOT,
        summary=line(stated or episode.summary) or "Handed on by the bot without a word about the matter",
        description=_description(stated, episode),
        requester=Person(kind=settings.person, **who),
        context=Context(location=Location(**place), **context),
        records=records.build,
        conversation=Conversation(
            id=talk.id or identity,
            platform=talk.platform,
            intent=(trouble.intent if trouble else "") or episode.topic,
            confidence=trouble.confidence if trouble else None,
            slots=slots,
            articles=episode.articles,
            outcome=episode.outcome,
            turns=tuple(Turn(speaker=said.speaker, text=said.text, at=said.at) for said in episode.said[-_MOST_TURNS:]),
        ),
        attachments=_transcript(episode.said),
        submitted_at=max(said_at, default=None),
        received_at=received(record),
        phi=Phi(records=records.patient, **phi),
    )


def problem(said: Sequence[Said], words: Words) -> Said | None:
    """The user's last words that are long enough to state a problem, else the longest; commands are not meant.

    Greetings, choices, calls for a person and answers to a bot's closed questions state none, unless there is
    nothing else.
    """
    mine: list[Said] = []
    stated: list[Said] = []
    asked = False
    for one in said:
        if one.speaker != "user":
            asked = one.text.endswith("?") and not _OPEN_QUESTION.search(one.text)
        elif not one.text.startswith("/"):
            mine.append(one)
            if not (one.picked or _small_talk(one.text) or words.outcome(one.intent) or (asked and stated)):
                stated.append(one)
    full = [one for one in stated if len(one.text.split()) >= _SENTENCE]
    return full[-1] if full else max(stated or mine, key=lambda one: len(one.text), default=None)


def _small_talk(text: str) -> bool:
    short = len(text.split()) <= 8
    return bool(short and len(text) <= 80 and (_GREETING.fullmatch(text.strip()) or _FOR_A_PERSON.search(text)))


def _description(stated: str, episode: Episode) -> str:
    summary = episode.summary if episode.summary not in ("", stated) else ""
    passed = (f"Summary by the bot: {summary}" if stated else summary) if summary else ""
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


def _taken(slots: dict[str, str], table: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """The slots that a table knows, by field; they are slots no more."""
    found = {field: next((slots[name] for name in names if slots.get(name)), "") for field, names in table.items()}
    for names in table.values():
        for name in names:
            slots.pop(name, None)
    return {field: line(value, 255) for field, value in found.items() if value}
