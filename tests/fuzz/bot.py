"""Talks with bots, from the sample inbox and the corpus."""

from __future__ import annotations

from pathlib import Path

import connector.samples
from connector.plugins import SourceTools
from connector.sources.chatbot import Chatbot
from tests.fuzz.target import Target, files

_SAMPLES = Path(connector.samples.__file__).parent / "inbox" / "bot"
_CORPUS = Path(__file__).parent.parent / "corpus" / "bot"


def target() -> Target:
    """The reader with its settings at their defaults."""
    source = Chatbot("fuzz", Chatbot.settings.model_validate({"type": "chatbot", "path": "."}), SourceTools())
    return Target(source.read, (*files(_SAMPLES, "*"), *files(_CORPUS, "*")), split=source.split)
