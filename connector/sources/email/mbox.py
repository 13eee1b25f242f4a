"""The mails of a mbox file, one after the other, going on where the last run stopped. Memory is that of one mail.

A mail begins with a `From ` line at the start or after a blank line (RFC 4155); `>From ` in it is undone. The cursor
value is `STAMP OFFSET HASH`, with `+` before it when there is more; the hash covers the beginning of the file and
what stands before the offset, so a file that was rotated or rewritten is noticed and read again from its start.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from connector.plugins import Record
from connector.sources.email.headers import date
from connector.sources.files import Found, stamp

_TIMED = re.compile(rb"From [^\r\n]{0,320}\d\d:\d\d[^\r\n]{0,100}\r?\n?$")
_ADDRESSED = re.compile(rb"From (?:[^\s@]{1,128}@[^\s@]{1,255}|-|MAILER-DAEMON)[ \t]*\r?\n?$")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_LINE = 65_536
_SAMPLE = 1_024


class Mbox:
    """One open mbox file. Places are `FILE#DIGEST`: a mail keeps its place when the file is rewritten around it.

    The last mail is taken when nobody has written to the file for `patience` seconds. Of a mail longer than `limit`
    bytes the first part is kept, and its fact `cut` tells how long it was.
    """

    def __init__(self, file: BinaryIO, found: Found, known: str, limit: int, head: int, patience: float) -> None:
        self._file = file
        self._place = found.place
        status = os.fstat(file.fileno())
        self._size, self._stamp = status.st_size, stamp(status)
        self._patient = (
            found.age >= patience and self._stamp == found.stamp and not os.path.exists(found.path + ".lock")
        )
        self._limit = limit
        self._head = head
        self._offset = self._resume(known)
        self._finished = False

    def __iter__(self) -> Iterator[Record]:
        for start, end, lines in self._mails():
            if end == self._size and not self._patient:
                return
            record = self._record(lines, end - start)
            if record is not None:
                yield record
            self._offset = end
        self._finished = True

    def mark(self) -> str:
        return f"{'' if self._finished else '+'}{self._stamp} {self._offset} {self._hash(self._offset)}"

    def _mails(self) -> Iterator[tuple[int, int, list[bytes]]]:
        """Where a mail begins and ends, and its lines, as many of them as fit into the limit."""
        self._file.seek(self._offset)
        start = position = self._offset
        kept: list[bytes] = []
        room, blank = self._limit, True
        while position < self._size:
            line = self._file.readline(min(_LINE, self._size - position))
            if not line:
                break
            if blank and kept and _begins(line):
                yield start, position, kept
                start, kept, room = position, [], self._limit
            if room > 0 or not kept:
                kept.append(line)
            room -= len(line)
            position += len(line)
            blank = line in (b"\n", b"\r\n")
        if kept:
            yield start, position, kept

    def _record(self, lines: list[bytes], length: int) -> Record | None:
        first = lines[0] if _begins(lines[0]) else b""
        data = b"".join(lines[1:] if first else lines)
        data = _ESCAPED.sub(rb"\1", data[: self._head] if length > self._limit else data)
        if data.endswith((b"\n\n", b"\r\n\r\n")):  # the blank line before the next mail
            data = data[: -2 if data.endswith(b"\r\n") else -1]
        if not data.strip():
            return None
        digest = hashlib.blake2b(data, digest_size=8).hexdigest()
        sent = date(first.decode("latin-1").strip()[5:].partition(" ")[2].strip())
        facts = {"cut": str(length)} if length > self._limit else {}
        return Record(f"{self._place}#{digest}", data, sent.timestamp() if sent else None, facts)

    def _resume(self, known: str) -> int:
        before, *rest = known.removeprefix("+").split(" ")
        if len(rest) != 2 or not rest[0].isdecimal() or int(rest[0]) > self._size:
            return 0
        same = before == self._stamp or rest[1] == self._hash(int(rest[0]))
        return int(rest[0]) if same else 0

    def _hash(self, offset: int) -> str:
        here, size = self._file.tell(), min(_SAMPLE, offset)
        samples = hashlib.blake2b(digest_size=8)
        for start in (0, offset - size):
            self._file.seek(start)
            samples.update(self._file.read(size))
        self._file.seek(here)
        return samples.hexdigest()


def _begins(line: bytes) -> bool:
    """Prose can begin with `From ` too: a time, or an address alone, must follow."""
    return line.startswith(b"From ") and bool(_TIMED.match(line) or _ADDRESSED.match(line))
