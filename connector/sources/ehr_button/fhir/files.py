"""The files of a FHIR payload, wherever they are: Attachments in any element, and Binary resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
            if "valueBase64Binary" in element:
                form.attach({"content_base64": element["valueBase64Binary"]})
            if key == "photo" and _is_file(key, element):
                yield "the photo of a person was left out"
            elif element is not one.body and _is_file(key, element):
                form.attach(_file(element, _binary(held, element, one, named)))
    for one in held.of("Binary"):
        if one not in named:
            form.attach(_file({}, one.body))


def without_files(value: Any, key: str = "") -> Any:
    """The same elements without what files hold."""
    if isinstance(value, list):
        return [without_files(inner, key) for inner in value]
    if not isinstance(value, dict):
        return value
    held = {"valueBase64Binary", "data"} if _is_file(key, value) else {"valueBase64Binary"}
    return {name: without_files(inner, name) for name, inner in value.items() if name not in held}


def _binary(held: Resources, element: Json, one: Resource, named: set[Resource]) -> Json:
    """The Binary that an Attachment without data points to; it is then one of those `named`."""
    found = held.resolve(element.get("url"), one) if not element.get("data") else None
    if found is None or found.type != "Binary":
        return {}
    named.add(found)
    return found.body


def _is_file(key: str, element: Json) -> bool:
    carries = "data" in element or "url" in element
    return carries and key not in _NO_FILES and (key in _KEYS or not _MARKS.isdisjoint(element))


def _file(element: Json, binary: Json) -> Json:
    """An Attachment as a generic payload carries a file; its data may be those of a Binary."""
    data = element.get("data") or binary.get("data")
    file = {
        "filename": text(element.get("title")),
        "content_type": text(element.get("contentType")) or text(binary.get("contentType")),
    }
    if data is not None:
        return {**file, "content_base64": data}
    return {**file, "url": element["url"]} if element.get("url") else file
