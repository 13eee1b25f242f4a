"""The entries of a transcript, as far as platforms write them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from connector.sources.given import moment
from connector.sources.text import clean, line

TEXT_LIMIT = 4000
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)

Entry = dict[str, Any]


def at(entry: Entry, zone: tzinfo) -> datetime | None:
    """When it happened."""
    return moment(entry.get("timestamp"), zone)


def text(entry: Entry) -> str:
    """What was said, clean, 4,000 characters at most."""
    said = entry.get("text")
    return clean(said, TEXT_LIMIT) if isinstance(said, str) else ""


def word(value: Any) -> str:
    """A text as one line of at most 255 characters; empty for anything else."""
    return line(value, 255) if isinstance(value, str) else ""


def inner(entry: Mapping[str, Any], name: str) -> Entry:
    """The object under `name`, empty where there is none."""
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Entry]:
    """The objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts_of(items: Sequence[Entry], *keys: str) -> list[str]:
    """The texts that objects hold under some keys."""
    return [said for item in items for key in keys if isinstance(said := item.get(key), str)]


def ordered(entries: Sequence[Entry], zone: tzinfo, utterance: Callable[[Entry], bool]) -> list[Entry]:
    """By time where every utterance has one, else as listed; what has no time stays behind what it follows."""
    last, keyed = _EPOCH, []
    for entry in entries:
        when = at(entry, zone)
        if when is None and utterance(entry):
            return list(entries)
        last = when or last
        keyed.append((last, entry))
    return [entry for _, entry in sorted(keyed, key=lambda pair: pair[0])]


def score(value: Any) -> float | None:
    """A confidence written as a number, as text, or as `{"score": n}`; None outside 0 to 1."""
    found = value.get("score") if isinstance(value, dict) else value
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    try:
        number = float(found)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= 1 else None
