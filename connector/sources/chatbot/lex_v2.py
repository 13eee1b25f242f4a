"""Turns of Lex V2 bots: what Lambda functions receive, what a runtime answers, and conversation logs.

Each object is one turn; the turns of one session are one talk (Amazon Lex V2 developer guide, "Using Lambda", "Logging
conversations").
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from connector.sources.chatbot.amazon import attributes, documents, plain
from connector.sources.chatbot.entries import (
    Entry,
    apart,
    at,
    first_word,
    inner,
    objects,
    ordered,
    score,
    spoken,
    texts_of,
    turns,
    word,
)
from connector.sources.chatbot.talk import Said, Script, Talk
from connector.sources.chatbot.words import Words
from connector.ticket import Outcome

PLATFORM = "lex_v2"
SIGNS = frozenset({"interpretations", "sessionState"})


def matches(document: Any) -> bool:
    """Is there a turn of Lex V2 in it?"""
    return any(map(_is_turn, turns(document)))


def sessions(document: Any) -> list[Any]:
    """The turns of each session."""
    return apart(document, filter(_is_turn, turns(document)), lambda turn: f"{_bot(turn)}\n{_session(turn)}")


def talk(document: Any, words: Words, zone: tzinfo) -> Talk:
    """The talk in a document that `matches`."""
    found = ordered([*filter(_is_turn, turns(document))], lambda turn: at(turn, zone), lambda turn: True)
    session = _session(found[0])
    script = Script(PLATFORM, session, PLATFORM, _bot(found[0]), session)
    heard = ""
    for turn in found:
        request = _request(turn)
        if not request or request != heard:  # a turn reaches both code hooks, each with a later state
            _say(script, turn, zone)
        heard = request
        _understand(script, turn, words)
    return script.talk()


def _say(script: Script, turn: Entry, zone: tzinfo) -> None:
    best = next(iter(objects(turn.get("interpretations"))), {})
    sure = next((found for key in ("nluConfidence", "nluIntentConfidence") if (found := score(best.get(key)))), None)
    said = spoken(turn.get("inputTranscript")) or spoken(
        next(iter(texts_of(objects(turn.get("transcriptions")), "transcription")), "")
    )
    script.say(Said("user", said, at(turn, zone), word(_intent(turn).get("name")), sure))
    for message in objects(turn.get("messages")):
        card = inner(message, "imageResponseCard")
        content = plain(spoken(message.get("content"))) or first_word(card, "title")
        script.say(Said("bot", content, at(turn, zone)), texts_of(objects(card.get("buttons")), "text", "value"))


def _understand(script: Script, turn: Entry, words: Words) -> None:
    state, intent = inner(turn, "sessionState"), _intent(turn)
    script.fill(attributes(inner(turn, "requestAttributes"), inner(state, "sessionAttributes")))
    script.fill({name: _value(slot) for name, slot in inner(intent, "slots").items()})
    for holder in (turn, state, *objects(turn.get("interpretations"))):
        script.offer(documents(inner(holder, "kendraResponse")))
    name, progress = word(intent.get("name")), word(intent.get("state"))
    action = word(inner(state, "dialogAction").get("type"))
    # The last turn counts: an intent that was fulfilled says nothing of the one that follows.
    outcome = words.outcome(name, f"{name}.{progress}", f"{progress}.{action}") or Outcome.OPEN
    script.end(outcome, _request(turn) or word(turn.get("timestamp")))


def _value(slot: Any) -> Any:
    """What was understood for a slot; None for one that is still empty."""
    if not isinstance(slot, dict):
        return slot
    listed = [found for part in objects(slot.get("values")) if (found := _value(part))]
    value = inner(slot, "value")
    return ", ".join(map(str, listed)) or first_word(value, "interpretedValue", "originalValue") or None


def _intent(turn: Entry) -> Entry:
    best = next(iter(objects(turn.get("interpretations"))), {})
    return inner(turn, "sessionState", "intent") or inner(best, "intent")


def _is_turn(entry: Entry) -> bool:
    return isinstance(entry.get("interpretations"), list) or (
        isinstance(entry.get("sessionState"), dict) and "sessionId" in entry
    )


def _session(turn: Entry) -> str:
    return word(turn.get("sessionId"))


def _bot(turn: Entry) -> str:
    return first_word(inner(turn, "bot"), "id", "name") or first_word(turn, "botId", "botName")


def _request(turn: Entry) -> str:
    return word(inner(turn, "sessionState").get("originatingRequestId")) or word(turn.get("requestId"))
