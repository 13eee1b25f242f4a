"""Named transforms: small functions on one value, by the name that a mapping and a template call them.

Each is registered with what it takes and what it gives, so that a mapping is checked before any ticket is seen.
A transform of texts is applied to every item of a list. An empty value never reaches a transform.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, create_model

from connector.fields import Kind, Shape, text_of
from connector.ticket import Person

Apply = Callable[[Any], Any]

TEXT_LIMIT = 200_000  # characters that a transform reads of one text
ELLIPSIS = "…"

_TEXT = Shape(Kind.TEXT)
_TEXTS = Shape(Kind.TEXT, many=True)
_PERSON = Shape(Kind.PERSON)


@dataclass(frozen=True, slots=True)
class Transform:
    """A transform by name. `make` checks nothing: use `arguments` first."""

    name: str
    make: Callable[..., Apply]
    arguments: type[BaseModel]
    takes: Kind
    whole_list: bool
    gives: Shape | None

    @property
    def first_argument(self) -> str | None:
        """The argument that `name: VALUE` stands for, or None where there are no arguments."""
        return next(iter(self.arguments.model_fields), None)

    @property
    def help(self) -> str:
        return inspect.getdoc(self.make) or ""


TRANSFORMS: dict[str, Transform] = {}

Make = Callable[..., Apply]


def _transform(
    name: str, *, takes: Kind = Kind.TEXT, gives: Shape | None = None, whole_list: bool = False
) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        arguments: dict[str, Any] = {
            key: (part.annotation, ... if part.default is part.empty else part.default)
            for key, part in inspect.signature(make, eval_str=True).parameters.items()
        }
        model = create_model(
            f"{name}_arguments", __config__=ConfigDict(extra="forbid", strict=True, frozen=True), **arguments
        )
        TRANSFORMS[name] = Transform(name, make, model, takes, whole_list, gives)
        return make

    return register


def texts(apply: Callable[[str], Any]) -> Apply:
    """The same function for any plain value, and for every item of a list."""

    def on_any(value: Any) -> Any:
        if isinstance(value, tuple | list):
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
def replace(
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
    return value if isinstance(value, tuple | list) else (value,)


@_transform("join", gives=_TEXT, whole_list=True)
def join(separator: Annotated[str, Field(max_length=100)] = ", ") -> Apply:
    """One text from a list."""
    return lambda value: separator.join(filter(None, map(text_of, _items(value))))


@_transform("first", whole_list=True)
def first() -> Apply:
    """The first item of a list."""
    return lambda value: _items(value)[0]


@_transform("limit", gives=_TEXTS, whole_list=True)
def limit(count: Annotated[int, Field(ge=1, le=1000)]) -> Apply:
    """No more than so many items of a list."""
    return lambda value: list(_items(value)[:count])


@_transform("tag_list", gives=_TEXTS, whole_list=True)
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


@_transform("local_time", takes=Kind.TIME, gives=_TEXT)
def local_time(
    zone: Annotated[str, Field(max_length=60), AfterValidator(_zone)],
    format: Annotated[str, Field(max_length=60), AfterValidator(_time_format)] = "%Y-%m-%d %H:%M",
) -> Apply:
    """A time as clocks in `zone` show it."""
    there = ZoneInfo(zone)

    def shown(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return [shown(item) for item in value]
        if not isinstance(value, datetime):
            raise ValueError("this is not a time")
        return value.astimezone(there).strftime(format)

    return shown


def person_object(person: Person) -> dict[str, str] | None:
    """What a sink needs to find a person, or None where nothing is known of them."""
    known = {"email": person.email.strip(), "login": person.login.strip(), "name": person.name.strip()}
    return known if any(known.values()) else None


@_transform("person", takes=Kind.PERSON, whole_list=True)
def person() -> Apply:
    """A person as the sink looks one up: by e-mail, login and name."""

    def look_up(value: Any) -> Any:
        if isinstance(value, Person):
            return person_object(value)
        return [found for found in map(person_object, value) if found]

    return look_up


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────


def accepts(transform: Transform, shape: Shape) -> bool:
    """Can the transform be given values of this shape?"""
    if transform.takes is Kind.PERSON:
        return shape.kind is Kind.PERSON
    if transform.takes is Kind.TIME:
        return shape.kind in (Kind.TIME, Kind.ANY)
    if transform.name in ("join", "first", "limit") and not shape.many and shape.kind is not Kind.ANY:
        return False
    return shape.kind in (Kind.TEXT, Kind.NUMBER, Kind.FLAG, Kind.TIME, Kind.ANY) or shape.said


def after(transform: Transform, shape: Shape) -> Shape:
    """The shape of what comes out."""
    if transform.name == "first":
        return Shape(shape.kind, members=shape.members, model=shape.model, said=shape.said)
    if transform.gives is not None:
        return Shape(transform.gives.kind, many=transform.gives.many or (shape.many and not transform.whole_list))
    if transform.takes is Kind.PERSON:
        return Shape(Kind.ANY, many=shape.many)
    return Shape(Kind.TEXT, many=shape.many)


def arguments(transform: Transform, given: Any) -> Mapping[str, Any]:
    """The arguments that a mapping wrote: none, one value, or a table of names. Raises pydantic.ValidationError."""
    if given is None:
        given = {}
    elif not isinstance(given, dict):
        given = {transform.first_argument or "argument": given}
    checked = TypeAdapter(transform.arguments).validate_python(given)
    return {name: getattr(checked, name) for name in transform.arguments.model_fields}
