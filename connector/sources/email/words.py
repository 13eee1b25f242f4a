"""Header values as text: raw 8-bit, encoded words (RFC 2047), parameters (RFC 2045, RFC 2231). Never raises.

The standard library's `decode_header` raises on broken base64 and takes no blank inside a word; senders write both.
"""

from __future__ import annotations

import binascii
import re
from urllib.parse import unquote_to_bytes

from connector.sources.email.charset import decode

VALUE_LIMIT = 8_192
_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bq])\?([^?]*)\?=", re.IGNORECASE)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*("(?:[^"\\]|\\.)*(?:"|\Z)|[^;]*)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DRIVE = re.compile(r'"[A-Za-z]:\\[^\\]')
_COUNTED = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")


def words(value: str) -> str:
    """A header value as a person reads it, on one line. Looks at the first 8,192 characters."""
    value = value[:VALUE_LIMIT]
    if "=?" not in value:
        return _eight_bit(value)
    pieces: list[str] = []
    run, charset, end = b"", "", 0
    for word in _WORD.finditer(value):
        between = value[end : word.start()]
        if between.strip() or word[1].lower() != charset.lower():
            pieces.append(decode(run, charset)[0])
            run, charset = b"", word[1]
            pieces.append(_eight_bit(between) if between.strip() or not end else "")
        # One character may be split over two words: bytes first, characters after.
        run += base64_bytes(word[3].encode("ascii", "replace")) if word[2] in "bB" else _q(word[3])
        end = word.end()
    pieces.extend((decode(run, charset)[0], _eight_bit(value[end:])))
    return "".join(pieces)


def _eight_bit(value: str) -> str:
    return value if value.isascii() else decode(value.encode("utf-8", "surrogateescape"))[0]


def _q(text: str) -> bytes:
    raw = text.replace("_", " ").encode("utf-8", "surrogateescape")
    return _HEX.sub(lambda found: bytes((int(found[1], 16),)), raw)


def base64_bytes(data: bytes) -> bytes:
    """What there is of base64 that may be truncated, wrapped or soiled."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", data.partition(b"=")[0])
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """The leading word in lower case, and the parameters by name in lower case, decoded and put together."""
    value = value[:VALUE_LIMIT]
    lead = value.partition(";")[0].strip().lower()
    if ";" not in value:
        return lead, {}
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for found in _PARAMETER.finditer(value):
        counted = _COUNTED.fullmatch(found[1].lower())
        if counted is None:
            continue
        text = _unquoted(found[2])
        if counted[2] or counted[3]:
            pieces.setdefault(counted[1], []).append((int(counted[2] or 0), bool(counted[3]), text))
        else:
            plain.setdefault(counted[1], text)
    return lead, plain | {name: _joined(some) for name, some in pieces.items()}


def _unquoted(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        if _DRIVE.match(text):  # a path of Windows that nobody escaped
            return text[1:].removesuffix('"')
        return _ESCAPED.sub(r"\1", text[1:].removesuffix('"'))
    return text


def _joined(pieces: list[tuple[int, bool, str]]) -> str:
    """RFC 2231: numbered pieces, percent-encoded where starred; the first names charset and language."""
    charset, raw = "", b""
    for number, (_, starred, text) in enumerate(sorted(pieces)):
        if starred and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data = text.encode("utf-8", "surrogateescape")
        raw += unquote_to_bytes(data) if starred else data
    return decode(raw, charset)[0]
