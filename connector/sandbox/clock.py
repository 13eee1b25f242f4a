"""Sandbox time: the machine's clock plus what was added by hand, with timers that run when it passes them."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache


class Clock:
    """Seconds since the epoch as both emulated systems see them.

    Everything that happens "later" (late commits, job steps) is a timer here: timers run in the order of
    their moments, each seeing its own moment as `now()`, so one big `advance` tells the same story as many small ones.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._ahead = 0.0
        self._moment: float | None = None
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Seconds since the epoch in the sandbox."""
        return self._moment if self._moment is not None else time.time() + self._ahead

    @property
    def waiting(self) -> int:
        """How many timers have not run yet."""
        return len(self._timers)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Run `action` as soon as `seconds` of sandbox time have passed."""
        with self._lock:
            heapq.heappush(self._timers, (self.now() + seconds, next(self._order), action))

    def soon(self, seconds: float, action: Callable[[], object]) -> None:
        """As `later`, but at once where no time is to pass."""
        if seconds > 0:
            self.later(seconds, action)
        else:
            action()

    def run_due(self) -> None:
        """Run what is due, oldest first."""
        if not self._timers or self._moment is not None:
            return
        with self._lock:
            self._run_until(self.now())

    def advance(self, seconds: float) -> None:
        """Move the clock forward and run every timer on the way. Negative values are refused with `ValueError`."""
        if seconds < 0:
            raise ValueError("the sandbox clock only moves forward")
        with self._lock:
            self._run_until(self.now() + seconds)
            self._ahead += seconds

    def settle(self) -> None:
        """Advance until nothing waits any more."""
        with self._lock:
            while self._timers:
                self.advance(max(self._timers[0][0] - self.now(), 0.0))

    def reset(self) -> None:
        """Back to the machine's time; timers that have not run are forgotten."""
        with self._lock:
            self._ahead = 0.0
            self._timers.clear()

    def _run_until(self, moment: float) -> None:
        while self._timers and self._timers[0][0] <= moment:
            due, _, action = heapq.heappop(self._timers)
            self._moment = due
            try:
                action()
            finally:
                self._moment = None


@lru_cache(maxsize=256)
def http_date(seconds: int) -> str:
    """A `Date` header (RFC 9110)."""
    return formatdate(seconds, usegmt=True)


@lru_cache(maxsize=256)
def iso(seconds: int) -> str:
    """`2026-01-31T10:00:00Z`, Zendesk's form."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@lru_cache(maxsize=256)
def plain(seconds: int) -> str:
    """`2026-01-31 10:00:00`, ServiceNow's form: UTC without a zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
