"""What Dialogflow ES and CX write alike. Keys come in camelCase (REST) and in snake_case (Python, logs)."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.sources.chatbot.entries import Entry, first_word, inner, known, objects, spoken, word
from connector.sources.chatbot.talk import Said, Script

_CAPITAL = re.compile(r"(?=[A-Z])")
_TELEPHONES = ("caller_id", "callerId", "phone", "phoneNumber")


@functools.cache
def _snake(name: str) -> str:
    return _CAPITAL.sub("_", name).lower()


def spelt(*names: str) -> frozenset[str]:
    """These names in both spellings."""
    return frozenset((*names, *map(_snake, names)))


def get(entry: Mapping[str, Any], name: str) -> Any:
    """The value under a name, which is given in camelCase."""
    value = entry.get(name)
    return value if value is not None else entry.get(_snake(name))


def within(entry: Mapping[str, Any], *names: str) -> Entry:
    """The object under a name, or further down under several; empty where there is none."""
    value: Any = entry
    for name in names:
        value = get(value, name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def segment(name: Any, after: str = "sessions") -> str:
    """The part of a resource name that follows `after`: `projects/P/.../sessions/ID`."""
    parts = word(name).split("/")
    return parts[parts.index(after) + 1] if after in parts[:-1] else parts[-1]


def person(payload: Entry) -> dict[str, str]:
    """Who talks, as far as the channel's own payload tells: a telephone, Slack, Google Chat, a page of one's own."""
    found: dict[str, str] = {}
    event = inner(payload, "data", "event") or inner(payload, "event")
    senders = [inner(payload, "user"), inner(payload, "data", "user"), inner(event, "user"), inner(payload, "sender")]
    for sender in (*senders, event, payload):
        for name, value in _person(sender).items():
            found.setdefault(name, value)
    phone = first_word(inner(payload, "telephony"), *_TELEPHONES)
    return found | known(phone=phone)


def _person(sender: Entry) -> dict[str, str]:
    return known(
        id=first_word(sender, "userId", "user_id", "user", "aadObjectId"),
        name=first_word(sender, "displayName", "real_name", "userName", "name"),
        email=first_word(sender, "email", "mail"),
    )


def replies(script: Script, messages: Any, when: datetime | None) -> None:
    """What the bot says in a list of messages."""
    for message in objects(messages):
        lines = within(message, "text").get("text")
        for said in lines if isinstance(lines, list) else [lines, within(message, "outputAudioText").get("text")]:
            script.say(Said("bot", spoken(said), when), _chips(message))


def _chips(message: Entry) -> list[str]:
    """The answers that a message offers: quick replies, and the chips of rich content."""
    listed = within(message, "quickReplies").get("quickReplies")
    offered = [said for said in listed if isinstance(said, str)] if isinstance(listed, list) else []
    rows = within(message, "payload").get("richContent")
    for row in rows if isinstance(rows, list) else []:
        for part in objects(row):
            offered += [said for chip in objects(part.get("options")) if isinstance(said := chip.get("text"), str)]
    return offered
