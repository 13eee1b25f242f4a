"""How many writes go in one call. Pure: a number, and the reason for it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

# So long a call for many should take, in seconds: far from any deadline, and little is unsure when its answer is lost.
TARGET = 5.0
# So long it may take where fewer would not be worth a call: the wait for an answer counts as the remote's work, and
# small calls would look slower and slower.
LONGEST = 25.0
# What would take less, in seconds, is not split: every call has a cost of its own.
WORTH = 1.0
# So few that wait are sent as fast by single calls, each with an answer of its own.
FEW = 8
# So many go in the first calls, while nobody knows how long the remote takes for one: a job that turns out to be slow
# keeps everybody waiting who must not go beside it.
FIRST = 25
# No write takes less, in seconds: the clock has measured nothing.
QUICKEST = 1e-6


@dataclass(frozen=True, slots=True)
class Choice:
    """So many writes in the next call; 1 is a single call."""

    items: int
    reason: str


def choose(waiting: int, most: int, calls: int, seconds_each: float | None) -> Choice:
    """How many of `waiting` writes of a kind go in the next call.

    The remote takes `most` of them in a call and works at `calls` calls at once; each write has taken it
    `seconds_each` so far, None where that is not known yet.
    """
    if most <= 1:
        return Choice(1, "there is no call for many of these")
    if waiting < FEW:
        return Choice(1, "few wait")
    share = max(math.ceil(waiting / max(calls, 1)), FEW)
    if seconds_each is None:
        return Choice(min(most, share, FIRST), "how long the remote takes is not known yet")
    measured = seconds_each >= QUICKEST
    fit = _fit(seconds_each) if measured else most
    items = min(most, max(share, math.floor(WORTH / seconds_each) if measured else 0), fit)
    if items == fit and fit < most:
        return Choice(items, f"more would take longer than {TARGET:.0f} s")
    return Choice(items, "many wait" if items == most else "what waits is shared out among the calls")


def _fit(seconds_each: float) -> int:
    """How many writes take about as long as a call should."""
    fit = int(TARGET / seconds_each)
    if fit >= FEW:
        return fit
    return FEW if seconds_each * FEW <= LONGEST else 1


# So many refused calls for many in a row, and single calls take over for the run.
REFUSALS = 3


@dataclass(slots=True)
class Pace:
    """What was learned of the calls for many: seconds for one write, over the latest calls, and refusals.

    `singly` are the deliveries of a refused call: one of them may be the reason, and each by itself is judged so.
    """

    seconds_each: float | None = None
    refusals: int = 0
    singly: set[int] = field(default_factory=set)

    @property
    def refused(self) -> bool:
        """The remote does not take such calls from us."""
        return self.refusals >= REFUSALS

    def measured(self, seconds: float, items: int) -> None:
        """A call with so many writes took so long."""
        each = seconds / max(items, 1)
        self.seconds_each = each if self.seconds_each is None else (self.seconds_each + each) / 2
        self.refusals = 0

    def declined(self, deliveries: Iterable[int]) -> None:
        """A call with these was refused as a whole."""
        self.refusals += 1
        self.singly.update(deliveries)
