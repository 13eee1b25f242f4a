"""Messages, commands and forms of Slack apps: Events API, `conversations.replies`, slash commands, interactions.

A thread is one talk; so are the messages of a direct conversation that stand in no thread. A command or a form whose
name means so hands on (Slack documentation, Events API and Block Kit).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from connector.sources.chatbot.entries import (
    FILES,
    Entry,
    apart,
    first_word,
    inner,
    known,
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
from connector.sources.given import moment

PLATFORM = "slack"
SIGNS = frozenset({"type", "command", "messages"})
_SPOKEN = frozenset({"message", "app_mention"})
_ACTS = frozenset({"view_submission", "block_actions", "message_action", "shortcut", "interactive_message"})
_UNSAID = frozenset({"message_changed", "message_deleted", "channel_join", "channel_leave"})
_MENTION = re.compile(r"<[@!][^<>]{1,100}>")
_LINK = re.compile(r"<(https?://[^<>|]{1,500})\|([^<>]{1,200})>")
_BARE = re.compile(r"<((?:https?|mailto|tel)[^<>|]{1,500})>")


def matches(document: Any) -> bool:
    """Is there a message, command or interaction of Slack in it?"""
    return any(map(_is_entry, turns(document, "messages")))


def sessions(document: Any) -> list[Any]:
    """What was said in each thread."""
    return apart(document, filter(_is_entry, turns(document, "messages")), lambda entry: "\n".join(_place(entry)))


def talk(document: Any, words: Words, zone: tzinfo) -> Talk:
    """The talk in a document that `matches`."""
    found = once(filter(_is_entry, turns(document, "messages")), _name)
    found = ordered(found, _when, lambda entry: _message(entry) is not None)
    team, channel, thread = _place(found[0])
    script = Script(PLATFORM, ":".join(filter(None, (channel, thread))), PLATFORM, team, channel)
    heard = {word(message.get("ts")) for entry in found if (message := _message(entry))}
    for entry in found:
        _take(script, entry, words, thread, heard)
    return script.talk()


def _take(script: Script, entry: Entry, words: Words, thread: str, heard: set[str]) -> None:
    message = _message(entry)
    if message is not None:
        _say(script, message)
        return
    about = inner(entry, "message")
    if about.get("text") and word(about.get("ts")) not in heard:
        _say(script, about)
    script.introduce(_person(entry))
    _fill(script, inner(entry, "view", "state", "values"))
    if entry.get("command"):
        script.say(Said("user", _plain(spoken(entry.get("text"))), _when(entry)))
    outcome = words.outcome(*_names(entry))
    if outcome is not None:
        script.end(outcome, thread or first_word(entry, "trigger_id", "action_ts"))


def _say(script: Script, message: Entry) -> None:
    own = bool(message.get("bot_id") or message.get("subtype") == "bot_message")
    said = spoken(message.get("text"))
    if own:
        links = [{"title": title, "url": url} for url, title in _LINK.findall(said)]
        script.offer(articles([links, message.get("blocks"), message.get("attachments")]))
    else:
        script.introduce(_person(message))
    parts = (_plain(said), FILES if objects(message.get("files")) else "")
    script.say(Said("bot" if own else "user", "\n".join(filter(None, parts)), _time(message)), _buttons(message))


def _fill(script: Script, blocks: Entry) -> None:
    """The values of a form's fields, by the names of their actions."""
    for block in blocks:
        for name, field in inner(blocks, block).items():
            held = field if isinstance(field, dict) else {}
            chosen = inner(held, "selected_option")
            value = first_word(held, "selected_date", "selected_user") or word(chosen.get("value")) or held.get("value")
            if isinstance(value, str):
                script.fill({name: value})


def _names(entry: Entry) -> Iterator[str]:
    """What a command, a form or a button is called."""
    yield word(entry.get("command")).lstrip("/")
    yield word(entry.get("callback_id"))
    yield word(inner(entry, "view").get("callback_id"))
    for action in objects(entry.get("actions")):
        yield word(action.get("action_id"))
        yield word(action.get("value"))


def _buttons(message: Entry) -> list[str]:
    blocks = objects(message.get("blocks"))
    return [word(inner(part, "text").get("text")) for block in blocks for part in objects(block.get("elements"))]


def _plain(said: str) -> str:
    """The text as people see it: mentions gone, links by their names."""
    named = _BARE.sub(r"\1", _LINK.sub(r"\2 (\1)", _MENTION.sub(" ", said)))
    return html.unescape(named).strip()


def _person(entry: Entry) -> dict[str, str]:
    user = inner(entry, "user") or inner(entry, "user_profile")
    identity = first_word(entry, "user", "user_id") or first_word(user, "id")
    email = first_word(user, "email") or first_word(inner(user, "profile"), "email")
    login = first_word(entry, "user_name") or first_word(user, "username", "name")
    return known(id=identity, name=first_word(user, "real_name"), email=email, login=login)


def _is_entry(entry: Entry) -> bool:
    if _message(entry) is not None or isinstance(entry.get("command"), str):
        return True
    return word(entry.get("type")) in _ACTS and isinstance(entry.get("user"), dict)


def _message(entry: Entry) -> Entry | None:
    """The message that an entry is or carries, None where it is something else."""
    message = inner(entry, "event") if entry.get("type") == "event_callback" else entry
    said = (
        word(message.get("type")) in _SPOKEN
        and isinstance(message.get("ts"), str)
        and word(message.get("subtype")) not in _UNSAID
    )
    return message if said else None


def _place(entry: Entry) -> tuple[str, str, str]:
    """Team, channel and thread; messages of a direct conversation that are in no thread are one."""
    message = _message(entry) or entry
    about = inner(message, "container") or inner(message, "message")
    channel = first_word(message, "channel", "channel_id") or word(inner(message, "channel").get("id"))
    team = first_word(entry, "team_id") or first_word(message, "team") or word(inner(message, "team").get("id"))
    thread = first_word(message, "thread_ts") or first_word(about, "thread_ts", "message_ts", "ts")
    thread = thread or word(inner(message, "view").get("id"))
    direct = message.get("channel_type") == "im" or channel.startswith("D")
    return team, channel, thread or ("" if direct else first_word(message, "ts"))


def _name(entry: Entry) -> str:
    """What is the same for a message that was delivered twice, or as a mention too."""
    message = _message(entry)
    return word(message.get("ts")) if message else word(entry.get("event_id"))


def _when(entry: Entry) -> datetime | None:
    return _time(_message(entry) or inner(entry, "message") or entry)


def _time(message: Entry) -> datetime | None:
    said = first_word(message, "ts", "action_ts")
    try:
        return moment(float(said), UTC) if said else None
    except (ValueError, OverflowError):
        return None
