"""Turns of Lex V1 bots: what Lambda functions receive, and conversation logs (Amazon Lex V1 developer guide).

A session has no id of its own: the turns of one user with one bot are one talk.
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
    turns,
    word,
)
from connector.sources.chatbot.talk import Said, Script, Talk
from connector.sources.chatbot.words import Words
from connector.ticket import Outcome

PLATFORM = "lex_v1"
SIGNS = frozenset({"currentIntent", "botName"})


def matches(document: Any) -> bool:
    """Is there a turn of Lex V1 in it?"""
    return any(map(_is_turn, turns(document)))


def sessions(document: Any) -> list[Any]:
    """The turns of each user."""
    return apart(document, filter(_is_turn, turns(document)), lambda turn: f"{_bot(turn)}\n{_user(turn)}")


def talk(document: Any, words: Words, zone: tzinfo) -> Talk:
    """The talk in a document that `matches`."""
    found = ordered([*filter(_is_turn, turns(document))], lambda turn: at(turn, zone), lambda turn: True)
    user = _user(found[0])
    # Users come back: where no turn has a name of its own, the record's place names the talk.
    script = Script(PLATFORM, user if any(map(_request, found)) else "", PLATFORM, _bot(found[0]), user)
    script.introduce({"id": user})
    for turn in found:
        _take(script, turn, words, zone)
    return script.talk()


def _take(script: Script, turn: Entry, words: Words, zone: tzinfo) -> None:
    intent = inner(turn, "currentIntent")
    name = word(intent.get("name")) or first_word(turn, "intent", "intentName")
    scores = (intent.get("nluIntentConfidenceScore"), turn.get("nluIntentConfidence"), turn.get("nluConfidence"))
    sure = next((found for one in scores if (found := score(one)) is not None), None)
    before = next(iter(objects(turn.get("recentIntentSummaryView"))), {})
    script.learn(word(before.get("intentName")))
    script.fill(attributes(inner(turn, "requestAttributes"), inner(turn, "sessionAttributes")))
    script.fill(inner(intent, "slots") or inner(turn, "slots"))
    script.say(Said("user", spoken(turn.get("inputTranscript")), at(turn, zone), name, sure))
    answer = spoken(turn.get("botResponse")) or spoken(turn.get("message"))
    script.say(Said("bot", plain(answer), at(turn, zone)))
    script.offer(documents(inner(turn, "kendraResponse")))
    state = word(turn.get("dialogState"))
    outcome = words.outcome(name, f"{name}.{state}", f"{state}.Close") or Outcome.OPEN
    script.end(outcome, _request(turn))


def _is_turn(entry: Entry) -> bool:
    if isinstance(entry.get("currentIntent"), dict):
        return True
    return "inputTranscript" in entry and isinstance(entry.get("intent"), str | None) and "botName" in entry


def _request(turn: Entry) -> str:
    return first_word(turn, "requestId", "timestamp")


def _user(turn: Entry) -> str:
    return word(turn.get("userId"))


def _bot(turn: Entry) -> str:
    return word(inner(turn, "bot").get("name")) or word(turn.get("botName"))
