"""What a ticket holds, by name: the dotted paths that mappings and routes may use, checked against the model.

A path goes through models (`requester.email`), through lists, where it means that field of every item
(`records.type`), and through tables, where any name may follow (`conversation.slots.NAME`, `extra.NAME`).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from connector.ticket import Attachment, BuildRecord, Person, Ticket
from connector.yamlfile import suggestion

Getter = Callable[[Any], Any]


class Kind(StrEnum):
    """What sort of value a path leads to."""

    TEXT = "text"
    NUMBER = "a number"
    FLAG = "true or false"
    TIME = "a time"
    PERSON = "a person"
    GROUP = "a group of fields"
    TABLE = "a table of names and values"
    ANY = "anything"


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a path's value before any ticket is seen.

    `members` names all values there can be, where that is known; `said` marks a group that has a text of its own,
    such as a build record. `straight` paths never meet a missing part, a list or a table on their way. A `barred`
    name holds patient data that the reader may not see.
    """

    kind: Kind
    many: bool = False
    members: tuple[str, ...] = ()
    model: type[BaseModel] | None = None
    item: Any = None
    optional: bool = False
    said: bool = False
    straight: bool = True
    barred: bool = False

    def __str__(self) -> str:
        return f"a list ({self.kind})" if self.many else str(self.kind)


class UnknownName(Exception):
    """No ticket has such a field. `what` and `remedy` are for a finding."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} ({remedy})" if remedy else what)
        self.what = what
        self.remedy = remedy


_SIMPLE: Mapping[type, Kind] = {
    str: Kind.TEXT,
    bool: Kind.FLAG,
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    datetime: Kind.TIME,
}


def shape_of(annotation: Any) -> Shape:
    """The shape that a type annotation of the ticket model stands for."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        (only,) = (part for part in inner if part is not type(None))
        shape = shape_of(only)
        return replace(shape, optional=True)
    if origin is tuple:
        return replace(shape_of(inner[0]), many=True)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Shape(Kind.TABLE, item=inner[1])
    if not isinstance(annotation, type):
        return Shape(Kind.ANY)
    if issubclass(annotation, StrEnum):
        return Shape(Kind.TEXT, members=tuple(str(member) for member in annotation))
    if issubclass(annotation, BaseModel):
        kind = Kind.PERSON if annotation is Person else Kind.GROUP
        return Shape(kind, model=annotation, said=annotation in (BuildRecord, Attachment))
    return Shape(_SIMPLE.get(annotation, Kind.ANY))


TICKET: Mapping[str, Shape] = {name: shape_of(field.annotation) for name, field in Ticket.model_fields.items()}


def look_up(path: str, names: Mapping[str, Shape] = TICKET) -> Shape:
    """The shape of the value that `path` leads to; raises UnknownName with the nearest name there is."""
    first, *rest = path.split(".")
    if first not in names:
        raise UnknownName(f'no ticket has a field "{path}"', suggestion(path, paths(names)))
    shape = names[first]
    if shape.barred:
        raise UnknownName(
            f'"{first}" counts as patient data, and this sink may not see it', "leave it out, or set `clearance: full`"
        )
    for depth, step in enumerate(rest, start=1):
        shape = _step(shape, step, path, ".".join((first, *rest[: depth - 1])))
    return shape


def _step(shape: Shape, step: str, path: str, so_far: str) -> Shape:
    if shape.kind is Kind.TABLE and step:
        return replace(shape_of(shape.item), many=shape.many, optional=True, straight=False)
    if shape.kind is Kind.ANY and step:
        return replace(shape, optional=True, straight=False)
    if shape.model is None:
        raise UnknownName(f'"{so_far}" is {shape} and has no field "{step}"', "")
    field = shape.model.model_fields.get(step)
    if field is None:
        near = suggestion(f"{so_far}.{step}", (f"{so_far}.{name}" for name in shape.model.model_fields))
        raise UnknownName(f'no ticket has a field "{path}"', near)
    below = shape_of(field.annotation)
    straight = shape.straight and not shape.many and not shape.optional
    return replace(below, many=shape.many or below.many, optional=shape.optional or below.optional, straight=straight)


def paths(names: Mapping[str, Shape] = TICKET, deepest: int = 3) -> Iterable[str]:
    """Every path with a name known before any ticket is seen, groups before what they hold."""
    for name, shape in names.items():
        yield name
        if shape.model is not None and deepest > 1:
            below = {key: shape_of(field.annotation) for key, field in shape.model.model_fields.items()}
            yield from (f"{name}.{path}" for path in paths(below, deepest - 1))


def getter(path: str, names: Mapping[str, Shape] = TICKET) -> Getter:
    """A function from the thing that holds `names` as attributes to the value at `path`.

    It answers None where a part is missing, and a flat tuple where the way leads through a list.
    """
    if look_up(path, names).straight:
        return attrgetter(path)
    first, *rest = path.split(".")
    start = attrgetter(first)
    return lambda subject: follow(start(subject), rest)


def follow(value: Any, steps: Sequence[str]) -> Any:
    """The value that lies `steps` below `value`, by the same rules as `getter`."""
    for depth, step in enumerate(steps):
        if isinstance(value, _MANY):
            found = (follow(item, steps[depth:]) for item in value)
            return tuple(_flat(item for item in found if item is not None))
        if isinstance(value, Mapping):
            value = value.get(step)
        else:
            value = getattr(value, step) if isinstance(value, BaseModel) else None
    return value


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, _MANY):
            yield from value
        else:
            yield value


_MANY = (tuple, list)  # named once: a union written in place is built anew at every call
_HOLDING = (tuple, list, dict)


def filled(value: Any) -> bool:
    """Is there something? False and 0 are something; blank text and empty lists are not."""
    if isinstance(value, str):
        return value != "" and not value.isspace()
    return value is not None and (not isinstance(value, _HOLDING) or len(value) > 0)


def text_of(value: Any) -> str:
    """One value as text: `true`, `3`, `2026-01-31T10:00:00Z`, a record's `ETX 3097767`, a file's name."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, Attachment):
        return value.name
    if isinstance(value, _MANY):
        return ", ".join(text_of(item) for item in value)
    return str(value)
