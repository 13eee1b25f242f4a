"""Mails as they lie on disk: one file each, and a Maildir. Reading only: nothing is moved or marked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import BinaryIO

from connector.errors import Finding, Scope, Transient
from connector.plugins import Page, Record
from connector.sources.files import Found, reason, shown, stamp
from connector.sources.reading import Draft

HEAD_BYTES = 65_536
_ONLY_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Letter:
    """A file that is one mail. Of one longer than `limit` bytes the head is kept; its fact `cut` tells the length."""

    def __init__(self, file: BinaryIO, found: Found, limit: int) -> None:
        self._file = file
        self._place = found.place
        self._limit = limit
        self._finished = False
        self._stamp = stamp(os.fstat(file.fileno()))

    def __iter__(self) -> Iterator[Record]:
        record = letter(self._file, self._place, self._limit)
        if stamp(os.fstat(self._file.fileno())) == self._stamp:
            yield record
            self._finished = True

    def mark(self) -> str:
        return self._stamp if self._finished else ""


def letter(file: BinaryIO, place: str, limit: int) -> Record:
    """The mail in an open file."""
    status = os.fstat(file.fileno())
    if status.st_size > limit:
        return Record(place, file.read(HEAD_BYTES), status.st_mtime, {"cut": str(status.st_size)})
    return Record(place, file.read(status.st_size), status.st_mtime)


class Maildir:
    """A Maildir (https://cr.yp.to/proto/maildir.html): `new` and `cur`, never `tmp`.

    A mail's place is its unique name without the flags, so one that was moved or marked is the same and is not even
    opened. The cursor holds, for each hour of delivery as the names tell it, a digest of every name that was read.
    """

    def __init__(self, folder: str, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    @staticmethod
    def is_at(folder: str) -> bool:
        return all(os.path.isdir(os.path.join(folder, name)) for name in ("new", "cur"))

    def check(self) -> list[Finding]:
        """A finding when `new` or `cur` cannot be listed."""
        try:
            for name in ("new", "cur"):
                os.listdir(os.path.join(self._folder, name))
        except OSError as error:
            what = f"the Maildir's {name} cannot be listed: {reason(error)}"
            return [Finding("no-path", self._folder, what, "see to its rights, or correct `path`")]
        return []

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        """Mails whose names the cursor does not hold. Raises Transient when a folder cannot be listed."""
        draft = Draft()
        hours: set[str] = set()
        for hour, paths in self._by_hour():
            hours.add(hour)
            known = set(cursor.get(hour, "").split())
            read: dict[str, None] = {}  # digests of what is there and was read, in the order of names
            for digest, record in self._unknown(paths, known, read):
                if not draft.fits(record):
                    draft.marks[hour] = " ".join((*read, *sorted(known - read.keys())))
                    yield draft.page()
                draft.add(record)
                if "unreadable" not in record.facts:
                    read[digest] = None
            if read.keys() != known:
                draft.marks[hour] = " ".join(read) or None
        draft.marks.update(dict.fromkeys(hour for hour in cursor if hour not in hours))
        yield draft.page(complete=True)

    def _unknown(self, paths: Iterable[str], known: set[str], read: dict[str, None]) -> Iterator[tuple[str, Record]]:
        """The mails that were not read before; the others are added to `read` unopened."""
        for path in paths:
            digest = _digest(_base(path))
            if digest in known:
                read[digest] = None
            elif digest not in read and (record := self._record(path)):
                yield digest, record

    def _by_hour(self) -> Iterator[tuple[str, list[str]]]:
        """`new/NAME` and `cur/NAME` of each hour, by name. `new` is listed first, so a mail on its way is not missed.

        Until their hour comes, names are held as joined bytes: a hundred thousand of them are two megabytes so.
        """
        packed: dict[str, bytearray] = {}
        for path in chain(self._listed("new"), self._listed("cur")):
            packed.setdefault(_hour(_base(path)), bytearray()).extend(os.fsencode(path) + b"\0")
        for hour in sorted(packed):
            paths = os.fsdecode(bytes(packed.pop(hour))).split("\0")[:-1]
            yield hour, sorted(paths, key=lambda path: (_base(path), path[:4] == "cur/"))

    def _listed(self, name: str) -> Iterator[str]:
        folder = os.path.join(self._folder, name)
        try:
            with os.scandir(folder) as entries:
                yield from (f"{name}/{entry.name}" for entry in entries if entry.name[0] != ".")
        except OSError as error:
            what, remedy = f"{name} of the Maildir: {reason(error)}", "see whether it is there and may be read"
            raise Transient(what, remedy, code="no-path", scope=Scope.ACCOUNT) from None

    def _record(self, path: str) -> Record | None:
        """The mail, or None when it moved on since the listing: the next run finds it under its new name."""
        place = shown(_base(path))
        try:
            descriptor = os.open(os.path.join(self._folder, path), _ONLY_READ)
            with os.fdopen(descriptor, "rb") as file:
                return letter(file, place, self._limit)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Record(place, b"", facts={"unreadable": reason(error)})


def _base(path: str) -> str:
    """`new/1700.M1.host:2,S` is `1700.M1.host`; where `:` cannot stand in names, `;` and `!` do."""
    name = path[4:]
    for mark in (":2,", ";2,", "!2,", ":1,"):
        head, found, _ = name.partition(mark)
        if found:
            return head
    return name


def _hour(base: str) -> str:
    seconds = base.partition(".")[0]
    return (
        f"hour {int(seconds) // 3600}" if seconds.isascii() and seconds.isdecimal() and len(seconds) < 12 else "other"
    )


def _digest(base: str) -> str:
    return hashlib.blake2b(base.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
