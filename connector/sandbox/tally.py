"""What a client did to its limits, as the remote saw it: the figures of benches and assertions."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.messages import Answer, Call

# A request may be on its way already when the client is told to wait.
_GRACE = 0.25
_NUMBERS = re.compile(r"/(?:[0-9a-fA-F]{32}|\d+|V3-[0-9a-f]{32})(?=/|\.json|$)")


@dataclass(frozen=True, slots=True)
class _Closed:
    """A stretch of time in which nothing that matches may come."""

    told: float
    until: float
    what: re.Pattern[str] | None

    def holds(self, call: Call, now: float) -> bool:
        within = self.told + _GRACE < now < self.until
        return within and (self.what is None or self.what.fullmatch(f"{call.method} {call.path}") is not None)


@dataclass
class Tally:
    """Counts since the start or the last reset.

    `endpoints`: requests by "METHOD path", ids as `*`. By system: `refused`, answers with 429; `early`, requests that
    came although an answer's Retry-After was in force; `peak`, the most requests at one time, waiting ones included.
    """

    endpoints: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    early: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)
    _closed: dict[str, list[_Closed]] = field(default_factory=dict)

    def arrived(self, system: str, call: Call, now: float, in_flight: int) -> None:
        """A request is here."""
        self.endpoints[f"{call.method} {_NUMBERS.sub('/*', call.path)}"] += 1
        self.peak[system] = max(self.peak[system], in_flight)
        if closed := self._closed.get(system):
            self.early[system] += any(one.holds(call, now) for one in closed)
            self._closed[system] = [one for one in closed if one.until > now]

    def answered(self, system: str, answer: Answer, now: float) -> None:
        """An answer goes out."""
        if answer.status != 429:
            return
        self.refused[system] += 1
        if wait := answer.header("Retry-After"):
            self._closed.setdefault(system, []).append(_Closed(now, now + int(wait), answer.closes))

    def clear(self) -> None:
        """Count from nought."""
        self.__init__()  # type: ignore[misc]

    def document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        names = ("endpoints", "refused", "early", "peak")
        return {name: dict(getattr(self, name)) for name in names}
