"""The structure of a mail (RFC 5322, RFC 2045 to 2049): header fields and parts, from bytes, within limits.

Not the standard library's parser: its `policy.default` raises on headers that real mail has, and its feed parser
needs minutes for hostile nesting. This one cuts by offsets into the one buffer, never raises, and does what real
mail needs: header lines that lost their indent, a mbox line on top, a boundary that nobody declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from connector.sources.email.words import parameters


class Limits(BaseModel):
    """How much of one mail is taken apart. A mail that is more is kept whole, as a file of its ticket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: int = Field(default=500, ge=1, le=5_000, description="parts that are opened")
    depth: int = Field(default=50, ge=1, le=100, description="parts inside parts")
    header_bytes: int = Field(default=262_144, ge=1_024, description="bytes of one part's header that are read")
    mail_bytes: int = Field(default=52_428_800, ge=65_536, description="bytes of a mail that is read whole")


DEFAULT_LIMITS = Limits()

_BLANK = re.compile(rb"\n\r?\n")
_NAME = re.compile(r"[!-9;-~]{1,100}[ \t]*")
_KNOWN = re.compile(
    r"(?:from|to|cc|date|subject|message-id|received|return-path|mime-version|content-type"
    r"|content-transfer-encoding|content-disposition|reply-to|in-reply-to|references|x-[\w-]{1,60})[ \t]*:",
    re.IGNORECASE,
)
_TAIL = re.compile(rb"(--)?[ \t]*(?:\r?(?=\n)|\r?\Z)")
_UNDECLARED = re.compile(rb"\s{0,100}--([^\s][^\r\n]{0,98}[^\s-]|[^\s-])[ \t]*\r?\n(?=content-)", re.IGNORECASE)


class Fields:
    """Header fields in order, unfolded, each byte above 127 as a lone surrogate. Names are in lower case."""

    __slots__ = ("_first", "all")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.all = pairs
        self._first: dict[str, str] = {}
        for name, value in pairs:
            self._first.setdefault(name, value)

    def first(self, name: str) -> str:
        """The topmost field of that name, or an empty string."""
        return self._first.get(name, "")

    def every(self, name: str) -> list[str]:
        """All fields of that name, topmost first."""
        return [value for other, value in self.all if other == name]

    def __contains__(self, name: str) -> bool:
        return name in self._first

    def __len__(self) -> int:
        return len(self.all)


@dataclass(slots=True)
class Part:
    """A part: its header, and either `children` or the bytes `data[start:end]`, still in their transfer encoding.

    `content` is what Content-Type says in lower case, `text/plain` where it says nothing that can be read.
    """

    fields: Fields
    content: str
    parameters: dict[str, str]
    data: bytes = field(repr=False)
    start: int
    end: int
    children: list[Part] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        return self.data[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail taken apart. `exceeded` names the limits that it ran into."""

    root: Part
    exceeded: tuple[str, ...] = ()


def parse(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Mail:
    """The parts of a mail. Anything is a mail, if only one without header fields; never raises."""
    if b"\n" not in data[:4_096] and b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    walk = _Walk(data, limits)
    root = walk.part(0, len(data), "text/plain", 0)
    return Mail(root, tuple(sorted(walk.exceeded)))


class _Walk:
    """One way through one buffer."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.limits = limits
        self.opened = 0
        self.exceeded: set[str] = set()

    def part(self, start: int, end: int, default: str, depth: int) -> Part:
        self.opened += 1
        fields, body = self.header(start, end)
        content, found = content_of(fields.first("content-type"), default)
        part = Part(fields, content, found, self.data, body, end)
        if content.startswith("multipart/"):
            self.open(part, depth)
        return part

    def open(self, part: Part, depth: int) -> None:
        if depth >= self.limits.depth:
            self.exceeded.add("depth")
            part.content = "application/octet-stream"
            return
        boundary = self.boundary(part)
        inner = "message/rfc822" if part.content == "multipart/digest" else "text/plain"
        for start, end in self.between(boundary, part.start, part.end) if boundary else ():
            if self.opened >= self.limits.parts:
                self.exceeded.add("parts")
                break
            part.children.append(self.part(start, end, inner, depth + 1))
        if not part.children:  # a multipart without parts: what stands in it is text
            part.content = "text/plain"

    def boundary(self, part: Part) -> bytes:
        declared = part.parameters.get("boundary", "").rstrip().encode("utf-8", "surrogateescape")
        if declared and self.data.find(b"--" + declared, part.start, part.end) >= 0:
            return declared
        guessed = _UNDECLARED.match(self.data, part.start, part.end)
        return guessed[1] if guessed else b""

    def between(self, boundary: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The offsets of what lies between the delimiter lines; the last part may lack its end."""
        line = b"\n--" + boundary
        begin: int | None = None
        # A header stands before every body, so there is a line end before `start` for the first delimiter.
        before = self.data.find(line, max(start - 1, 0), end)
        while before >= 0:
            tail = _TAIL.match(self.data, before + len(line), end)
            if tail:
                if begin is not None:
                    yield begin, max(begin, before - (self.data[before - 1 : before] == b"\r"))
                if tail[1]:
                    return
                begin = min(tail.end() + 1, end)
            before = self.data.find(line, before + len(line), end)
        if begin is not None:
            yield begin, end

    def header(self, start: int, end: int) -> tuple[Fields, int]:
        if self.data[start : start + 1] == b"\n" or self.data[start : start + 2] == b"\r\n":
            return Fields([]), _after_line(self.data, start)
        blank = _BLANK.search(self.data, start, end)
        stop, body = (blank.start() + 1, blank.end()) if blank else (end, end)
        if stop - start > self.limits.header_bytes:
            self.exceeded.add("header_bytes")
            stop = start + self.limits.header_bytes
        head = self.data[start:stop].decode("ascii", "surrogateescape")
        pairs, used = header_fields(head)
        return Fields(pairs), body if used is None else start + used


def _after_line(data: bytes, start: int) -> int:
    newline = data.find(b"\n", start)
    return len(data) if newline < 0 else newline + 1


def content_of(value: str, default: str) -> tuple[str, dict[str, str]]:
    """Type and parameters of a Content-Type value; RFC 2045 wants `text/plain` for what is not one."""
    if not value:
        return default, {}
    said, found = parameters(value)
    main, slash, sub = said.partition("/")
    if main and slash and sub and " " not in said:
        return said, found
    return ("text/plain", found) if said else (default, found)


def header_fields(head: str) -> tuple[list[tuple[str, str]], int | None]:
    """The fields of a header, and where the body starts if a line in it ends the header, else None.

    A line without a colon ends it, unless known fields follow: then it is a line that lost its indent (gateways
    wrap so), or, on top, a mbox line or a headline.
    """
    pairs: list[tuple[str, list[str]]] = []
    lines = head.split("\n")
    last_known = max((n for n, line in enumerate(lines) if _KNOWN.match(line)), default=-1)
    offset = 0
    for number, line in enumerate(lines):
        bare = line.removesuffix("\r")
        name, colon, value = bare.partition(":")
        if bare[:1] in (" ", "\t"):
            if pairs:
                pairs[-1][1].append(bare)
        elif colon and _NAME.fullmatch(name):
            pairs.append((name.rstrip().lower(), [value]))
        elif bare and number > last_known:
            return _unfolded(pairs), offset
        elif bare and pairs:
            pairs[-1][1].append(" " + bare)
        offset += len(line) + 1
    return _unfolded(pairs), None


def _unfolded(pairs: list[tuple[str, list[str]]]) -> list[tuple[str, str]]:
    return [(name, (lines[0] if len(lines) == 1 else "".join(lines)).strip()) for name, lines in pairs]
