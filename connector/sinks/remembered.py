"""Answers of a remote that are asked for again and again within a run: people, groups, field lists."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from connector.clock import Clock

_SIZE = 10_000
_SECONDS = 900.0  # what an admin corrects at the remote is seen by a watching process within this time

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Name, Value]):
    """Asks once for each name and shares the answer among threads, also among those that want it at the same moment.
    What failed is asked again by whoever wants it later."""

    def __init__(self, ask: Callable[[Name], Value], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[Name, tuple[float, Value]] = {}
        self._asked: dict[Name, Future[Value]] = {}

    def __getitem__(self, name: Name) -> Value:
        value = self._known(name)
        if value is not None:
            return value
        with self._lock:
            asked = self._asked.get(name)
            mine = self._asked.setdefault(name, Future())
        return asked.result() if asked is not None else self._answered(name, mine)

    def _answered(self, name: Name, asked: Future[Value]) -> Value:
        """Ask, outside the lock: only who wants the same waits for it."""
        try:
            value = self._ask(name)
            self._keep({name: value})
            asked.set_result(value)
        except BaseException as error:
            asked.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._asked[name]
        return value

    def ahead(self, names: Iterable[Name], ask: Callable[[Sequence[Name]], Mapping[Name, Value]]) -> None:
        """Ask for many in one go, those known already aside. What `ask` leaves out is asked for when it is needed."""
        unknown = [name for name in dict.fromkeys(names) if self._known(name) is None]
        if len(unknown) > 1:
            self._keep(ask(unknown))

    def _known(self, name: Name) -> Value | None:
        now = self._clock.monotonic()
        with self._lock:
            until, value = self._answers.get(name, (now, None))
        return value if until > now else None

    def _keep(self, answers: Mapping[Name, Value]) -> None:
        until = self._clock.monotonic() + _SECONDS
        with self._lock:
            if len(self._answers) + len(answers) > _SIZE:
                self._answers.clear()
            self._answers.update((name, (until, value)) for name, value in answers.items())
