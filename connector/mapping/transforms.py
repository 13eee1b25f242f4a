"""Named transforms: small functions on one value, by the name that a mapping and a template call them.

Each is registered with what it takes and what it gives, so that a mapping is checked before any ticket is seen.
A transform of texts is applied to every item of a list. An empty value never reaches a transform.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from connector.fields import Kind, Shape, text_of
from connector.ticket import Person

Apply = Callable[[Any], Any]

TEXT_LIMIT = 200_000  # characters that a transform reads of one text
ELLIPSIS = "…"

Fits = Callable[[Shape], bool]
Gives = Callable[[Shape], Shape]
Make = Callable[..., Apply]


@dataclass(frozen=True, slots=True)
class Transform:
    """A transform by name: what it `takes` in words, and whether a shape fits; what it `gives` for a shape.

    `make` checks nothing: use `arguments` first.
    """

    name: str
    make: Make
    arguments: type[BaseModel]
    takes: str
    fits: Fits
    gives: Gives

    @property
    def help(self) -> str:
        return inspect.getdoc(self.make) or ""


TRANSFORMS: dict[str, Transform] = {}


def _is_text(shape: Shape) -> bool:
    return shape.kind in (Kind.TEXT, Kind.NUMBER, Kind.FLAG, Kind.TIME, Kind.ANY) or shape.said


def _is_list(shape: Shape) -> bool:
    return shape.many or shape.kind is Kind.ANY


def _is_list_of_texts(shape: Shape) -> bool:
    return _is_list(shape) and _is_text(shape)


def _as_text(shape: Shape) -> Shape:
    return Shape(Kind.TEXT, many=shape.many)


def _one_text(shape: Shape) -> Shape:
    return Shape(Kind.TEXT)


def _same(shape: Shape) -> Shape:
    return shape


def _transform(
    name: str, takes: str = "text", fits: Fits = _is_text, gives: Gives = _as_text
) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        given: dict[str, Any] = {
            key: (part.annotation, ... if part.default is part.empty else part.default)
            for key, part in inspect.signature(make, eval_str=True).parameters.items()
        }
        config = ConfigDict(extra="forbid", strict=True, frozen=True)
        model = create_model(f"{name}_arguments", __config__=config, **given)
        TRANSFORMS[name] = Transform(name, make, model, takes, fits, gives)
        return make

    return register


def texts(apply: Callable[[str], Any]) -> Apply:
    """The same function for any plain value, and for every item of a list."""

    def on_any(value: Any) -> Any:
        if type(value) is str:
            return apply(value[:TEXT_LIMIT])
        if isinstance(value, (tuple, list)):
            return [apply(text_of(item)[:TEXT_LIMIT]) for item in value]
        return apply(text_of(value)[:TEXT_LIMIT])

    return on_any


def shorten(text: str, length: int, end: str = ELLIPSIS) -> str:
    """At most `length` characters, the last of them `end` where something was cut."""
    if len(text) <= length:
        return text
    return text[: max(length - len(end), 0)].rstrip() + end[:length]


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@_transform("truncate")
def truncate(
    length: Annotated[int, Field(ge=1, le=1_000_000)], end: Annotated[str, Field(max_length=40)] = ELLIPSIS
) -> Apply:
    """No longer than so many characters; a cut is shown by `…`."""
    return texts(lambda text: shorten(text, length, end))


@_transform("first_line")
def first_line() -> Apply:
    """The first line that is not blank."""
    return texts(lambda text: text.strip().split("\n", 1)[0].strip())


@_transform("one_line")
def one_line() -> Apply:
    """All white space, line ends too, becomes single blanks."""
    return texts(lambda text: " ".join(text.split()))


@_transform("lower")
def lower() -> Apply:
    """Small letters."""
    return texts(str.lower)


@_transform("upper")
def upper() -> Apply:
    """Capital letters."""
    return texts(str.upper)


@_transform("prefix")
def prefix(text: Annotated[str, Field(max_length=1000)]) -> Apply:
    """Put a text before it."""
    return texts(lambda value: text + value)


@_transform("suffix")
def suffix(text: Annotated[str, Field(max_length=1000)]) -> Apply:
    """Put a text behind it."""
    return texts(lambda value: value + text)


@_transform("replace")
def replace_text(
    old: Annotated[str, Field(min_length=1, max_length=1000)], new: Annotated[str, Field(max_length=1000)] = ""
) -> Apply:
    """Replace one text by another wherever it stands; not a pattern."""
    return texts(lambda value: value.replace(old, new))


@_transform("indent")
def indent(width: Annotated[int, Field(ge=1, le=40)] = 2) -> Apply:
    """Put blanks before every line."""
    blanks = " " * width
    return texts(lambda value: "\n".join(blanks + line if line else line for line in value.split("\n")))


@_transform("strip_html")
def strip_html() -> Apply:
    """The text that a browser would show for HTML."""
    from inscriptis import get_text

    return texts(lambda text: get_text(text).strip() if "<" in text or "&" in text else text)


@_transform("escape_code")
def escape_code() -> Apply:
    """Break `[code]` marks, between which a ServiceNow journal would show HTML."""
    mark = re.compile(r"\[(?=/?code\])", re.IGNORECASE)
    return texts(lambda text: mark.sub("[ ", text))


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (tuple, list)) else (value,)


@_transform("join", "a list", _is_list_of_texts, _one_text)
def join(separator: Annotated[str, Field(max_length=100)] = ", ") -> Apply:
    """One text from a list."""
    return lambda value: separator.join(filter(None, map(text_of, _items(value))))


@_transform("first", "a list", _is_list, lambda shape: replace(shape, many=False))
def first() -> Apply:
    """The first item of a list."""
    return lambda value: _items(value)[0]


@_transform("limit", "a list", _is_list, _same)
def limit(count: Annotated[int, Field(ge=1, le=1000)]) -> Apply:
    """No more than so many items of a list."""
    return lambda value: list(_items(value)[:count])


@_transform("tag_list", "text", _is_text, lambda shape: Shape(Kind.TEXT, many=True))
def tag_list(prefix: Annotated[str, Field(max_length=40, pattern="^[a-z0-9_]*$")] = "") -> Apply:
    """Tags: small letters, digits and `_`, each once, in order. Other characters become `_`."""
    other = re.compile(r"[^\w/-]+")

    def tags(value: Any) -> list[str]:
        made = (other.sub("_", text_of(item)[:200].lower()).strip("_") for item in _items(value))
        return list(dict.fromkeys(prefix + tag for tag in made if tag))

    return tags


# ── times and people ─────────────────────────────────────────────────────────────────────────────────────────────


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"there is no time zone {name}: write one like Europe/Berlin or UTC") from None
    return name


def _time_format(pattern: str) -> str:
    try:
        shown = datetime(2026, 1, 31, 10, 0, tzinfo=UTC).strftime(pattern)
    except (ValueError, UnicodeError):
        shown = ""
    if not shown or len(shown) > 200:
        raise ValueError('this is not a time format: write one like "%Y-%m-%d %H:%M"')
    return pattern


@_transform("local_time", "a time", lambda shape: shape.kind in (Kind.TIME, Kind.ANY))
def local_time(
    zone: Annotated[str, Field(max_length=60), AfterValidator(_zone)],
    format: Annotated[str, Field(max_length=60), AfterValidator(_time_format)] = "%Y-%m-%d %H:%M",
) -> Apply:
    """A time as clocks in `zone` show it."""
    there = ZoneInfo(zone)

    def shown(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return [shown(item) for item in value]
        if not isinstance(value, datetime):
            raise ValueError("this is not a time")
        return value.astimezone(there).strftime(format)

    return shown


def person_object(person: Person) -> dict[str, str] | None:
    """What a sink needs to find a person, or None where nothing is known of them."""
    known = {"email": person.email.strip(), "login": person.login.strip(), "name": person.name.strip()}
    return known if any(known.values()) else None


@_transform(
    "person", "a person", lambda shape: shape.kind is Kind.PERSON, lambda shape: Shape(Kind.ANY, many=shape.many)
)
def person() -> Apply:
    """A person as the sink looks one up: by e-mail, login and name."""

    def look_up(value: Any) -> Any:
        if isinstance(value, Person):
            return person_object(value)
        return [found for found in map(person_object, value) if found]

    return look_up


def arguments(transform: Transform, given: Any) -> Mapping[str, Any]:
    """The arguments that a mapping wrote: none, one value, or a table of names. Raises pydantic.ValidationError."""
    names = list(transform.arguments.model_fields)
    if not isinstance(given, dict):
        given = {} if given is None else {names[0] if names else "value": given}
    checked = transform.arguments.model_validate(given)
    return {name: getattr(checked, name) for name in names}
