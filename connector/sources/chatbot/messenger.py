"""Messages of Facebook Messenger bots (Messenger Platform, webhooks): `{object: page, entry: [{messaging: [...]}]}`.

Handing the thread to another app, an inbox for instance, hands on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from connector.sources.chatbot.entries import (
    FILES,
    Entry,
    apart,
    at,
    inner,
    objects,
    once,
    ordered,
    spoken,
    turns,
    word,
)
from connector.sources.chatbot.links import articles
from connector.sources.chatbot.talk import Said, Script, Talk
from connector.sources.chatbot.words import Words

PLATFORM = "messenger"
SIGNS = frozenset({"entry", "sender"})
_CONTROLS = ("pass_thread_control", "request_thread_control", "take_thread_control")


def matches(document: Any) -> bool:
    """Is there an event of Messenger in it?"""
    return bool(_events(document))


def sessions(document: Any) -> list[Any]:
    """The events of each person with each page."""
    return apart(document, _events(document), lambda event: "\n".join(_parties(event)))


def talk(document: Any, words: Words, zone: tzinfo) -> Talk:
    """The talk in a document that `matches`."""

    def when(event: Entry) -> datetime | None:
        return at(event, zone)

    found = ordered(once(_events(document), _message_id), when, lambda event: "message" in event)
    page, person = _parties(found[0])
    script = Script(PLATFORM, person, PLATFORM, page, person)
    script.introduce({"id": person})
    for event in found:
        _take(script, event, when(event), words)
    return script.talk()


def _take(script: Script, event: Entry, when: datetime | None, words: Words) -> None:
    message, postback = inner(event, "message"), inner(event, "postback")
    own = message.get("is_echo") is True
    if own:
        script.offer(articles(message.get("attachments")))
    files = FILES if objects(message.get("attachments")) and not own else ""
    said = "\n".join(filter(None, (spoken(message.get("text")) or spoken(postback.get("title")), files)))
    picked = bool(postback or message.get("quick_reply"))
    script.say(Said("bot" if own else "user", said, when, picked=picked))
    controls = [name for name in _CONTROLS if isinstance(event.get(name), dict)]
    payload = word(postback.get("payload")) or word(inner(message, "quick_reply").get("payload"))
    outcome = words.outcome(*controls, payload)
    if outcome is not None:
        note = next((spoken(inner(event, name).get("metadata")) for name in controls), "")
        script.end(outcome, _message_id(event) or str(event.get("timestamp") or ""), note)


def _events(document: Any) -> list[Entry]:
    """The events of pages, those of posts that are a list or single included."""
    return [event for post in turns(document) for event in _posted(post) if all(_parties(event))]


def _posted(post: Entry) -> Iterator[Entry]:
    if "messaging" not in post and "sender" in post and "recipient" in post:
        yield post
    for page in objects(post.get("entry")):
        yield from objects(page.get("messaging"))


def _parties(event: Entry) -> tuple[str, str]:
    """The page and the person."""
    sender, recipient = word(inner(event, "sender").get("id")), word(inner(event, "recipient").get("id"))
    return (sender, recipient) if inner(event, "message").get("is_echo") is True else (recipient, sender)


def _message_id(event: Entry) -> str:
    return word(inner(event, "message").get("mid"))
