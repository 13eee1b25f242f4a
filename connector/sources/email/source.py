"""Mailboxes, as files: single `.eml` files, Maildir and mbox."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from connector.errors import Finding
from connector.plugins import Page, Reading, Record, Rejected, SourceTools
from connector.sources.email.boxes import HEAD_BYTES, Letter, Maildir
from connector.sources.email.mbox import Mbox
from connector.sources.email.settings import EmailSettings
from connector.sources.email.ticket import reading
from connector.sources.files import Files, Found
from connector.sources.reading import Scroll, pages, trouble

ENDINGS = (".eml", ".mbox", ".mbx")
MBOX = (".mbox", ".mbx")


class Email:
    """Reads mail that lies on disk.

    A ticket's id is the mail's Message-ID and a hash of what it says, so the same mail is the same ticket wherever it
    lies, and two mails with one Message-ID are two. Places: `FILE`, `FILE#DIGEST` in a mbox, the unique name in a
    Maildir. Nothing is moved, marked or deleted.
    """

    settings = EmailSettings

    def __init__(self, name: str, settings: EmailSettings, tools: SourceTools) -> None:
        self._source = settings.id or name
        self._settings = settings
        folder = os.path.join(tools.base, os.path.expanduser(settings.path or ""))
        is_maildir = settings.format == "maildir" or (settings.format == "auto" and Maildir.is_at(folder))
        self._maildir = Maildir(folder, settings.limits.mail_bytes) if is_maildir else None
        endings = () if settings.format == "mbox" else ENDINGS
        self._files = Files(settings.path, tools, settings.quiet, endings=endings, growing=self._grows)

    def check(self) -> Sequence[Finding]:
        """A finding when the path cannot be listed."""
        return self._maildir.check() if self._maildir else self._files.check()

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        """New and changed mails; raises Transient when the path cannot be listed."""
        return self._maildir.pages(cursor) if self._maildir else pages(self._files, cursor, self._open)

    def read(self, record: Record) -> Reading:
        """The ticket, the reply, why it is only counted, or why it is refused."""
        refused = trouble(record)
        if refused is not None:
            return refused
        try:
            return reading(record, self._source, self._settings)
        except Exception as error:  # noqa: BLE001  # a mail that we fail on must not stop the others; it is kept
            what = f"this version cannot read it ({type(error).__name__})"
            return Rejected(Finding("unreadable-mail", record.place, what, "report it; it can be read again later"))

    def _grows(self, path: str) -> bool:
        return self._settings.format == "mbox" or path.lower().endswith(MBOX)

    def _open(self, file: BinaryIO, found: Found, known: str) -> Scroll:
        limit = self._settings.limits.mail_bytes
        if self._settings.format == "mbox" or (self._settings.format == "auto" and _begins_like_mbox(file)):
            return Mbox(file, found, known, limit, HEAD_BYTES, self._settings.unfinished_line_after)
        return Letter(file, found, limit)


def _begins_like_mbox(file: BinaryIO) -> bool:
    start = file.read(5)
    file.seek(0)
    return start == b"From "
