"""Findings of one mapping file, each at the line of what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connector.errors import Finding
from connector.mapping.model import Case, CommentRule, FieldRule, MappingFile
from connector.yamlfile import Document, Place, suggestion

_KEYS: Mapping[str, Iterable[str]] = {
    "": MappingFile.model_fields,
    "cases": [field.alias or name for name, field in Case.model_fields.items()],
    "comment": [field.alias or name for name, field in CommentRule.model_fields.items()],
    "fields": [field.alias or name for name, field in FieldRule.model_fields.items()],
}


class Findings:
    """Collects what is wrong with a document, in the order of its lines."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[tuple[int, Finding]] = []

    def add(self, place: Place, code: str, what: str, remedy: str = "", below: int = 0) -> None:
        """Note what is wrong at `place`, or `below` lines under it."""
        line = self.line(place) + below
        self._found.append((line, Finding(code, f"{self._document.path}:{line}", what, remedy)))

    def add_all(self, error: ValidationError) -> None:
        """Note every error of form."""
        for details in error.errors(include_url=False, include_input=False):
            self.add(_place(details), *_words(details))

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it."""
        return int(self._document.where(place).rpartition(":")[2])

    def all(self) -> tuple[Finding, ...]:
        return tuple(finding for _, finding in sorted(self._found, key=lambda pair: pair[0]))


def _place(details: ErrorDetails) -> Place:
    return tuple(details["loc"])


def _words(details: ErrorDetails) -> tuple[str, str, str]:
    place = _place(details)
    name = str(place[-1])[:80] if place else ""
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_keys(place)
        return "unknown-key", f'unknown key "{name}"', suggestion(name, known) or f"there are {', '.join(known)}"
    if kind == "missing":
        return "missing-key", f'"{name}" is missing', "write it"
    if kind in ("enum", "literal_error"):
        return "bad-value", f'"{name}" has a value that is not known', f"write {context.get('expected')}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return "bad-form", f'"{name}" is not a table' if name else "this is not a mapping", "write `key: value` lines"
    if kind == "value_error":
        return "bad-value", f'"{name}": {context.get("error")}', ""
    return "bad-value", f'"{name}": {details["msg"][:1].lower()}{details["msg"][1:]}', ""


def _known_keys(place: Place) -> list[str]:
    if "cases" in place:
        return list(_KEYS["cases"])
    first: Any = place[0] if len(place) > 1 else ""
    return list(_KEYS.get(first, ()))
