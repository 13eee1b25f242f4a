"""Values taken from a document that somebody else wrote: what fits is taken, what nobody took is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, TypeVar

from connector.plugins import Record
from connector.sources.document import cleaned
from connector.sources.text import TEXT_LIMIT, clean, line

FIELD_LIMIT = 255
_FLAGS = {**dict.fromkeys(("true", "yes", "y", "1"), True), **dict.fromkeys(("false", "no", "n", "0"), False)}
_NO_WORDS = (bool, dict, list)
# Keys under which launch frameworks hand over credentials; their values are never kept.
_CREDENTIAL = re.compile(r"(access|refresh|id|bearer|auth)[_-]?token|authorization|client[_-]?secret|password", re.I)
Choice = TypeVar("Choice", bound=StrEnum)


class Given:
    """A JSON object whose known keys are taken one by one. A value of the wrong shape is not taken.

    `left()` is what remains, nested as it came, cleaned, and without credentials.
    """

    __slots__ = ("_inner", "_left")

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._left = dict(value)
        self._inner: dict[str, Given] = {}

    def text(self, name: str, limit: int = TEXT_LIMIT) -> str:
        """A text or number as clean text, empty where there is none."""
        return clean(self._scalar(name), limit) if name in self._left else ""

    def word(self, name: str) -> str:
        """The same as one line of at most 255 characters."""
        return line(self._scalar(name), FIELD_LIMIT) if name in self._left else ""

    def words(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The words under these keys that say something, each by the name that it has in a ticket."""
        left = self._left
        return {
            own: said for key, own in names.items() if key in left and (said := line(self._scalar(key), FIELD_LIMIT))
        }

    def flag(self, name: str) -> bool | None:
        """A truth value, also written as yes or no."""
        value = self._left.get(name)
        said = _FLAGS.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None
        if said is not None:
            del self._left[name]
        return said

    def choice(self, name: str, kind: type[Choice]) -> Choice | None:
        """A member of `kind`, in any case; another word stays where it is."""
        value = self._left.get(name)
        try:
            member = kind(value.strip().lower()) if isinstance(value, str) else None
        except ValueError:
            return None
        if member is not None:
            del self._left[name]
        return member

    def inner(self, name: str) -> Given:
        """The object under `name`, empty where there is none."""
        if name not in self._inner:
            value = self._left.get(name)
            if isinstance(value, dict):
                del self._left[name]
            self._inner[name] = Given(value if isinstance(value, dict) else {})
        return self._inner[name]

    def items(self, name: str) -> list[Any]:
        """The list under `name`; a single value is a list of one, null an empty one."""
        value = self._left.pop(name, None)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def look(self, name: str) -> Any:
        """Whatever is under `name`, left where it is."""
        return self._left.get(name)

    def value(self, name: str) -> Any:
        """Whatever is under `name`, or None."""
        return self._left.pop(name, None)

    def left(self) -> dict[str, Any]:
        """What nobody took."""
        left: dict[str, Any] = tidied(self._left) if self._left else {}
        left.update((name, rest) for name, given in self._inner.items() if (rest := given.left()))
        return left

    def _scalar(self, name: str) -> str:
        value = self._left[name]
        if isinstance(value, _NO_WORDS):
            return ""
        del self._left[name]
        return value if isinstance(value, str) else "" if value is None else str(value)


def tidied(value: Any) -> Any:
    """The same document, cleaned, and without the keys under which tokens and passwords travel."""
    return cleaned(_without_credentials(value))


def _without_credentials(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_credentials(inner) for key, inner in value.items() if not _CREDENTIAL.search(key)}
    if isinstance(value, list):
        return [_without_credentials(inner) for inner in value]
    return value


def texts(value: Any, most: int, limit: int) -> Iterator[str]:
    """The lines that a text, or a list of texts, is made of."""
    parts = value if isinstance(value, list) else [value]
    lines = (said for part in parts[:most] if isinstance(part, str) for said in clean(part).split("\n"))
    for number, said in enumerate(filter(None, (line(said, limit) for said in lines))):
        if number == most:
            return
        yield said


def moment(value: Any, zone: tzinfo) -> datetime | None:
    """A time in UTC: ISO 8601 text, in `zone` where it names none, or epoch seconds or milliseconds as a number."""
    said = _time(value)
    try:
        return said and (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def second(value: Any) -> str:
    """The same time as a word, to the second: in UTC where it names a zone, else as it was written."""
    said = _time(value)
    try:
        if said and said.tzinfo:
            said = said.astimezone(UTC)
    except OverflowError:
        return ""
    return said.isoformat(timespec="seconds") if said else ""


def _time(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value.strip())
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def received(record: Record) -> datetime | None:
    """When the record came in, as far as its file tells."""
    return moment(record.at, UTC)
