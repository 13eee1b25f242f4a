"""Messages and events of Botpress bots: lists of them, `{messages, events, user, conversation}`, and webhook events.

`direction` says who speaks; handing on is an event of the human-in-the-loop plugin (Botpress documentation, API).
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from connector.sources.chatbot.entries import (
    FILES,
    Entry,
    apart,
    at,
    first_word,
    inner,
    known,
    objects,
    once,
    ordered,
    spoken,
    texts_of,
    word,
)
from connector.sources.chatbot.links import articles
from connector.sources.chatbot.talk import Said, Script, Talk
from connector.sources.chatbot.words import Words

PLATFORM = "botpress"
SIGNS = frozenset({"conversationId", "messages", "events", "payload", "body"})
_LISTS = ("messages", "events")
_SPEAKERS = {"incoming": "user", "outgoing": "bot"}
_FILES = frozenset({"image", "file", "audio", "video"})
_VARIABLES = ("variables", "workflow", "state")


def matches(document: Any) -> bool:
    """Is there a message or event of Botpress in it?"""
    return bool(_entries(document))


def sessions(document: Any) -> list[Any]:
    """The messages of each conversation."""
    return apart(document, _entries(document), _conversation)


def talk(document: Any, words: Words, zone: tzinfo) -> Talk:
    """The talk in a document that `matches`."""

    def when(entry: Entry) -> datetime | None:
        return at(entry, zone, "createdAt")

    found = ordered(once(_entries(document), _name), when, lambda entry: "direction" in entry)
    whole = document if isinstance(document, dict) else {}
    conversation = _conversation(found[0])
    bot = next((said for entry in (whole, *found) if (said := word(entry.get("botId")))), "")
    script = Script(PLATFORM, conversation, PLATFORM, bot, conversation)
    _introduce(script, inner(whole, "user") or inner(whole, "payload", "user"))
    for name in _VARIABLES:
        script.fill(inner(whole, name, "output") or inner(whole, name))
    for entry in found:
        _take(script, entry, when(entry), words)
    return script.talk()


def _take(script: Script, entry: Entry, when: datetime | None, words: Words) -> None:
    speaker, kind, payload = _SPEAKERS.get(word(entry.get("direction"))), word(entry.get("type")), _payload(entry)
    if speaker is not None:
        said = _spoken(kind, payload)
        if speaker == "user":
            script.introduce(known(id=word(entry.get("userId"))))
        else:
            script.offer(articles(payload))
        options = objects(payload.get("options")) + objects(payload.get("actions"))
        script.say(Said(speaker, said, when), texts_of(options, "label", "value"))
        return
    outcome = words.outcome(kind)
    if outcome is not None:
        event = word(payload.get("messageId")) or _name(entry)
        script.end(outcome, event, spoken(payload.get("description")) or spoken(payload.get("title")))


def _spoken(kind: str, payload: Entry) -> str:
    if kind in _FILES:
        return "\n".join(filter(None, (first_word(payload, "title", "caption"), FILES)))
    titled = "\n".join(filter(None, (first_word(payload, "title"), first_word(payload, "subtitle"))))
    return spoken(payload.get("text")) or spoken(payload.get("value")) or titled


def _introduce(script: Script, user: Entry) -> None:
    tags = {name.rpartition(":")[2].lower(): word(value) for name, value in inner(user, "tags").items()}
    name, email = first_word(user, "name") or tags.get("name", ""), tags.get("email", "")
    script.introduce(known(name=name, email=email, phone=tags.get("phone", "")))


def _entries(document: Any) -> list[Entry]:
    """The messages and events, each of which names its conversation."""
    listed = document if isinstance(document, list) else [document]
    if isinstance(document, dict) and any(isinstance(document.get(name), list) for name in _LISTS):
        listed = [entry for name in _LISTS for entry in objects(document.get(name))]
    return [entry for one in objects(listed) if _is_entry(entry := _message(one))]


def _message(entry: Entry) -> Entry:
    """The message that a webhook's event is about, else the entry itself."""
    carried = inner(entry, "payload", "message") or inner(entry, "body", "data", "message")
    return {"botId": entry.get("botId"), **carried} if carried else entry


def _is_entry(entry: Entry) -> bool:
    return "conversationId" in entry and ("direction" in entry or ("type" in entry and "payload" in entry))


def _payload(entry: Entry) -> Entry:
    payload = inner(entry, "payload")
    return inner(payload, "input") or payload


def _conversation(entry: Entry) -> str:
    return word(entry.get("conversationId"))


def _name(entry: Entry) -> str:
    return word(entry.get("id"))
