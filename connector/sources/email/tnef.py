"""`winmail.dat`: what Outlook sends as TNEF (MS-OXTNEF). Bounded, never raises; broken streams are read while they go.

Not tnefparse, whose work grows with the square of the number of attributes and which gives up a whole stream for one
odd text.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.sources.email.charset import decode
from connector.sources.email.rtf import rtf_text

TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_SIGNATURE = 0x223E9F78
_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")  # IID_IMessage: an attached message
_ATTRIBUTES, _PROPERTIES, _DEPTH = 20_000, 20_000, 3
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
_COUNTED = (13, 30, 31, 258)


@dataclass(slots=True)
class Unpacked:
    """The texts (HTML wins), and files by name, type and content id. `partly`: there is a text that was not read."""

    html: str = ""
    text: str = ""
    partly: bool = False
    files: list[tuple[str, str, str, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    name: str = ""
    type: str = ""
    cid: str = ""
    data: bytes = b""
    inside: Unpacked | None = None


def unpacked(data: bytes, depth: int = 0) -> Unpacked | None:
    """What is in the stream, or None where it is none or nothing is in it."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    found, files = Unpacked(), list[_File]()
    codepage = "cp1252"
    for name, value in _attributes(data):
        match name:
            case 0x9007 if len(value) >= 4:
                codepage = f"cp{struct.unpack_from('<I', value)[0]}"
            case 0x800C:
                found.text = found.text or _text(value, codepage)
            case 0x9003:
                _body(found, value, codepage)
            case 0x9002:
                files.append(_File())
            case 0x8010 if files:
                files[-1].name = files[-1].name or _text(value, codepage)
            case 0x800F if files:
                files[-1].data = value
            case 0x9005 if files:
                _attached(files[-1], value, codepage, depth)
    for file in files:
        found.files += _made(file)
    return found if found.html or found.text or found.files else None


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 6
    for _ in range(_ATTRIBUTES):
        if position + 9 > len(data):
            return
        name, size = struct.unpack_from("<xH2xI", data, position)
        yield name, data[position + 9 : position + 9 + size]
        position += 9 + size + 2


def _body(found: Unpacked, value: bytes, codepage: str) -> None:
    said = dict(_properties(value, codepage))
    html, text, rtf = said.get(0x1013, b""), said.get(0x1000, b""), said.get(0x1009, b"")
    if html:
        found.html = decode(html, "", html=True)[0]
    if text:
        found.text = decode(text, "utf-8")[0]
    if rtf and not (found.html or found.text):
        found.text = rtf_text(rtf)
        found.partly = not found.text


def _attached(file: _File, value: bytes, codepage: str, depth: int) -> None:
    said = dict(_properties(value, codepage))
    for key in (0x3707, 0x3704, 0x3001):
        if said.get(key):
            file.name = _text(said[key], "utf-8")
            break
    file.type, file.cid = (_text(said.get(key, b""), "utf-8") for key in (0x370E, 0x3712))
    content = said.get(0x3701, b"")
    if content.startswith(_MESSAGE):
        content = content[len(_MESSAGE) :]
        file.inside = unpacked(content, depth + 1) if depth < _DEPTH else None
    file.data = content or file.data


def _made(file: _File) -> Iterator[tuple[str, str, str, bytes]]:
    if file.inside is None:
        yield file.name, file.type, file.cid, file.data
        return
    text = file.inside.html or file.inside.text
    ending, kind = (".html", "text/html") if file.inside.html else (".txt", "text/plain")
    yield f"{file.name or 'message'}{ending}", kind, "", text.encode("utf-8", "replace")
    yield from file.inside.files


def _properties(data: bytes, codepage: str) -> Iterator[tuple[int, bytes]]:
    """MAPI properties by id; texts as UTF-8. Ends where the bytes make no sense any more."""
    position = 4
    for _ in range(_PROPERTIES):
        if position + 4 > len(data):
            return
        kind, name = struct.unpack_from("<HH", data, position)
        position += 4
        if name >= 0x8000:
            position = _past_name(data, position)
        count, kind = 1, kind & 0x0FFF if (many := bool(kind & 0x1000)) else kind
        if many or kind in _COUNTED:
            if position + 4 > len(data):
                return
            count, position = struct.unpack_from("<I", data, position)[0], position + 4
        for number in range(min(count, _PROPERTIES)):
            if position >= len(data) or (kind not in _COUNTED and kind not in _FIXED):
                return
            value, position = _value(data, position, kind)
            if number == 0:
                yield name, _utf8(value, kind, codepage)


def _past_name(data: bytes, position: int) -> int:
    """Named properties bear a GUID, and a number or a text."""
    if position + 24 > len(data):
        return len(data)
    kind, size = struct.unpack_from("<16xII", data, position)
    return position + 24 + (_padded(size) if kind == 1 else 0)


def _value(data: bytes, position: int, kind: int) -> tuple[bytes, int]:
    if kind in _FIXED:
        return data[position : position + _FIXED[kind]], position + _FIXED[kind]
    if position + 4 > len(data):
        return b"", len(data)
    size = struct.unpack_from("<I", data, position)[0]
    return data[position + 4 : position + 4 + size], position + 4 + _padded(size)


def _padded(size: int) -> int:
    return size + -size % 4


def _utf8(value: bytes, kind: int, codepage: str) -> bytes:
    if kind == 31:
        return value.decode("utf-16-le", "replace").rstrip("\0").encode("utf-8", "replace")
    return _text(value, codepage).encode("utf-8", "replace") if kind == 30 else value


def _text(value: bytes, codepage: str) -> str:
    return decode(value.rstrip(b"\0"), codepage)[0]
