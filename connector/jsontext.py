"""JSON as it is kept and heard: one spelling for equal values, and a fast way to read."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_write = msgspec.json.Encoder(order="sorted").encode
_write_anything = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
_read = msgspec.json.Decoder().decode
_SURROGATE = re.compile("[\ud800-\udfff]")


def dump(value: Any) -> str:
    """JSON with one spelling: equal values give equal text. Any database can hold it, lone surrogates included."""
    try:
        return _write(value).decode()
    except (TypeError, UnicodeEncodeError):  # keys that are no texts, and half a surrogate pair
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", _write_anything(value))


def dump_ascii(value: Any) -> bytes:
    """The same for equal values, in bytes that need no encoding to be agreed on."""
    said = dump(value)
    return said.encode() if said.isascii() else json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def load(text: str | bytes) -> Any:
    """What the standard library's `json.loads` makes of it, in a third of the time. Raises ValueError and
    RecursionError as that does."""
    try:
        return _read(text)
    except ValueError:  # NaN, half a surrogate pair, numbers beyond all floats; or no JSON at all
        return json.loads(text)
