"""One record of a file as the records that each read to one thing: elements of an array, requests of a Bundle."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from connector.plugins import Record
from connector.sources.document import Unreadable, decode, parse
from connector.sources.ehr_button import fhir

COPIED_BYTES = 64 * 1024 * 1024
_DECODER = json.JSONDecoder()
_REQUEST = re.compile(rb'"(?:Task|Communication|QuestionnaireResponse)"')
_BLANK = re.compile(r"[ \t\r\n]*")


def items(record: Record) -> Iterator[Record]:
    """The elements of an array, cut out and not rewritten, and of these, or of what stands alone, the requests.

    The first request of a FHIR Bundle keeps the place, the others have `#2`, `#3` behind it; each becomes a Bundle of
    its own, with what belongs to it.
    """
    for element in elements(record):
        yield from requests(element)


def requests(record: Record) -> Iterator[Record]:
    """The requests of a FHIR Bundle; anything else as it is.

    When what several requests share would be copied beyond 64 MB, the rest is one record, which `read` then refuses.
    """
    bundles = _bundles(record.data)
    if len(bundles) < 2:
        yield record
        return
    room = COPIED_BYTES
    for number, bundle in enumerate(bundles, 1):
        data = fhir.as_bytes(bundle)
        place = f"{record.place}#{number}" if number > 1 else record.place
        room -= len(data)
        if room < 0 and number > 1:
            yield replace(record, place=place, facts={**record.facts, "too_large": f"more than {COPIED_BYTES:,}"})
            return
        yield replace(record, place=place, data=data)


def _bundles(data: bytes) -> list[dict[str, Any]]:
    if len(_REQUEST.findall(data)) < 2 and b"\x00" not in data:
        return []  # no need to take it apart to see that there is nothing to take apart
    try:
        payload = parse(data)
    except Unreadable:
        return []
    return fhir.requests(payload) if isinstance(payload, dict) and "entry" in payload else []


def elements(record: Record) -> Iterable[Record]:
    """The elements of an array as records of their own, cut out and not rewritten; anything else as it is.

    From the first element that is not JSON on, the rest is one record, which `read` then refuses.
    """
    if record.data[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] != b"[":
        return (record,)
    text = decode(record.data)
    start = _blank(text, 1 if text.startswith("\ufeff") else 0)
    return _cut_out(record, text, start + 1) if text.startswith("[", start) else (record,)


def _cut_out(record: Record, text: str, here: int) -> Iterator[Record]:
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
