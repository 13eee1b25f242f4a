"""Transcripts of Bot Framework and Copilot Studio bots (Bot Framework Activity schema).

A flat array of activities, `{transcript: [...]}`, Direct Line's `{activities, watermark}`, a hand-off event that
carries its transcript, and the rows of the Copilot Studio export, whose roles are numbers and whose times are epoch
seconds. Unknown activities are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from connector.sources.chatbot.entries import (
    FILES,
    Entry,
    apart,
    at,
    first_word,
    inner,
    objects,
    ordered,
    score,
    spoken,
    text,
    texts_of,
    turns,
    word,
)
from connector.sources.chatbot.links import articles
from connector.sources.chatbot.talk import Said, Script, Talk
from connector.sources.chatbot.words import Words
from connector.sources.document import Unreadable, parse
from connector.sources.text import clean
from connector.ticket import Outcome

PLATFORM = "bot_framework"
SIGNS = frozenset({"type", "conversation", "activities", "transcript", "content", "Content"})
_LISTS = ("activities", "transcript")
_ROLES = {"0": "bot", "1": "user", "bot": "bot", "user": "user", "agent": "agent", "skill": "bot"}
_NOBODY = frozenset({"", "user", "you", "unknown", "anonymous", "guest"})
_SUMMARIES = ("va_AgentMessage", "va_ConversationSummary", "summary", "va_LastPhrases", "va_Phrases", "message", "text")
_SURVEYS = ("CSATSurveyResponse", "PRRSurveyResponse")
_MENTION = re.compile(r"<at[^>]{0,100}>[^<]{0,200}</at>|&nbsp;")


def matches(document: Any) -> bool:
    """Is it a list of activities, alone or in one of its wrappings?"""
    return any("type" in entry for entry in activities(document))


def sessions(document: Any) -> list[Any]:
    """The talks in activities that name more than one conversation; what names none belongs to the one before."""
    listed, last = turns(document, *_LISTS), ""

    def conversation(entry: Entry) -> str:
        nonlocal last
        last = word(inner(entry, "conversation").get("id")) or last or first
        return last

    first = next((name for entry in listed if (name := word(inner(entry, "conversation").get("id")))), "")
    return apart(document, listed, conversation)


def talk(document: Any, words: Words, zone: tzinfo, platform: str = PLATFORM) -> Talk:
    """The talk in a transcript that `matches`."""
    entries = ordered(activities(document), lambda entry: at(entry, zone), lambda entry: entry.get("type") == "message")
    first = next((entry for entry in entries if inner(entry, "conversation").get("id")), {})
    identity = word(inner(first, "conversation").get("id")) or _named(document, entries)
    script = Script(platform, identity, PLATFORM, word(first.get("channelId")), identity)
    verdict: Outcome | None = None
    for entry in entries:
        kind = entry.get("type")
        if kind == "message":
            _message(script, entry, words, zone)
        elif kind in ("event", "trace", "invoke"):
            verdict = _event(script, entry, words) or verdict
        elif kind == "endOfConversation":
            verdict = words.outcome(word(entry.get("code"))) or verdict
    if verdict is not None and not script.handed_on:
        script.end(verdict)
    return script.talk()


def _message(script: Script, entry: Entry, words: Words, zone: tzinfo) -> None:
    speaker, said = _speaker(entry), spoken(_MENTION.sub(" ", text(entry)))
    best = next(
        iter(objects(inner(inner(entry, "channelData"), "ConversationUnderstandingDetail").get("RankedIntents"))), {}
    )
    intent = word(best.get("IntentName") or best.get("Intent") or best.get("Name"))
    if speaker == "user":
        _introduce(script, inner(entry, "from"))
        if any("contentUrl" in file for file in objects(entry.get("attachments"))):
            said = f"{said}\n{FILES}".strip()
    else:
        script.offer(articles([entry.get("attachments"), entry.get("entities"), entry.get("channelData")]))
    script.say(Said(speaker, said, at(entry, zone), intent, score(best.get("Score"))), _offered(entry))
    outcome = words.outcome(intent) if speaker == "user" and intent else None
    if outcome is not None:
        script.end(outcome, word(entry.get("id")))


def _event(script: Script, entry: Entry, words: Words) -> Outcome | None:
    """Take down an event or trace; the answer is what a session's own record says of its outcome."""
    name, value = word(entry.get("name") or entry.get("valueType")), entry.get("value")
    found = value if isinstance(value, dict) else {}
    if name == "SessionInfo":
        return words.outcome(word(found.get("outcome")))
    if name in _SURVEYS and first_word(found, "response", "value", "answer").lower() in ("no", "false"):
        return None
    if name == "VariableAssignment":
        variable, new = word(found.get("name") or found.get("id")), found.get("newValue", found.get("value"))
        _keep(script, variable.rpartition(".")[2], new)
    elif name == "IntentRecognition":
        script.learn(word(found.get("topicName") or found.get("intentName") or found.get("intentTitle")))
    elif (outcome := words.outcome(name)) is not None:
        script.learn(word(found.get("va_LastTopic")))
        user = inner(entry, "relatesTo", "user")
        _introduce(script, {**user, "aadObjectId": "", "id": script.person.get("id") or user.get("id")})
        for variable, said in found.items():
            if variable not in _SUMMARIES and not variable.startswith("va_"):
                _keep(script, variable, said)
        script.end(outcome, word(entry.get("id")), _summary(value))
    return None


def _keep(script: Script, variable: str, value: Any) -> None:
    if isinstance(value, str | int | float):
        script.fill({variable: value})


def _introduce(script: Script, sender: Mapping[str, Any]) -> None:
    name = word(sender.get("name"))
    script.introduce(
        {
            "id": first_word(sender, "aadObjectId", "id"),
            "name": "" if name.lower() in _NOBODY else name,
            "email": first_word(sender, "email", "userPrincipalName"),
        }
    )


def _summary(value: Any) -> str:
    """What the bot says the matter is, in the hand-off."""
    found = value if isinstance(value, dict) else {"summary": value}
    said = next((found[name] for name in _SUMMARIES if found.get(name)), "")
    lines = said[:20] if isinstance(said, list) else [said]
    return clean("\n".join(part for part in lines if isinstance(part, str)), 4000)


def _speaker(entry: Entry) -> str:
    sender = inner(entry, "from")
    role = _ROLES.get(str(sender.get("role", "")).lower())
    if role is not None:
        return role
    return "bot" if "bot" in f"{word(sender.get('id'))} {word(sender.get('name'))}".lower() else "user"


def _offered(entry: Entry) -> list[str]:
    """The answers that a message's buttons suggest."""
    actions = objects(inner(entry, "suggestedActions").get("actions"))
    for card in objects(entry.get("attachments")):
        actions += objects(inner(card, "content").get("buttons"))
    return texts_of(actions, "title", "value", "text")


def activities(document: Any) -> list[Entry]:
    """The activities in a document of any of the shapes; none where it has another shape."""
    if not isinstance(document, dict):
        return objects(document)
    listed = next((document[name] for name in _LISTS if isinstance(document.get(name), list)), None)
    if listed is not None:
        return objects(listed)
    if document.get("type") in ("event", "message"):
        carried = (activities(file.get("content")) for file in objects(document.get("attachments")))
        return [*next((entries for entries in carried if entries), []), document]
    if isinstance(document.get("conversation"), dict):
        return [document]
    content = document.get("content", document.get("Content"))
    if isinstance(content, str):
        content = _parsed(content)
    return objects(content) if isinstance(content, list) else objects(inner({"": content}, "").get("activities"))


def _parsed(content: str) -> Any:
    try:
        return parse(content.encode("utf-8", "surrogatepass"))
    except Unreadable:
        return None


def _named(document: Any, entries: list[Entry]) -> str:
    """The conversation's id where no activity bears it.

    A hand-off passes it on as `va_ConversationId`; an export's row is named `CONVERSATION_BOT[_N]`.
    """
    passed = next((word(inner(entry, "value").get("va_ConversationId")) for entry in reversed(entries)), "")
    row = document if isinstance(document, dict) else {}
    return passed or word(row.get("name", row.get("Name"))).partition("_")[0]
