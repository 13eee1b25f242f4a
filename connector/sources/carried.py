"""Files that travel inside a JSON document as base64 (RFC 4648), with everything that can be wrong with them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from connector.sources.given import Given
from connector.sources.magic import content_type, ending
from connector.sources.text import file_name
from connector.ticket import Attachment, FileKind

MOST_FILES = 50
_SPACE = re.compile(r"\s+")
_HEAD = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_PLAIN_HEAD = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)
_DATA_TYPE = re.compile(r"data:([^,;]{1,100})[,;]", re.IGNORECASE)
_ALPHABET = re.compile(r"[A-Za-z0-9+/]*")


@dataclass(frozen=True, slots=True)
class Carried:
    """The files that could be had, what is to be said of the others, and what is left of these (their addresses)."""

    files: tuple[Attachment, ...] = ()
    notes: tuple[str, ...] = ()
    left: list[Any] = field(default_factory=list)


def carried(items: list[Any], most_bytes: int) -> Carried:
    """The files in a list of `{filename, content_type, kind, content_base64, url, sha256}`.

    Nothing is fetched. Notes name a file by its position, for its name may be a patient's.
    """
    files: dict[tuple[str, str], Attachment] = {}
    notes: list[str] = []
    left: list[Any] = []
    for number, item in enumerate(items[:MOST_FILES], 1):
        given = Given(item if isinstance(item, dict) else {"url" if _is_address(item) else "item": item})
        file, remarks = _file(given, number, most_bytes)
        notes.extend(f"attachment {number}: {remark}" for remark in remarks)
        if file is not None:
            files[file.name, file.sha256] = file
        if rest := given.left():
            left.append(rest)
    if len(items) > MOST_FILES:
        notes.append(f"{len(items) - MOST_FILES} attachments beyond the first {MOST_FILES} were not taken over")
    return Carried(tuple(files.values()), tuple(notes), left)


def _file(given: Given, number: int, most_bytes: int) -> tuple[Attachment | None, list[str]]:
    name = file_name(given.word("filename"), "")
    claimed, said = given.word("content_type"), given.choice("kind", FileKind)
    expected, encoded = given.word("sha256").lower(), given.value("content_base64")
    if not encoded and str(given.look("url"))[:5].lower() == "data:":
        encoded = given.value("url")
    if not isinstance(encoded, str) or not encoded:
        return None, ["it is at an address and was not fetched" if given.look("url") else "it has no content"]
    if len(encoded) * 3 // 4 > most_bytes * 1.1:
        return None, [f"larger than {most_bytes:,} bytes; not taken over"]
    content, remarks = decoded(encoded)
    if not content or len(content) > most_bytes:
        why = f"larger than {most_bytes:,} bytes" if content else "its base64 cannot be decoded"
        return None, [f"{why}; not taken over"]
    claimed = claimed or _type_in(encoded)
    kind = content_type(claimed, content)
    if claimed and kind != claimed.partition(";")[0].strip().lower():
        remarks.append(f"its content is not what it says it is; taken as {kind}")
    if expected and expected != hashlib.sha256(content).hexdigest():
        remarks.append("its sha256 does not match its content")
    return Attachment.of(name or f"attachment-{number}{ending(kind)}", content, kind, _kind(said, kind)), remarks


def decoded(encoded: str) -> tuple[bytes, list[str]]:
    """The bytes, as far as the text is base64, and a remark where it is so in part only.

    Line breaks, a `data:` head, the URL alphabet and missing padding are all right; so is a `data:` URL that is not
    base64 at all (RFC 2397).
    """
    encoded = encoded.strip()
    head = _HEAD.match(encoded)
    if head is None and (plain := _PLAIN_HEAD.match(encoded)):
        return unquote_to_bytes(encoded[plain.end() :]), []
    text = _SPACE.sub("", encoded[head.end() if head else 0 :]).rstrip("=").replace("-", "+").replace("_", "/")
    good = _ALPHABET.match(text)
    sound = good[0] if good else ""
    remarks = (
        [] if len(sound) == len(text) and len(text) % 4 != 1 else ["its base64 is broken; decoded as far as it goes"]
    )
    sound = sound[: len(sound) - 1] if len(sound) % 4 == 1 else sound
    try:
        return base64.b64decode(sound + "=" * (-len(sound) % 4)), remarks
    except binascii.Error:
        return b"", remarks


def _type_in(encoded: str) -> str:
    """The type that the head of a `data:` URL claims."""
    found = _DATA_TYPE.match(encoded)
    return found[1] if found else ""


def _is_address(item: Any) -> bool:
    return isinstance(item, str) and item[:5].lower() in ("data:", "http:", "https")


def _kind(said: FileKind | None, content_type: str) -> FileKind:
    picture = content_type.startswith("image/")
    if said is FileKind.SCREENSHOT and not picture:
        return FileKind.OTHER
    return said or (FileKind.SCREENSHOT if picture else FileKind.OTHER)
