"""The files of a FHIR payload, wherever they are: Attachments in any element, and Binary resources."""

from __future__ import annotations

from collections.abc import Iterator

from connector.sources.ehr_button.fhir.resources import Resource, Resources, walk
from connector.sources.ehr_button.fhir.values import Json, text
from connector.sources.ehr_button.form import Form

_MARKS = frozenset({"contentType", "title", "hash", "size", "creation"})
_KEYS = frozenset({"attachment", "valueAttachment", "contentAttachment", "content", "image", "photo"})
_NO_FILES = frozenset({"extension", "modifierExtension", "meta", "text"})


def attach(form: Form, held: Resources) -> Iterator[str]:
    """Put every file into the form, each once; yields what is to be said of those that are left out."""
    named: set[Resource] = set()
    for one in held.all:
        for key, element in walk(one.body):
            if element is one.body or not _is_file(key, element):
                continue
            if key == "photo":
                yield "the photo of a person was left out"
                continue
            binary = held.resolve(element.get("url"), one)
            if binary is not None and binary.type == "Binary":
                named.add(binary)
            form.attach(_file(element, one, binary.body if binary in named and binary else {}))
    for one in held.of("Binary"):
        if one not in named:
            form.attach(_file({}, one, one.body))


def _is_file(key: str, element: Json) -> bool:
    carries = "data" in element or "url" in element
    return carries and key not in _NO_FILES and (key in _KEYS or not _MARKS.isdisjoint(element))


def _file(element: Json, one: Resource, binary: Json) -> Json:
    """An Attachment as a generic payload carries a file; its data may be those of a Binary."""
    data = element.get("data") or binary.get("data")
    file = {
        "filename": text(element.get("title")),
        "content_type": text(element.get("contentType")) or text(binary.get("contentType")),
    }
    if data is not None:
        return {**file, "content_base64": data}
    return {**file, "url": element["url"]} if element.get("url") else file
