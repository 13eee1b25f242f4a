"""The entries of a transcript, as far as platforms write them alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from connector.sources.document import Unreadable, parse
from connector.sources.given import moment
from connector.sources.text import clean, line

TEXT_LIMIT = 4000
FILES = "[files were sent; they stay with the bot]"
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
_LOGS = ("events", "logEvents", "entries")
_LOG_ROW = frozenset({"id", "eventId", "timestamp", "ingestionTime", "logStreamName", "message"})

Entry = dict[str, Any]


def at(entry: Entry, zone: tzinfo, key: str = "timestamp") -> datetime | None:
    """When it happened."""
    return moment(entry.get(key), zone)


def text(entry: Entry) -> str:
    """What was said, clean, 4,000 characters at most."""
    return spoken(entry.get("text"))


def spoken(value: Any) -> str:
    """The same for a text that stands elsewhere; empty for anything else."""
    return clean(value, TEXT_LIMIT) if isinstance(value, str) else ""


def word(value: Any) -> str:
    """A text as one line of at most 255 characters; empty for anything else."""
    return line(value, 255) if isinstance(value, str) else ""


def first_word(entry: Mapping[str, Any], *keys: str) -> str:
    """The first word under these keys, empty where there is none."""
    return next((said for key in keys if (said := word(entry.get(key)))), "")


def inner(entry: Mapping[str, Any], *names: str) -> Entry:
    """The object under `name`, or further down under several names, empty where there is none."""
    value: Any = entry
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Entry]:
    """The objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts_of(items: Sequence[Entry], *keys: str) -> list[str]:
    """The texts that objects hold under some keys."""
    return [said for item in items for key in keys if isinstance(said := item.get(key), str)]


def known(**fields: str) -> dict[str, str]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value}


def turns(document: Any, *lists: str) -> list[Entry]:
    """The objects that a document is, lists, or holds in a list under one of some keys."""
    if isinstance(document, dict):
        held = next((document[name] for name in lists if isinstance(document.get(name), list)), None)
        return [document] if held is None else objects(held)
    return objects(document)


def apart(document: Any, entries: Iterable[Entry], session: Callable[[Entry], str]) -> list[Any]:
    """The talks in a document: itself where all its entries are of one session, else the entries of each."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(session(entry), []).append(entry)
    return [document] if len(found) < 2 else list(found.values())


def ordered(
    entries: Sequence[Entry], when: Callable[[Entry], datetime | None], utterance: Callable[[Entry], bool]
) -> list[Entry]:
    """By time where every utterance has one, else as listed; what has no time stays behind what it follows."""
    last, keyed = _EPOCH, []
    for entry in entries:
        moment_ = when(entry)
        if moment_ is None and utterance(entry):
            return list(entries)
        last = moment_ or last
        keyed.append((last, entry))
    return [entry for _, entry in sorted(keyed, key=lambda pair: pair[0])]


def once(entries: Iterable[Entry], name: Callable[[Entry], str]) -> list[Entry]:
    """Without those that were delivered a second time; what has no name is kept."""
    seen: set[str] = set()
    return [entry for entry in entries if not (own := name(entry)) or not (own in seen or seen.add(own))]  # type: ignore[func-returns-value]


def unlogged(document: Any) -> Any:
    """What a cloud's log holds: the objects in `message` texts (CloudWatch) or under `jsonPayload` (Cloud Logging).

    A document that is no log stays as it is.
    """
    rows = turns(document, *_LOGS)
    held = [found for row in rows if (found := _logged(row)) is not None]
    if not held:
        return document
    return held[0] if len(held) == 1 and rows == [document] else held


def _logged(row: Entry) -> Entry | None:
    payload, message = row.get("jsonPayload"), row.get("message")
    if isinstance(payload, dict):
        return {"timestamp": row.get("timestamp"), **payload}
    if not (isinstance(message, str) and message[:1] == "{" and row.keys() <= _LOG_ROW):
        return None
    try:
        said = parse(message.encode("utf-8", "surrogatepass"))
    except Unreadable:
        return None
    return {"timestamp": row.get("timestamp"), **said} if isinstance(said, dict) else None


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
