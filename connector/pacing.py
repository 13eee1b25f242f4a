"""How requests are spread so that the remote never has to refuse one. Pure: no I/O, and no clock of its own.

A `Budget` is what is known of one class of requests. Two rules read and spend it. `Spread` sends at even distances
(GCRA, the "virtual scheduling algorithm" of ITU-T I.371): for classes that serve everybody. `Counted` lets requests go
as they come and remembers each: for classes that are seldom used up, such as the updates of one ticket.
Both keep their promise in every window of that length, wherever the remote lets its own windows start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

# The part of a window that is not used: half of it may be lost and caught up, half is for requests that reach the
# remote later than they were sent. 97 % of what is allowed remain.
SLACK = 0.03
# Clocks of machines that share a ledger differ; by more than this, in seconds, and somebody has set one back.
SKEW = 60.0


@dataclass(frozen=True, slots=True)
class Budget:
    """One class of requests at one account; all times in seconds since the epoch.

    `tat` is GCRA's theoretical arrival time, `uses` are the moments of a `Counted` class. `allowed` in `seconds` is
    what the remote itself said at `heard_at`.
    """

    tat: float = 0.0
    held_until: float = 0.0
    allowed: int | None = None
    seconds: float | None = None
    heard_at: float | None = None
    uses: tuple[float, ...] = ()
    written_at: float = 0.0

    def at(self, now: float) -> Budget:
        """The same, where the clock was set back since it was written: no wait becomes longer by that."""
        back = self.written_at - now
        if back < SKEW:
            return self
        return replace(
            self,
            tat=self.tat - back,
            held_until=self.held_until - back,
            heard_at=None if self.heard_at is None else self.heard_at - back,
            uses=tuple(use - back for use in self.uses),
            written_at=now,
        )


NOTHING = Budget()


@dataclass(frozen=True, slots=True)
class Spread:
    """At most `allowed` units in `seconds`, at even distances; `slowed` is a longer distance, for the time being."""

    allowed: int
    seconds: float
    slowed: float = 0.0

    @property
    def interval(self) -> float:
        """Seconds from one unit to the next."""
        return max(self.seconds * (1 + SLACK) / self.allowed, self.slowed)

    def wait(self, budget: Budget, units: int, now: float) -> float:
        """Seconds until `units` may go together, 0 where they may go now."""
        early = 0.0 if self.slowed else self.seconds * SLACK / 2
        return max(budget.tat + (units - 1) * self.interval - early - now, 0.0)

    def spent(self, budget: Budget, units: int, now: float) -> Budget:
        """The budget once they have gone."""
        return replace(budget, tat=max(budget.tat, now) + units * self.interval)


@dataclass(frozen=True, slots=True)
class Counted:
    """At most `allowed` units in `seconds`, as they come."""

    allowed: int
    seconds: float
    interval: ClassVar[float] = 0.0

    def wait(self, budget: Budget, units: int, now: float) -> float:
        """Seconds until `units` may go together, 0 where they may go now."""
        kept = self._kept(budget, now)
        over = len(kept) + units - self.allowed
        return kept[min(over, len(kept)) - 1] + self._window - now if over > 0 and kept else 0.0

    def spent(self, budget: Budget, units: int, now: float) -> Budget:
        """The budget once they have gone."""
        kept = (*self._kept(budget, now), *[now] * min(units, self.allowed))
        return replace(budget, uses=kept, tat=now + self._window)

    @property
    def _window(self) -> float:
        return self.seconds * (1 + SLACK / 2)

    def _kept(self, budget: Budget, now: float) -> tuple[float, ...]:
        # A clock set forward and back again may have left a use that is still to come.
        return tuple(min(use, now) for use in budget.uses if use > now - self._window)


Rule = Spread | Counted


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a request cannot go yet: the class (`name`), for how many seconds, and whether the remote asked for it.

    `each` is the distance between those who wait for the same: the second in the line goes so much later.
    """

    name: str
    seconds: float
    held: bool
    each: float = 0.0


def held(budgets: Mapping[str, Budget], now: float) -> Wait | None:
    """The longest hold on any of these classes."""
    waits = [Wait(name, budget.held_until - now, True) for name, budget in budgets.items() if budget.held_until > now]
    return max(waits, key=lambda wait: wait.seconds, default=None)


def short(budgets: Mapping[str, Budget], cost: Mapping[str, int], rules: Mapping[str, Rule], now: float) -> Wait | None:
    """What keeps a call of this cost from going now, None where nothing does."""
    if (hold := held(budgets, now)) is not None:
        return hold
    waits = [
        Wait(name, rule.wait(budgets.get(name, NOTHING), cost[name], now), False, rule.interval * cost[name])
        for name, rule in rules.items()
    ]
    longest = max(waits, key=lambda wait: wait.seconds, default=None)
    return longest if longest is not None and longest.seconds > 0 else None


class Width:
    """How many calls may be in flight: half as many when the remote was full, and one more after every quiet while.

    Additive increase, multiplicative decrease, as in TCP (RFC 5681). Times are monotonic.
    """

    CREEP = 15.0  # seconds of quiet for one more
    CROWD = 2.0  # refusals so close together were one crowd

    def __init__(self) -> None:
        self._narrow: float | None = None
        self._since = 0.0
        self._most = 1

    def now(self, most: int, now: float) -> int:
        """So many of `most`, and always one."""
        self._most = most
        if self._narrow is None:
            return most
        return max(1, min(most, int(self._narrow + (now - self._since) / self.CREEP)))

    def shed(self, now: float) -> None:
        """The remote was full."""
        if self._narrow is not None and now - self._since < self.CROWD:
            return
        self._narrow, self._since = max(1.0, self.now(self._most, now) // 2), now
