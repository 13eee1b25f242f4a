"""What a file is, by its first bytes. Types are media types in lower case, without parameters."""

from __future__ import annotations

import re

UNKNOWN = "application/octet-stream"

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-elf"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
)
_ENDINGS = {
    **{f"image/{name}": f".{name}" for name in ("png", "gif", "bmp", "tiff", "webp")},
    "image/jpeg": ".jpg",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}
_MARKUP = re.compile(rb"<(!doctype html|html|head|body|script|svg|\?xml)\b", re.IGNORECASE)
_KIND_OF_MARKUP = {b"svg": "image/svg+xml", b"?xml": "application/xml"}
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,127}")
# Containers: what the sender says of the inside is finer than what the first bytes tell.
_CONTAINERS = frozenset({"application/zip", "application/x-ole-storage", "application/xml", "application/gzip"})
# Types whose bytes always begin as the table says; a file that claims one and begins otherwise is something else.
_CERTAIN = frozenset(kind for _, kind in _STARTS) - _CONTAINERS - {"text/calendar"} | {"image/webp"}


def sniff(data: bytes) -> str:
    """The type that the first bytes prove, or an empty string."""
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    found = _MARKUP.match(data[:512].removeprefix(b"\xef\xbb\xbf").lstrip())
    return _KIND_OF_MARKUP.get(found[1].lower(), "text/html") if found else ""


def content_type(claimed: str, data: bytes) -> str:
    """The type to believe: what the bytes prove, else what the sender claims where that can be true.

    A `image/png` that does not begin like one is `application/octet-stream`; a `.docx` may stay what it says.
    """
    said = claimed.partition(";")[0].strip().lower()
    said = said if _TYPE.fullmatch(said) else UNKNOWN
    proved = sniff(data)
    if proved in _CONTAINERS and said not in (UNKNOWN, *_CERTAIN) and not said.startswith("text/plain"):
        return said
    if proved:
        return proved
    return UNKNOWN if said in _CERTAIN else said


def ending(kind: str) -> str:
    """How the name of a file of this type ends, for a file that came without a name; empty for most types."""
    return _ENDINGS.get(kind, "")
