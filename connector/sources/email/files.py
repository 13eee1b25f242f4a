"""Attachments of a ticket from the pieces of a mail: safe unique names, proved types, what is inline."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable

from connector.sources.email.body import Piece
from connector.sources.email.parse import parse
from connector.sources.email.words import words
from connector.sources.magic import UNKNOWN, content_type
from connector.sources.text import file_name
from connector.ticket import Attachment, FileKind

MOST_FILES = 500
_MESSAGES = (".eml", ".msg")
_LOGS = (".log", ".txt", ".out", ".err", ".trace", ".dmp", ".evtx", ".har", ".csv")
# Below this a picture in the text is a logo or a pixel that counts who opened the mail, hardly a screen.
_PICTURE_BYTES = 2_048
_ENDINGS = {"image/jpeg": ".jpg", "text/plain": ".txt", "text/html": ".html", "message/rfc822": ".eml", UNKNOWN: ".bin"}
_OTHERWISE = {"message/delivery-status": "delivery-status.txt", "text/rfc822-headers": "headers.txt"}


def attachments(pieces: Iterable[Piece], shown: set[str]) -> tuple[Attachment, ...]:
    """A file for each piece, in order; the same file under the same name is there once. `shown` are content ids."""
    made: dict[tuple[str, str], Attachment] = {}
    names: set[str] = set()
    for number, piece in enumerate(pieces, 1):
        kind = content_type(piece.type, piece.content)
        name = _name(piece, kind, number)
        inline = kind.startswith("image/") and _is_inline(piece, shown)
        file = Attachment.of(name, piece.content, kind, _kind(name, kind, len(piece.content), inline), inline)
        if (name, file.sha256) in made:
            continue
        unique = _unique(name, names)
        names.add(unique.lower())
        made[name, file.sha256] = file if unique == name else file.model_copy(update={"name": unique})
    return tuple(made.values())


def _is_inline(piece: Piece, shown: set[str]) -> bool:
    named = {piece.cid.lower(), piece.name.lower()} - {""}
    return not named.isdisjoint(shown) or (piece.disposition == "inline" and piece.related)


def _kind(name: str, kind: str, size: int, inline: bool) -> FileKind:
    lower = name.lower()
    if kind.startswith("image/"):
        return FileKind.OTHER if inline and size < _PICTURE_BYTES else FileKind.SCREENSHOT
    if kind in ("message/rfc822", "message/global", "application/vnd.ms-outlook") or lower.endswith(_MESSAGES):
        return FileKind.MESSAGE
    return FileKind.LOG if kind == "text/plain" or lower.endswith(_LOGS) else FileKind.OTHER


def _name(piece: Piece, kind: str, number: int) -> str:
    given = piece.name or piece.cid.partition("@")[0] * ("." in piece.cid.partition("@")[0])
    if not given and kind in ("message/rfc822", "message/global"):
        given = _subject(piece.content)
    otherwise = _OTHERWISE.get(kind) or f"file-{number}{_ending(kind)}"
    name = file_name(given, otherwise)
    return name if "." in name[1:] or kind == UNKNOWN else file_name(name + _ending(kind), otherwise)


def _subject(mail: bytes) -> str:
    subject = words(parse(mail[:65_536]).root.fields.first("subject"))
    return f"{file_name(subject, 'message')[:120]}.eml"


def _ending(kind: str) -> str:
    return _ENDINGS.get(kind) or mimetypes.guess_extension(kind) or ".bin"


def _unique(name: str, taken: set[str]) -> str:
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if stem else (name, "")
    number, unique = 1, name
    while unique.lower() in taken:
        number += 1
        unique = f"{stem} ({number}){ending}"
    return unique
