"""Text and file names from outside, made harmless. Pure, linear in the length of what comes in.

`magic` tells what a file is by its first bytes; `document` reads JSON within bounds.
"""

from __future__ import annotations

import re
import unicodedata

TEXT_LIMIT = 32_000
LINE_LIMIT = 160
NAME_BYTES = 200

_NEWLINES = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Controls but tab and newline, lone surrogates, noncharacters, the BOM, and the embeddings, overrides and isolates
# that make text read otherwise than it is. Left-to-right and right-to-left marks stay: Arabic and Hebrew need them.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile("[\t\n\u00ad\u061c\u200b-\u200f\u2060-\u2064]")
_NOT_IN_WORDS = re.compile(r"[^a-z0-9]+")
_SPACES = re.compile(r"\s+")
_NOT_IN_NAMES = re.compile(r'[<>:"|?*]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text with `\\n` newlines, without what no reader can see, at most `limit` characters, outer space gone.

    What is cut off is told at the end: `[cut: 1,234 more characters]`. Cleaning twice changes nothing more.
    """
    if not (text.isascii() and text.isprintable()):
        text = _UNWANTED.sub("", _NEWLINES.sub("\n", text))
    return shorten(text.strip(), limit)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters; a cut is told within them, unless there is no room to tell it."""
    if len(text) <= limit:
        return text
    note = f"\n[cut: {len(text) - limit:,} more characters]"
    room = limit - len(note)
    return text[:room].rstrip() + note if room > 0 else text[:limit]


def line(text: str, limit: int = LINE_LIMIT) -> str:
    """The text as one line of at most `limit` characters, with an ellipsis where it was cut."""
    if not (text.isascii() and text.isprintable()) or "  " in text:
        text = _SPACES.sub(" ", clean(text, len(text)))
    one = text.strip()
    return one if len(one) <= limit else one[: limit - 1].rstrip() + "…"


def word_of(name: str) -> str:
    """A name as tables spell it: `Missing choice` is `missing_choice`, `handoff.initiate` is `handoff_initiate`."""
    return _NOT_IN_WORDS.sub("_", name.lower()).strip("_")


def file_name(name: str, otherwise: str = "file") -> str:
    """A name that is safe on every system: no path, no invisible or reserved characters, 200 bytes at most.

    The ending is kept where the name is cut. `otherwise` stands for a name of which nothing is left.
    """
    last = re.split(r"[/\\]", clean(name, len(name)))[-1]
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFC", last))
    plain = _trimmed(_NOT_IN_NAMES.sub("_", _SPACES.sub(" ", visible)))
    if _DEVICES.match(plain):
        plain = f"_{plain}"
    return _trimmed(_within(plain, NAME_BYTES)) or otherwise


def _trimmed(name: str) -> str:
    return name.strip(" .")


def _within(name: str, limit: int) -> str:
    raw = name.encode()
    if len(raw) <= limit:
        return name
    stem, dot, ending = name.rpartition(".")
    tail = (dot + ending).encode()
    if not stem or len(tail) > 20:
        stem, tail = name, b""
    return _trimmed(stem.encode()[: limit - len(tail)].decode(errors="ignore")) + tail.decode()
