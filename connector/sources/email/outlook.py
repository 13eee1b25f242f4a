"""An Outlook item that was attached as `.msg` (MS-OXMSG), read by python-oxmsg where that is installed."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass

TYPE = "application/vnd.ms-outlook"
_MOST_BYTES = 32 * 1024 * 1024
_MOST_FILES = 50
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class Item:
    """What it says; `files` by name and content."""

    sender: str
    subject: str
    sent: str
    text: str
    html: str
    files: tuple[tuple[str, bytes], ...]


def item(data: bytes) -> Item | None:
    """The item, or None where it is none, cannot be read, or the library is missing (the extra `outlook`)."""
    if not data.startswith(_OLE) or len(data) > _MOST_BYTES or importlib.util.find_spec("oxmsg") is None:
        return None
    from olefile import OleFileIO  # type: ignore[import-untyped]  # imported here: an optional extra
    from oxmsg import Message

    try:
        with OleFileIO(data) as storage:  # entries may share their bytes; oxmsg would read them all
            if sum(map(storage.get_size, storage.listdir())) > 2 * len(data):
                return None
        found = Message.load(io.BytesIO(data))
        files = ((file.file_name or "", file.file_bytes or b"") for file in found.attachments[:_MOST_FILES])
        sent = found.sent_date
        return Item(
            sender=found.sender or "",
            subject=found.subject or "",
            sent=sent.isoformat() if sent else "",
            text=found.body or "",
            html=found.html_body or "",
            files=tuple((name, content) for name, content in files if content),
        )
    except Exception:  # noqa: BLE001 - it raises many things for files that are no messages; the file is kept then
        return None
