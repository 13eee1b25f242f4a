"""When a sink that failed is tried again: a circuit breaker. Pure: whoever asks says what time it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

# Seconds of the first rest; each failure doubles it, up to the longest.
FIRST, LONGEST = 15.0, 300.0


class Health(StrEnum):
    """How a sink is treated."""

    WELL = "well"  # closed: everything goes
    RESTING = "resting"  # open: nothing goes
    TENTATIVE = "tentative"  # half-open: one call shows whether it is back


@dataclass(slots=True)
class Breaker:
    """What is known of one sink. Times are monotonic seconds."""

    failures: int = 0
    rests_until: float = -math.inf

    def health(self, now: float) -> Health:
        """How to treat the sink at this moment."""
        if not self.failures:
            return Health.WELL
        return Health.RESTING if now < self.rests_until else Health.TENTATIVE

    def failed(self, now: float, retry_after: float | None = None) -> float:
        """It failed once more; returns how long it rests, no shorter than the remote asked for."""
        self.failures += 1
        rest = min(FIRST * 2.0 ** min(self.failures - 1, 32), LONGEST)
        rest = max(rest, retry_after or 0.0)
        self.rests_until = now + rest
        return rest

    def answered(self) -> None:
        """It is well again."""
        self.failures = 0
