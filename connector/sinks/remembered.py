"""Answers of a remote that are asked for again and again within a run: people, groups, field lists."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from connector.clock import Clock

_SIZE = 10_000
_SECONDS = 900.0  # what an admin corrects at the remote is seen by a watching process within this time

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Name, Value]):
    """Asks once for each name and shares the answer among threads; a failed question is asked again."""

    def __init__(self, ask: Callable[[Name], Value], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[Name, tuple[float, Value]] = {}

    def __getitem__(self, name: Name) -> Value:
        now = self._clock.monotonic()
        with self._lock:
            until, value = self._answers.get(name, (now, None))
        if until > now and value is not None:
            return value
        asked = self._ask(name)  # outside the lock: two threads may ask twice, none waits for the other's network
        with self._lock:
            if len(self._answers) >= _SIZE:
                self._answers.clear()
            self._answers[name] = (now + _SECONDS, asked)
        return asked
