"""The help button, from the sample inbox and the corpus."""

from __future__ import annotations

from pathlib import Path

import connector.samples
from connector.plugins import SourceTools
from connector.sources.ehr_button import EhrButton
from tests.fuzz.target import Target, files

_SAMPLES = Path(connector.samples.__file__).parent / "inbox" / "button"
_CORPUS = Path(__file__).parent.parent / "corpus" / "button"


def target() -> Target:
    """The reader with its settings at their defaults."""
    settings = EhrButton.settings.model_validate({"type": "ehr_button", "path": "."})
    source = EhrButton("fuzz", settings, SourceTools())
    samples = (*files(_SAMPLES, "*.json", "*.ndjson"), *files(_CORPUS, "*"))
    return Target(source.read, samples, split=source.split)
