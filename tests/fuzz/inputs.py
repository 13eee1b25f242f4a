"""Inputs made from samples: the same seed and number give the same bytes on every machine."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

LIMIT = 1 << 20
_BYTES = (
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"1e999",
    b'"',
    b"\\",
    b"null",
    b"\r\n\r\n",
    b"[" * 300,
    b'{"a":' * 300,
    b"=?utf-8?b?" * 40,
    b"(" * 5000,
    b" " * 5000,
    b"A" * 5000,
    b"9" * 400,
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    10**30,
    "",
    " ",
    "\x00",
    "\ud800",
    "#",
    "/",
    "a" * 300,
    "=" * 300,
    "data:;base64,",
    [],
    {},
    [None],
    [[]],
    {"": None},
)

Change = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def made(samples: Sequence[bytes], seed: int, number: int) -> bytes:
    """Input `number` of a run: bytes of any kind, or a sample changed one to four times."""
    dice = random.Random(f"{seed}:{number}")
    if not samples or dice.random() < 0.02:
        return dice.randbytes(dice.randrange(400))
    data = dice.choice(samples)
    changes = dice.choice((_OF_BYTES, (_valued,)))  # one stray byte, and no change after it gets beyond a parser
    for _ in range(dice.randint(1, 4)):
        data = dice.choice(changes)(dice, data, samples)
    return data[:LIMIT]


def _cut(dice: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    start, end = _span(dice, data)
    return data[:start] + data[end:]


def _doubled(dice: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    start, end = _span(dice, data)
    return data[:end] + data[start:end] * dice.choice((1, 1, 1, 50)) + data[end:]


def _put(dice: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    at = dice.randint(0, len(data))
    return data[:at] + dice.choice(_BYTES) + data[at + dice.randrange(3) :]


def _flipped(dice: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(changed), dice.randint(1, 8))):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def _spliced(dice: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    other = dice.choice(samples)
    return data[: dice.randint(0, len(data))] + other[dice.randint(0, len(other)) :]


def _valued(dice: random.Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    """JSON that stays JSON: a value becomes another one, of the document, of another sample, or an odd one."""
    try:
        document, other = json.loads(data), json.loads(dice.choice(samples))
    except (ValueError, RecursionError):
        return _flipped(dice, data, samples)
    holders = [holder for holder in _holders(document) if holder]
    if not holders:
        return data
    holder = dice.choice(holders)
    key = dice.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key] = dice.choice((dice.choice(_VALUES), dice.choice([other, *_holders(other)]), [holder[key]] * 3))
    return json.dumps(document).encode()


def _holders(document: Any) -> list[Any]:
    """The objects and arrays of a document, itself first."""
    found, waiting = [], [document]
    while waiting and len(found) < 2000:
        value = waiting.pop()
        if isinstance(value, dict | list):
            found.append(value)
            waiting.extend(value.values() if isinstance(value, dict) else value)
    return found


def _span(dice: random.Random, data: bytes) -> tuple[int, int]:
    start = dice.randint(0, len(data))
    return start, min(len(data), start + dice.choice((1, 4, 40, 400)))


_OF_BYTES: Sequence[Change] = (_cut, _doubled, _put, _flipped, _spliced)
