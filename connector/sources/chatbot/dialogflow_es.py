"""Turns of Dialogflow ES agents: WebhookRequest and DetectIntentResponse (Dialogflow v2 and v2beta1 API).

Each object is one turn; the turns of one session are one talk.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from connector.sources.chatbot.entries import Entry, apart, at, objects, once, ordered, score, spoken, turns, word
from connector.sources.chatbot.google import get, person, replies, segment, spelt, within
from connector.sources.chatbot.links import articles
from connector.sources.chatbot.talk import Said, Script, Talk
from connector.sources.chatbot.words import Words
from connector.ticket import Article

PLATFORM = "dialogflow_es"
SIGNS = spelt("queryResult")
_RESULT = ("queryText", "fulfillmentText", "fulfillmentMessages")
_MARKS = ("liveAgentHandoff", "endInteraction")


def matches(document: Any) -> bool:
    """Is there a turn of Dialogflow ES in it?"""
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
    intent = within(result, "intent")
    name, action = word(get(intent, "displayName")), word(result.get("action"))
    script.introduce(person(within(turn, "originalDetectIntentRequest", "payload")))
    for context in objects(get(result, "outputContexts")):
        script.fill(_slots(context))
    script.fill(_slots(result))
    sure = score(get(result, "intentDetectionConfidence"))
    script.say(Said("user", spoken(get(result, "queryText")), at(turn, zone), name, sure))
    _answer(script, result, at(turn, zone))
    script.offer(_articles(result))
    outcome = words.outcome(name, action, *(mark for mark in _MARKS if get(intent, mark) is True))
    if outcome is not None:
        script.end(outcome, _response(turn))


def _answer(script: Script, result: Entry, when: datetime | None) -> None:
    messages = get(result, "fulfillmentMessages")
    if not any("text" in message for message in objects(messages)):
        script.say(Said("bot", spoken(get(result, "fulfillmentText")), when))
    replies(script, messages, when)


def _slots(holder: Entry) -> Entry:
    # A context keeps what was typed under NAME.original, beside what was understood.
    return {name: value for name, value in within(holder, "parameters").items() if not name.endswith(".original")}


def _articles(result: Entry) -> Iterator[Article]:
    others = (within(other, "knowledgeAnswers") for other in objects(get(result, "alternativeQueryResults")))
    for answers in (within(result, "knowledgeAnswers"), *others):
        for answer in objects(answers.get("answers")):
            title = word(get(answer, "faqQuestion")) or word(answer.get("answer"))
            if title:
                yield Article(title=title[:160], url=word(answer.get("source")))
    yield from articles([get(result, "fulfillmentMessages"), get(result, "webhookPayload")])


def _is_turn(entry: Entry) -> bool:
    result = within(entry, "queryResult")
    return any(get(result, name) is not None for name in _RESULT)


def _session(turn: Entry) -> str:
    if turn.get("session"):
        return segment(turn["session"])
    contexts = objects(get(within(turn, "queryResult"), "outputContexts"))
    return segment(contexts[0].get("name")) if contexts else ""


def _response(turn: Entry) -> str:
    return word(get(turn, "responseId"))
