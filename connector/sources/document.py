"""JSON from outside, read within bounds (RFC 8259)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from connector.errors import ConnectorError, Finding
from connector.sources.text import clean

DOCUMENT_BYTES = 16 * 1024 * 1024
DEPTH = 64
VALUES = 150_000  # a value costs a hundred times its bytes in memory, so the size in bytes bounds little
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,40}")


class Unreadable(ConnectorError):
    """Bytes that are not what they should be; `code` as in `Finding`. Quotes nothing of the content."""

    def __init__(self, code: str, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.code = code

    def at(self, place: str) -> Finding:
        """The same as a finding about a record."""
        return Finding(self.code, place, self.what, self.remedy)


def decode(data: bytes) -> str:
    """Bytes as text: UTF-16 and -32 by their BOM or their zeros, else UTF-8, else Windows-1252, which never fails.

    A help request is not lost for an accent that an old export wrote in the code page of its machine.
    """
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252" if encoding.startswith("utf-8") else encoding, "replace")


def parse(data: bytes, max_bytes: int = DOCUMENT_BYTES, depth: int = DEPTH, values: int = VALUES) -> Any:
    """The JSON document in `data`.

    Raises Unreadable for what is too large, holds more than `values` values (commas in texts count too), is nested
    deeper than `depth`, not JSON, NaN or infinite, or an object that says the same key twice (RFC 8259 leaves open
    which one counts).
    """
    if len(data) > max_bytes:
        raise Unreadable(
            "too-large", f"{len(data):,} bytes; {max_bytes:,} are read at most", "split it or make it smaller"
        )
    if len(data) > values and data.count(b",") + data.count(b"[") + data.count(b"{") > values:
        raise Unreadable("too-many-values", f"more than {values:,} values", "split it or make it smaller")
    if not data.strip():
        raise Unreadable("empty", "there is nothing in it", "see whether whatever writes it was interrupted")
    try:
        value = _DECODER.decode(decode(data))
    except RecursionError:
        raise _too_deep(depth) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        what = error.msg.removesuffix(" at")  # "Unterminated string starting at"
        raise Unreadable("not-json", f"not JSON: {what} at {where}", "see whether it was cut off") from None
    if data.count(b"{") + data.count(b"[") > depth and _deeper(value, depth):
        raise _too_deep(depth)
    return value


def cleaned(value: Any) -> Any:
    """The same document with all its texts cleaned, keys included; other values as they are.

    Keys that are then the same are told apart by their position.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        made: dict[str, Any] = {}
        for number, (key, inner) in enumerate(value.items(), 1):
            name = clean(key)
            made[name if name not in made else f"{name} ({number})"] = cleaned(inner)
        return made
    if isinstance(value, list):
        return [cleaned(inner) for inner in value]
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    name = f"key {twice}" if _PLAIN_KEY.fullmatch(twice) else "a key"
    raise Unreadable("duplicate-key", f"{name} occurs twice in one object", "write it once")


def _constant(word: str) -> Any:
    raise Unreadable("not-a-number", f"{word} is not a JSON value", "write null or a number")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Unreadable("not-a-number", "a number is too large for any machine", "write it as text")
    return value


def _int(digits: str) -> int:
    if len(digits) > 300:
        raise Unreadable("not-a-number", "a number has more than 300 digits", "write it as text")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int)


def _too_deep(depth: int) -> Unreadable:
    return Unreadable("too-deep", f"nested deeper than {depth} levels", "flatten it")


def _deeper(value: Any, depth: int) -> bool:
    level: list[Any] = [value]
    for _ in range(depth + 1):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
