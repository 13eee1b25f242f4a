"""From files to pages of records: how far a file was read, and where to go on after a crash, a growth or a rotation."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Protocol

from connector.errors import Finding
from connector.plugins import Page, Record, Rejected
from connector.sources.files import Files, Found, reason, stamp

PAGE_RECORDS = 500
PAGE_BYTES = 8 * 1024 * 1024
RECORD_BYTES = 16 * 1024 * 1024
_SAMPLE = 1024
_KEPT = 4096
_STEP = 64 * 1024
# Not through a link put there since the listing, not waiting for a pipe; each flag where the system knows it.
_ONLY_READ = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    _ONLY_READ |= getattr(os, _flag, 0)
_LINES_VALUE = re.compile(
    r"\+?(?P<stamp>(?P<size>\d+):(?P<inode>\d+):-?\d+:-?\d+)"
    r" (?P<offset>\d+) (?P<line>\d+) (?P<part>\d+) (?P<hash>[0-9a-f]+)"
)

Split = Callable[[Record], Iterable[Record]]
"""How a record is taken apart into the records that each read to one thing; the first keeps the place."""


class Scroll(Protocol):
    """One open file. `mark()` is the cursor value for all records that were taken and let go again.

    While a record is being looked at, the mark still stands before it.
    """

    def __iter__(self) -> Iterator[Record]: ...

    def mark(self) -> str: ...


Opener = Callable[[BinaryIO, Found, str], Scroll]
"""Makes the scroll of a file just opened; the last argument is its cursor value, empty where there is none."""


def whole(record: Record) -> Iterable[Record]:
    """Not taken apart."""
    return (record,)


def pages(files: Files, cursor: Mapping[str, str], opener: Opener) -> Iterator[Page]:
    """What is new or changed since `cursor`. A page holds 500 records and 8 MB at most, or one larger record.

    Each page's cursor covers the records of that page and of earlier ones only. A file that cannot be read comes as
    a record that says so, each time, and leaves its cursor entry alone. Raises Transient where nothing can be listed.
    """
    draft = Draft()
    listing = files.changed(cursor)
    for found in listing:
        yield from _scrolled(draft, found, opener, cursor.get(found.place, ""))
    draft.marks.update(dict.fromkeys(listing.gone()))
    yield draft.page(complete=True)


def trouble(record: Record) -> Rejected | None:
    """What every reader says first: the record could not be read, or is too large."""
    if "unreadable" in record.facts:
        remedy = "see to its rights and its disk; it is tried again on each run"
        return Rejected(Finding("unreadable", record.place, f"cannot be read: {record.facts['unreadable']}", remedy))
    if "too_large" in record.facts:
        what = f"{record.facts['too_large']} bytes; {RECORD_BYTES:,} are read at most"
        return Rejected(Finding("too-large", record.place, what, "split it, or leave out what it carries"))
    return None


class Draft:
    """The page in the making: PAGE_RECORDS records and PAGE_BYTES bytes at most, or one larger record."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.marks: dict[str, str | None] = {}
        self._bytes = 0

    def fits(self, record: Record) -> bool:
        full = len(self.records) >= PAGE_RECORDS or self._bytes + len(record.data) > PAGE_BYTES
        return not (self.records and full)

    def add(self, record: Record) -> None:
        self.records.append(record)
        self._bytes += len(record.data)

    def page(self, complete: bool = False) -> Page:
        made = Page(tuple(self.records), dict(self.marks), complete)
        self.records, self.marks, self._bytes = [], {}, 0
        return made


def _scrolled(draft: Draft, found: Found, opener: Opener, known: str) -> Iterator[Page]:
    try:
        if found.trouble:
            raise OSError(0, found.trouble)
        with _opened(found.path) as file:
            scroll = opener(file, found, known)
            for record in scroll:
                if not draft.fits(record):
                    draft.marks[found.place] = scroll.mark()
                    yield draft.page()
                draft.add(record)
            if (mark := scroll.mark()) != known:
                draft.marks[found.place] = mark
    except FileNotFoundError:
        return  # it went between the listing and now; the next listing says so
    except OSError as error:
        record = Record(found.place, b"", facts={"unreadable": reason(error)})
        if not draft.fits(record):
            yield draft.page()
        draft.add(record)


def _opened(path: str) -> BinaryIO:
    descriptor = os.open(path, _ONLY_READ)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a file any more")
    return os.fdopen(descriptor, "rb")


class Whole:
    """A file that is one document, taken apart by `split`.

    The cursor value is `STAMP`, or `+STAMP N` when only the first N of its records are safe. A file that changes
    while it is read is left for the next time.
    """

    def __init__(self, file: BinaryIO, found: Found, known: str, split: Split = whole) -> None:
        self._file = file
        self._place = found.place
        self._stamp = stamp(os.fstat(file.fileno()))
        self._split = split
        before, _, done = known.partition(" ")
        self._done = int(done) if before == f"+{self._stamp}" and done.isdecimal() else 0
        self._finished = False

    def __iter__(self) -> Iterator[Record]:
        status = os.fstat(self._file.fileno())
        data = self._file.read(_KEPT if status.st_size > RECORD_BYTES else RECORD_BYTES)
        if stamp(os.fstat(self._file.fileno())) != self._stamp:
            return
        for number, record in enumerate(_parts(self._place, data, status.st_size, status.st_mtime, self._split)):
            if number >= self._done:
                yield record
                self._done = number + 1
        self._finished = True

    def mark(self) -> str:
        return self._stamp if self._finished else f"+{self._stamp} {self._done}"


class Lines:
    """A file of one document a line, which may grow. Places are `FILE:LINE`; empty lines count and say nothing.

    The cursor value is `STAMP OFFSET LINE PART HASH`, with `+` before it when there is more: the next line to read,
    how many of its records are safe, and a hash of the head and of the last block before it, by which a file that
    was rotated, cut or rewritten is noticed and read again from its start. A last line without its newline is read
    when the file has been left alone for `patience` seconds, and again under the same place when it grew.
    """

    def __init__(self, file: BinaryIO, found: Found, known: str, split: Split = whole, patience: float = 60.0) -> None:
        self._file = file
        self._found = found
        self._split = split
        self._status = os.fstat(file.fileno())
        self._stamp = stamp(self._status)
        self._patient = found.age >= patience and self._stamp == found.stamp
        self._finished = False
        self._offset, self._line, self._part = self._resume(known) or (0, 0, 0)

    def __iter__(self) -> Iterator[Record]:
        self._file.seek(self._offset)
        while self._offset < self._status.st_size:
            data, length, ended = self._next()
            if not ended and not self._patient:
                return
            yield from self._records(data, length)
            if not ended:
                break
            self._offset, self._line, self._part = self._offset + length, self._line + 1, 0
        self._finished = True

    def mark(self) -> str:
        more = "" if self._finished else "+"
        return f"{more}{self._stamp} {self._offset} {self._line} {self._part} {self._hash(self._offset)}"

    def _records(self, data: bytes, length: int) -> Iterator[Record]:
        text = data.rstrip(b"\r\n")
        if not text.strip():
            return
        place = f"{self._found.place}:{self._line + 1}"
        for number, record in enumerate(_parts(place, text, length, self._status.st_mtime, self._split)):
            if number >= self._part:
                yield record
                self._part = number + 1

    def _next(self) -> tuple[bytes, int, bool]:
        """The next line, how long it is, and whether it is ended. Of a line beyond the limit only the head is kept."""
        room = self._status.st_size - self._offset
        data = self._file.readline(min(room, RECORD_BYTES + 1))
        length = len(data)
        last = data
        while length > RECORD_BYTES and not last.endswith(b"\n") and length < room:
            last = self._file.readline(min(room - length, _STEP))
            length += len(last)
            if not last:
                break
        return data, length, last.endswith(b"\n")

    def _resume(self, known: str) -> tuple[int, int, int] | None:
        value = _LINES_VALUE.fullmatch(known)
        if value is None:
            return None
        before, size, inode = value.group("stamp", "size", "inode")
        offset, line, part = (int(word) for word in value.group("offset", "line", "part"))
        if before == self._stamp:
            return offset, line, part
        grown = int(size) < self._status.st_size and inode == str(self._status.st_ino)
        # What the next line held then may have been its beginning: none of its records is safe.
        return (offset, line, 0) if grown and value["hash"] == self._hash(offset) else None

    def _hash(self, offset: int) -> str:
        here, size = self._file.tell(), min(_SAMPLE, offset)
        samples = hashlib.blake2b(digest_size=8)
        for start in (0, offset - size):
            self._file.seek(start)
            samples.update(self._file.read(size))
        self._file.seek(here)
        return samples.hexdigest()


def _parts(place: str, data: bytes, size: int, at: float, split: Split) -> Iterable[Record]:
    if size > RECORD_BYTES:
        return (Record(place, data[:_KEPT], at, {"too_large": f"{size:,}"}),)
    return split(Record(place, data, at))


__all__: Sequence[str] = ("Lines", "Opener", "Scroll", "Split", "Whole", "pages", "trouble", "whole")
