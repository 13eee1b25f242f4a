"""Mail, from the corpus and the sample inbox."""

from __future__ import annotations

from pathlib import Path

import connector.samples
from connector.plugins import SourceTools
from connector.sources.email import Email
from tests.corpus.mail import CORPUS
from tests.corpus.mail.case import SETTINGS
from tests.fuzz.target import Target, files

_SAMPLES = Path(connector.samples.__file__).parent / "inbox" / "mail"
_LARGE = 20_000


def target() -> Target:
    """The reader with everything turned on that a setting turns on."""
    told = {"calendar": "ticket", "reply_to": "use", "own_mail": "ticket", "authserv_id": "mx.hospital.example"}
    settings = Email.settings.model_validate({"type": "email", "path": ".", **SETTINGS, **told})
    samples = (*(case.data for case in CORPUS.values() if len(case.data) < _LARGE), *files(_SAMPLES, "*.eml"))
    return Target(Email("fuzz", settings, SourceTools()).read, samples, faults=frozenset({"unreadable-mail"}))
