"""What one process remembers of what a remote said about its limits, by class of requests; times are monotonic.

The ledger holds the same for all processes by the wall clock. Memory is faster, and no clock that is set ends a hold.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from connector.clock import Clock
from connector.pacing import Spread, Wait
from connector.plugins import Allowance

# What the remote said holds for an hour, and is heard anew when it is older than ten minutes.
VALID, FRESH = 3600.0, 600.0


class Heard:
    """May be used from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._allowed: dict[str, tuple[Allowance, float]] = {}
        self._held: dict[str, float] = {}
        self._slowed: dict[str, tuple[float, float]] = {}

    # ── how much it allows ──

    def allowance(self, kind: str) -> Allowance | None:
        """What the remote said of this class within the hour."""
        said, at = self._allowed.get(kind, (None, 0.0))
        return said if self._clock.monotonic() - at < VALID else None

    def learn(self, said: Allowance) -> bool:
        """Is this news? Rules for several parts of an API show themselves in turn, so the tightest counts."""
        now = self._clock.monotonic()
        known, at = self._allowed.get(said.name, (None, 0.0))
        if known is not None and now - at < FRESH and rate(known) <= rate(said):
            return False
        self._allowed[said.name] = (said, now)
        return True

    # ── others on the same account ──

    def divide(self, said: Allowance, remaining: int, resets: float) -> None:
        """Spread what is left until the count starts anew, if that is less than the allowance would let us send."""
        distance = resets / max(remaining, 1)
        if distance > Spread(said.allowed, said.seconds).interval:
            self._slowed[said.name] = (distance, self._clock.monotonic() + resets)
        else:
            self._slowed.pop(said.name, None)

    def slowed(self, kind: str) -> float:
        """Seconds from unit to unit for the time being, 0 where nothing slows us."""
        distance, until = self._slowed.get(kind, (0.0, 0.0))
        return distance if until > self._clock.monotonic() else 0.0

    # ── holds ──

    def hold(self, name: str, seconds: float) -> None:
        """Nothing of this class for so long; a longer hold stays."""
        with self._lock:
            self._held[name] = max(self._held.get(name, 0.0), self._clock.monotonic() + seconds)

    def left(self, name: str) -> float:
        """Seconds until the hold on this class ends, 0 or less where there is none."""
        return self._held.get(name, 0.0) - self._clock.monotonic()

    def held(self, names: Iterable[str]) -> Wait | None:
        """The longest hold on any of these."""
        waits = [Wait(name, left, True) for name in names if (left := self.left(name)) > 0]
        return max(waits, key=lambda wait: wait.seconds, default=None)

    def forget(self) -> None:
        """Drop the holds that have ended."""
        with self._lock:
            now = self._clock.monotonic()
            self._held = {name: until for name, until in self._held.items() if until > now}


def rate(allowance: Allowance) -> float:
    """Units a second."""
    return allowance.allowed / allowance.seconds
