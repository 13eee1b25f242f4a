"""Trackers of Rasa bots: `{sender_id, slots, events, paused}` (Rasa docs, events and tracker store)."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from connector.sources.chatbot.entries import Entry, at, inner, objects, ordered, score, text, texts_of, word
from connector.sources.chatbot.links import articles
from connector.sources.chatbot.talk import Said, Script, Talk
from connector.sources.chatbot.words import Words
from connector.sources.text import line
from connector.ticket import Outcome

PLATFORM = "rasa"
SIGNS = frozenset({"sender_id"})
_SPEAKERS = frozenset({"user", "bot", "agent"})
_RASAS = frozenset({"requested_slot", "session_started_metadata"})


def matches(document: Any) -> bool:
    """Is it a tracker?"""
    return isinstance(document, dict) and isinstance(document.get("events"), list) and "sender_id" in document


def sessions(document: Any) -> list[Any]:
    """A tracker is one talk."""
    return [document]


def talk(document: Any, words: Words, zone: tzinfo) -> Talk:
    """The talk in a tracker that `matches`."""
    sender = line(str(document["sender_id"]), 255)
    events = ordered(
        objects(document["events"]), lambda event: at(event, zone), lambda event: word(event.get("event")) in _SPEAKERS
    )
    script = Script(PLATFORM, sender, PLATFORM, sender)
    script.person["id"] = sender
    if not any(event.get("event") == "slot" for event in events):
        script.fill(_asked(inner(document, "slots")))
    for event in events:
        _take(script, event, words, zone)
    if document.get("paused") is True and not script.handed_on:
        script.end(Outcome.ESCALATED)
    return script.talk()


def _take(script: Script, event: Entry, words: Words, zone: tzinfo) -> None:
    kind, outcome = word(event.get("event")), None
    if kind in _SPEAKERS:
        outcome = _say(script, event, words, zone)
    elif kind == "session_started":
        script.begin(str(event.get("timestamp", "")))
    elif kind == "slot":
        script.fill(_asked({word(event.get("name")): event.get("value")}))
    elif kind == "pause":
        outcome = Outcome.ESCALATED
    elif kind == "action":
        outcome = words.outcome(word(event.get("name")))
    if outcome is not None:
        script.end(outcome)


def _say(script: Script, event: Entry, words: Words, zone: tzinfo) -> Outcome | None:
    """Take down an utterance; the answer is what its intent means for the talk."""
    speaker, data = str(event["event"]), inner(event, "data")
    intent = inner(inner(event, "parse_data"), "intent") if speaker == "user" else {}
    name = word(intent.get("name"))
    if speaker == "bot":
        script.offer(articles([data, event.get("metadata")]))
    said = Said(speaker, text(event), at(event, zone), name, score(intent.get("confidence")))
    script.say(said, texts_of(objects(data.get("buttons")), "title", "payload"))
    return words.outcome(name) if name else None


def _asked(slots: Entry) -> Entry:
    return {name: value for name, value in slots.items() if name not in _RASAS}
