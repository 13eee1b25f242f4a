"""The help button inside an EHR, as files: JSON documents, arrays of them, and one document a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from connector.errors import Finding
from connector.plugins import Page, Reading, Record, Rejected, SourceTools
from connector.sources.document import Unreadable, decode, parse
from connector.sources.ehr_button import emr_help, fhir, flat, generic
from connector.sources.ehr_button.format import Format, Origin
from connector.sources.ehr_button.parts import items
from connector.sources.ehr_button.settings import EhrButtonSettings
from connector.sources.ehr_button.tokens import without_tokens
from connector.sources.files import Files, Found
from connector.sources.given import received
from connector.sources.reading import Lines, Scroll, Whole, pages, trouble

ENDINGS = (".json", ".ndjson", ".jsonl", ".form", ".xml")
FORM_BYTES = 1024 * 1024
LINES = (".ndjson", ".jsonl")
FORMATS: Mapping[str, Format] = {"fhir": fhir, "emr_help": emr_help, "flat": flat, "generic": generic}
"""By the name that settings give them; asked in this order, and the last takes any object."""


class EhrButton:
    """Reads help requests that a button in the EHR wrote as files.

    A request's id is `TENANT:SYSTEM:REQUEST_ID`; without a request id a hash of tenant, system, login, workstation
    and second; where those are missing, `file/PLACE`. A FHIR request's comes from its identifier.
    Places are `FILE`, `FILE#N` in an array or a Bundle, `FILE:LINE`.
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

    def split(self, record: Record) -> Iterable[Record]:
        """The elements of an array, and the requests of a FHIR Bundle, as records of their own; else as it is."""
        return items(record)

    def read(self, record: Record) -> Reading:
        """The ticket, or why it is none."""
        refused = trouble(record)
        if refused is not None:
            return refused
        try:
            payload = document(record.data)
            origin = Origin(self._source, record.place, received(record))
            return self._format(payload).reading(payload, origin, self._settings)
        except Unreadable as error:
            return Rejected(error.at(record.place))

    def _format(self, payload: Mapping[str, Any]) -> Format:
        fixed = self._settings.format
        if fixed != "auto":
            return FORMATS[fixed]
        return next(one for one in FORMATS.values() if one.matches(payload, self._settings))

    def _open(self, file: BinaryIO, found: Found, known: str) -> Scroll:
        if _of_lines(found.path):
            return Lines(file, found, known, self.split, self._settings.unfinished_line_after)
        return Whole(file, found, known, self.split)


def document(data: bytes) -> dict[str, Any]:
    """The payload in a record: a JSON object, or a form body; raises Unreadable for anything else."""
    if data[:1] not in b"{[" and (other := _not_json(data)) is not None:
        return other
    payload = parse(data)
    if not isinstance(payload, dict):
        raise Unreadable("not-an-object", "it is JSON but not an object", "write each request as {...}")
    said: dict[str, Any] = without_tokens(payload) if b"%" in data else payload
    return said


def _not_json(data: bytes) -> dict[str, Any] | None:
    """What begins otherwise than JSON does; None where only the JSON reader can tell."""
    start = decode(data[:2000]).lstrip("\ufeff \t\r\n")
    if start.startswith("<") and "http://hl7.org/fhir" in start:
        raise Unreadable("fhir-xml", "FHIR as XML; FHIR is read as JSON", "have it sent as application/fhir+json")
    if start.startswith("MSH|"):
        raise Unreadable("hl7-v2", "an HL7 v2 message", "convert it to FHIR or to plain JSON before")
    if not flat.is_form(start):
        return None
    if len(data) > FORM_BYTES:
        what = f"a form of {len(data):,} bytes; {FORM_BYTES:,} are read at most"
        raise Unreadable("too-large", what, "send files as JSON")
    said: dict[str, Any] = without_tokens(flat.form_body(decode(data)))
    return said


def _of_lines(path: str) -> bool:
    return path.lower().endswith(LINES)
