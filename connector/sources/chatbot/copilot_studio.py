"""Transcripts of Copilot Studio bots: activities that bear its marks, read as `bot_framework` reads them.

The marks are the variables of its hand-off (`va_LastTopic`), the traces of its export, and the rows of its table of
transcripts (Microsoft documentation, "Understand downloaded conversation transcripts").
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from connector.sources.chatbot import bot_framework
from connector.sources.chatbot.entries import inner
from connector.sources.chatbot.talk import Talk
from connector.sources.chatbot.words import Words

PLATFORM = "copilot_studio"
SIGNS = bot_framework.SIGNS
_TRACES = frozenset(
    (
        *("SessionInfo", "ConversationInfo", "IntentRecognition", "VariableAssignment", "DialogRedirect"),
        *("ImpliedSuccess", "CSATSurveyRequest", "CSATSurveyResponse", "PRRSurveyRequest", "PRRSurveyResponse"),
    )
)
_COLUMNS = ("Content", "content")

sessions = bot_framework.sessions


def matches(document: Any) -> bool:
    """Are these activities with a mark of Copilot Studio?"""
    if isinstance(document, dict) and any(column in document for column in _COLUMNS):
        return bot_framework.matches(document)
    return any(
        entry.get("valueType") in _TRACES or any(name.startswith("va_") for name in inner(entry, "value"))
        for entry in bot_framework.activities(document)
        if "type" in entry and isinstance(entry.get("valueType", ""), str)
    )


def talk(document: Any, words: Words, zone: tzinfo) -> Talk:
    """The talk in a transcript that `matches`."""
    return bot_framework.talk(document, words, zone, PLATFORM)
