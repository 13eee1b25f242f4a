"""What a file says, held against a model: one finding per fault, each with its line and a remedy.

No finding shows the value that stands there: it may be a secret that somebody wrote in the wrong place.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from connector.errors import Finding
from connector.yamlfile import Document, Place, suggestion

M = TypeVar("M", bound=BaseModel)

_WORDS: Mapping[str, tuple[str, str]] = {
    "model_type": ("has to be a mapping", "write `name: value` lines below it"),
    "dict_type": ("has to be a mapping", "write `name: value` lines below it"),
    "list_type": ("has to be a list", "write each item on a line that starts with -"),
    "tuple_type": ("has to be a list", "write each item on a line that starts with -"),
    "string_type": ("has to be a text", "put it in quotes"),
    "too_short": ("is empty", "write at least one"),
}


def checked(model: type[M], data: Any, document: Document | None, place: Place = ()) -> tuple[M | None, list[Finding]]:
    """The model that `data` makes, or None and what is wrong with it.

    `place` is where `data` stands in the document. Without a document, findings name the setting's path alone.
    """
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=True)
    found = [_finding(model, fault, document, place) for fault in faults]
    return None, list(dict.fromkeys(found))


def where(document: Document | None, place: Place) -> str:
    """`file:line` of a place, or its dotted path where there is no file."""
    return document.where(place) if document else dotted(place)


def dotted(place: Sequence[str | int]) -> str:
    """A place as people write it: `sinks.zendesk.auth`."""
    return ".".join(str(step) for step in place)


def _finding(model: type[BaseModel], fault: ErrorDetails, document: Document | None, base: Place) -> Finding:
    loc = fault["loc"]
    code, what, remedy = _said(model, fault)
    return Finding(code, where(document, _standing(document, base, loc)), what, remedy)


def _standing(document: Document | None, base: Place, loc: Place) -> Place:
    """The place in the file that pydantic means; its own names for the members of a union are not in the file."""
    if document is None:
        return base + loc
    place = base
    for step in loc:
        if (*place, step) in document.lines:
            place = (*place, step)
    return place


def _said(model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str, str]:
    kind, loc = fault["type"], fault["loc"]
    name = dotted(loc)
    if kind == "extra_forbidden":
        return "unknown-setting", f'unknown setting "{name}"', _known(str(loc[-1]), _siblings(model, loc))
    if kind == "missing":
        return "missing-setting", f'"{name}" is missing', "add it"
    if kind in ("literal_error", "enum"):
        expected = str(fault["ctx"]["expected"])
        near = suggestion(str(fault["input"]), [word.strip("' ") for word in expected.replace(" or ", ",").split(",")])
        return "bad-value", f'"{name}" has to be {expected}', near
    if kind in _WORDS:
        what, remedy = _WORDS[kind]
        return "bad-value", f'"{name}" {what}', remedy
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return "bad-value", f'"{name}": {message[:1].lower()}{message[1:]}', ""


def _known(word: str, names: Sequence[str]) -> str:
    return suggestion(word, names) or (f"known here: {', '.join(sorted(names))}" if names else "")


def _siblings(model: type[BaseModel], loc: Place) -> list[str]:
    """The settings that are known where an unknown one stands."""
    models = [model]
    for step in loc[:-1]:
        fields = [one.model_fields[step] for one in models if step in one.model_fields]
        inner = [found for field in fields for found in _models(field.annotation)]
        named = [one for one in models if one.__name__ == step]  # a step may also name a member of a union
        models = inner or named or models
    return [field.alias or name for one in models for name, field in one.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)
