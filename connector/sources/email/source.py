"""Mailboxes: single `.eml` files, Maildir and mbox on disk, and folders on an IMAP server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Protocol

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


class Mailbox(Protocol):
    """Where mail lies."""

    def check(self) -> Sequence[Finding]: ...

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]: ...

    def ask(self) -> Sequence[Finding]: ...

    def acknowledge(self, records: Sequence[Record]) -> None: ...


class Email:
    """Reads mail.

    A ticket's id is the mail's Message-ID and a hash of what it says, so the same mail is the same ticket wherever it
    lies, and two mails with one Message-ID are two. Places: `FILE`, `FILE#DIGEST` in a mbox, the unique name in a
    Maildir, `FOLDER/UIDVALIDITY/UID` on a server. Nothing on disk is moved, marked or deleted; on a server only what
    the setting `after` says, when the ledger has the mail.
    """

    settings = EmailSettings

    def __init__(self, name: str, settings: EmailSettings, tools: SourceTools) -> None:
        self._source = settings.id or name
        self._settings = settings
        self._mailbox = _mailbox(settings, tools)

    def check(self) -> Sequence[Finding]:
        """A finding when the path cannot be listed, or something is missing here that the server needs."""
        return self._mailbox.check()

    def ask(self) -> Sequence[Finding]:
        """What a server says to login, folder and rights; nothing for files. Raises RemoteError."""
        return self._mailbox.ask()

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        """New and changed mails; raises RemoteError when the place cannot be listed."""
        return self._mailbox.pages(cursor)

    def acknowledge(self, records: Sequence[Record]) -> None:
        """Do on the server what `after` says with mail that is safe; nothing for files."""
        self._mailbox.acknowledge(records)

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


def _mailbox(settings: EmailSettings, tools: SourceTools) -> Mailbox:
    if settings.imap is not None:
        from connector.sources.email.imap.inbox import Inbox  # imported here: many sites read files alone

        return Inbox(settings.imap, settings.limits.mail_bytes, tools.base, tools.clock)
    folder = os.path.join(tools.base, os.path.expanduser(settings.path or ""))
    if settings.format == "maildir" or (settings.format == "auto" and Maildir.is_at(folder)):
        return OnDisk(Maildir(folder, settings.limits.mail_bytes))
    return OnDisk(_Letters(settings, tools))


class _Readable(Protocol):
    def check(self) -> Sequence[Finding]: ...

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]: ...


class OnDisk:
    """Mail in files: there is nobody to ask and nobody to tell."""

    def __init__(self, files: _Readable) -> None:
        self.check = files.check
        self.pages = files.pages

    def ask(self) -> Sequence[Finding]:
        return ()

    def acknowledge(self, records: Sequence[Record]) -> None:
        return None


class _Letters:
    """Files of one mail each, and mbox files."""

    def __init__(self, settings: EmailSettings, tools: SourceTools) -> None:
        self._settings = settings
        endings = () if settings.format == "mbox" else ENDINGS
        self._files = Files(settings.path, tools, settings.quiet, endings=endings, growing=self._grows)

    def check(self) -> Sequence[Finding]:
        return self._files.check()

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        return pages(self._files, cursor, self._open)

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
