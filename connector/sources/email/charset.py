"""Bytes of unknown or wrongly named encoding as text. Never raises.

The ladder: the declared charset strictly, its usual repair, what the HTML declares, ISO-2022 by its escapes, UTF-8
strictly, detection for long and mostly non-ASCII text only (it misreads short text), Windows-1252 with replacement.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# Labels that senders write where they mean the wider charset (WHATWG Encoding does the same).
_MEANT = {
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "ansi_x3.4-1968": "ascii",
    "ks_c_5601-1987": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "unicode-1-1-utf-7": "utf-7",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "windows-874": "cp874",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "utf8mb4": "utf-8",
}
_LABEL = re.compile(r"[A-Za-z0-9._:-]{2,40}")
_META = re.compile(rb"<meta\b[^>]{0,200}\bcharset\s{0,5}=\s{0,5}[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_ESCAPES = {b"\x1b$B": "iso2022_jp_ext", b"\x1b$@": "iso2022_jp_ext", b"\x1b$)C": "iso2022_kr"}
_DETECT_FROM = 200
_DETECT_BYTES = 4_096


def decode(data: bytes, label: str = "", html: bool = False) -> tuple[str, bool]:
    """The text, and whether its charset had to be guessed."""
    declared = _codec(label)
    if declared:
        text = _strictly(data, declared)
        if text is not None:
            return text, False
    if data.isascii() and b"\x1b" not in data:
        return data.decode("ascii"), False
    return _guessed(data, html)


def _guessed(data: bytes, html: bool) -> tuple[str, bool]:
    meta = _META.search(data[:_DETECT_BYTES]) if html else None
    escapes = next((codec for start, codec in _ESCAPES.items() if start in data), "")
    for codec in (_codec(meta[1].decode()) if meta else "", escapes, "utf-8"):
        text = _strictly(data, codec) if codec else None
        if text is not None:
            return text, True
    detected = _detected(data)
    text = _strictly(data, detected) if detected else None
    return (text if text is not None else data.decode("cp1252", "replace")), True


@lru_cache(maxsize=256)
def _codec(label: str) -> str:
    """The Python codec that a label means, or an empty string. Labels come with quotes, blanks and tails."""
    found = _LABEL.search(label)
    if found is None:
        return ""
    name = found[0].lower()
    for candidate in (_MEANT.get(name, name), name):
        try:
            info = codecs.lookup(candidate)
        except (LookupError, ValueError):
            continue
        # Codecs such as `hex` or `rot13` are no charsets; `idna`, `punycode` and `unicode_escape` are, but not here.
        if getattr(info, "_is_text_encoding", False) and info.name not in _NOT_IN_MAIL:
            return info.name
    return ""


_NOT_IN_MAIL = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"})


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        # cp1252 has five holes that are C1 controls in every browser; one such byte should not lose the label.
        return data.decode("cp1252", "replace") if codec == "cp1252" and not _is_utf8(data) else None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _detected(data: bytes) -> str:
    sample = data[:_DETECT_BYTES]
    foreign = sum(byte > 127 for byte in sample)
    if len(sample) < _DETECT_FROM or foreign * 2 < len(sample):
        return ""
    from charset_normalizer import from_bytes  # imported here: it is slow to load and hardly ever needed

    best = from_bytes(sample, steps=5, chunk_size=512).best()
    return _codec(best.encoding) if best else ""
