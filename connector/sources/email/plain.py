"""Plain text of a mail: `format=flowed` (RFC 3676) and files that stand in it as uuencode."""

from __future__ import annotations

import binascii
import re
from itertools import groupby

_QUOTED = re.compile(r">*")
_BEGIN = re.compile(r"^begin [0-7]{3,4} (\S[^\r\n]{0,250})\r?$", re.MULTILINE)
_END = re.compile(r"end[ \t]*(?:\r?\n|\Z)")
_UU_LINE = re.compile(r"[\x20-\x60]{1,90}\r?\n?")


def unflowed(text: str, delsp: bool) -> str:
    """The text with its soft line breaks joined; quoted lines stay quoted. `delsp` drops the space at a soft break."""
    lines = [_unquoted(line.removesuffix("\r")) for line in text.split("\n")]
    out: list[str] = []
    for depth, group in groupby(lines, key=lambda line: line[0]):
        prefix = "> " * min(depth, 10)
        paragraph: list[str] = []
        for _, line in group:
            soft = line.endswith(" ") and line != "-- "
            paragraph.append(line[:-1] if soft and delsp else line)
            if not soft:
                out.append(prefix + "".join(paragraph))
                paragraph = []
        if paragraph:
            out.append(prefix + "".join(paragraph))
    return "\n".join(out)


def _unquoted(line: str) -> tuple[int, str]:
    marks = _QUOTED.match(line)
    depth = marks.end() if marks else 0
    return depth, line[depth:].removeprefix(" ")


def uuencoded(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text without the files encoded in it, and these files: (name, bytes). What is no uuencode stays text."""
    files: list[tuple[str, bytes]] = []
    kept: list[str] = []
    end = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < end:
            continue
        content, after = _uu_file(text, begin.end() + 1)
        if content:
            kept.append(text[end : begin.start()])
            files.append((begin[1], content))
            end = after
    return ("".join((*kept, text[end:])) if files else text), files


def _uu_file(text: str, start: int) -> tuple[bytes, int]:
    """The decoded file whose lines begin at `start`, and where the text goes on.

    No bytes where no `end` follows: sentences begin with "begin" too.
    """
    content: list[bytes] = []
    while line := _UU_LINE.match(text, start):
        start = line.end()
        try:
            piece = binascii.a2b_uu(line[0].rstrip("\r\n"))
        except binascii.Error:
            break
        if not piece:
            closing = _END.match(text, start)
            return (b"".join(content), closing.end()) if closing else (b"", start)
        content.append(piece)
    return b"", start


def uu_bytes(data: bytes) -> bytes:
    """What a `Content-Transfer-Encoding: uuencode` holds; the bytes as they are where that is no uuencode."""
    _, files = uuencoded(data.decode("latin-1"))
    return files[0][1] if files else data
