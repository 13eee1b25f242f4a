"""Turns of Dialogflow CX agents: WebhookRequest and DetectIntentResponse (Dialogflow CX v3 API).

Each object is one turn; the turns of one session are one talk.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from connector.sources.chatbot.entries import Entry, apart, at, objects, once, ordered, score, spoken, turns, word
from connector.sources.chatbot.google import get, person, replies, segment, spelt, within
from connector.sources.chatbot.links import articles
from connector.sources.chatbot.talk import Said, Script, Talk
from connector.sources.chatbot.words import Words

PLATFORM = "dialogflow_cx"
_REQUEST = ("sessionInfo", "detectIntentResponseId", "fulfillmentInfo", "pageInfo", "intentInfo")
SIGNS = spelt(*_REQUEST, "queryResult")
_RESULT = ("responseMessages", "match", "currentPage")
_MARKS = ("liveAgentHandoff", "telephonyTransferCall", "conversationSuccess", "endInteraction")
_SPOKEN = ("text", "transcript", "dtmfDigits")


def matches(document: Any) -> bool:
    """Is there a turn of Dialogflow CX in it?"""
    return any(map(_is_turn, turns(document)))


def sessions(document: Any) -> list[Any]:
    """The turns of each session."""
    return apart(document, filter(_is_turn, turns(document)), _session)


def talk(document: Any, words: Words, zone: tzinfo) -> Talk:
    """The talk in a document that `matches`."""
    found = once(filter(_is_turn, turns(document)), _response)
    found = ordered(found, lambda turn: at(turn, zone), lambda turn: True)
    session = _session(found[0])
    script = Script(PLATFORM, session, PLATFORM, session)
    for turn in found:
        _take(script, turn, words, zone)
    return script.talk()


def _take(script: Script, turn: Entry, words: Words, zone: tzinfo) -> None:
    result = within(turn, "queryResult")
    intent, sure = _intent(turn, result)
    script.introduce(person(within(turn, "payload")))
    script.fill(dict(_slots(turn, result)))
    script.say(Said("user", _spoken(turn, result), at(turn, zone), intent, sure))
    messages = objects(turn.get("messages")) + objects(get(result, "responseMessages"))
    replies(script, messages, at(turn, zone))
    script.offer(articles([messages, turn.get("payload"), get(result, "webhookPayloads")]))
    script.learn(word(get(within(result, "currentFlow"), "displayName")))
    marks = [mark for mark in _MARKS if any(get(message, mark) is not None for message in messages)]
    tag = word(within(turn, "fulfillmentInfo").get("tag"))
    events = [word(get(holder, "triggerEvent")) for holder in (turn, result)]
    outcome = words.outcome(intent, tag, *events, *marks)
    if outcome is not None:
        script.end(outcome, _response(turn), _passed(messages))


def _intent(turn: Entry, result: Entry) -> tuple[str, float | None]:
    info, match = within(turn, "intentInfo"), within(result, "match")
    named = (info, within(match, "intent"), within(result, "intent"))
    scores = (info.get("confidence"), match.get("confidence"), get(result, "intentDetectionConfidence"))
    name = next((said for one in named if (said := word(get(one, "displayName")))), "")
    return name, next((sure for one in scores if (sure := score(one)) is not None), None)


def _slots(turn: Entry, result: Entry) -> Iterator[tuple[str, Any]]:
    yield from within(result, "parameters").items()
    yield from within(turn, "sessionInfo", "parameters").items()
    for name, value in within(turn, "intentInfo", "parameters").items():
        yield name, get(value, "resolvedValue") if isinstance(value, dict) else value
    for asked in objects(get(within(turn, "pageInfo", "formInfo"), "parameterInfo")):
        if asked.get("value") is not None:
            yield word(get(asked, "displayName")), asked["value"]


def _spoken(turn: Entry, result: Entry) -> str:
    return next((said for one in (turn, result) for key in _SPOKEN if (said := spoken(get(one, key)))), "")


def _passed(messages: list[Entry]) -> str:
    """What the bot tells the person who takes over."""
    notes = (within(message, "liveAgentHandoff", "metadata") for message in messages)
    return next((said for note in notes for key in ("summary", "reason") if (said := spoken(note.get(key)))), "")


def _is_turn(entry: Entry) -> bool:
    result = within(entry, "queryResult")
    named = any(isinstance(get(entry, name), dict | str) for name in _REQUEST)
    return named or any(get(result, name) is not None for name in _RESULT)


def _session(turn: Entry) -> str:
    return segment(within(turn, "sessionInfo").get("session"))


def _response(turn: Entry) -> str:
    return word(get(turn, "detectIntentResponseId")) or word(get(turn, "responseId"))
