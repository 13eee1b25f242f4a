"""The help button inside an EHR, as files: JSON documents, arrays of them, and one document a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from connector.errors import Finding
from connector.plugins import Page, Reading, Record, Rejected, SourceTools
from connector.sources.document import Unreadable, decode, parse
from connector.sources.ehr_button import generic as button_generic
from connector.sources.ehr_button.dialect import Dialect, EhrButtonSettings, Origin
from connector.sources.files import Files, Found
from connector.sources.given import received
from connector.sources.reading import Lines, Scroll, Whole, pages, trouble

ENDINGS = (".json", ".ndjson", ".jsonl")
LINES = (".ndjson", ".jsonl")
DIALECTS: Sequence[Dialect] = (button_generic,)
"""Asked in this order; the last takes any object."""

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\r\n]*")


class EhrButton:
    """Reads help requests that a button in the EHR wrote as files.

    A request's id is `TENANT:SYSTEM:REQUEST_ID`; without a request id a hash of tenant, system, login, workstation
    and second; where those are missing, `file/PLACE`. Places are `FILE`, `FILE#N` in an array, `FILE:LINE`.
    """

    settings = EhrButtonSettings

    def __init__(self, name: str, settings: EhrButtonSettings, tools: SourceTools) -> None:
        self._source = settings.id or name
        self._settings = settings
        self._files = Files(settings.path, tools, settings.quiet, endings=ENDINGS, growing=_of_lines)

    def check(self) -> Sequence[Finding]:
        """A finding when the path cannot be listed."""
        return self._files.check()

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        """New and changed requests; raises Transient when the path cannot be listed."""
        return pages(self._files, cursor, self._open)

    def read(self, record: Record) -> Reading:
        """The ticket, or why it is none."""
        refused = trouble(record)
        if refused is not None:
            return refused
        try:
            payload = parse(record.data)
            if not isinstance(payload, dict):
                raise Unreadable("not-an-object", "it is JSON but not an object", "write each request as {...}")
            origin = Origin(self._source, record.place, received(record))
            dialect = next(dialect for dialect in DIALECTS if dialect.matches(payload))
            return dialect.ticket(payload, origin, self._settings)
        except Unreadable as error:
            return Rejected(error.at(record.place))

    def _open(self, file: BinaryIO, found: Found, known: str) -> Scroll:
        if _of_lines(found.path):
            return Lines(file, found, known, items, self._settings.unfinished_line_after)
        return Whole(file, found, known, items)


def items(record: Record) -> Iterable[Record]:
    """The elements of an array as records of their own, cut out and not rewritten; anything else as it is.

    From the first element that is not JSON on, the rest is one record, which `read` then refuses.
    """
    if record.data[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] != b"[":
        return (record,)
    text = decode(record.data)
    start = _blank(text, 1 if text.startswith("\ufeff") else 0)
    return _elements(record, text, start + 1) if text.startswith("[", start) else (record,)


def _elements(record: Record, text: str, here: int) -> Iterator[Record]:
    here, number, broken = _blank(text, here), 0, False
    while not broken and not text.startswith("]", here):
        try:
            _, end = _DECODER.raw_decode(text, here)
        except (ValueError, RecursionError):
            end, broken = len(text), True
        number += 1
        yield _element(record, number, text[here:end])
        here = _blank(text, end)
        here = _blank(text, here + 1) if text.startswith(",", here) else here
    if rest := text[here + 1 :].strip():
        yield _element(record, number + 1, rest)


def _element(record: Record, number: int, text: str) -> Record:
    return Record(f"{record.place}#{number}", text.encode("utf-8", "surrogatepass"), record.at, record.facts)


def _blank(text: str, here: int) -> int:
    found = _BLANK.match(text, here)
    return found.end() if found else here


def _of_lines(path: str) -> bool:
    return path.lower().endswith(LINES)
