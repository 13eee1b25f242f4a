"""What a remote allows, and the protocol of what keeps to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a remote allows: `allowed` units of the class `name` in `seconds`; "" is the account as a whole.

    An answer's headers may add how many are left (`remaining`) and in how many seconds the count starts anew.
    """

    name: str
    allowed: int
    seconds: float
    remaining: int | None = None
    resets: float | None = None


# What a call costs: units for each class of allowance. `update/35` is of the class `update`, counted for 35 alone.
Cost = Mapping[str, int]
ONE_REQUEST: Cost = {"": 1}


class Limiter(Protocol):
    """One request budget per remote account, shared by every process."""

    def take(self, cost: Cost = ONE_REQUEST) -> None:
        """Wait for a slot in every class that `cost` names; raises Transient when the wait is longer than the time
        budget."""

    def hold(self, seconds: float | None, name: str = "") -> None:
        """The remote said 429: nobody sends before so many seconds have passed. None where it named no time: then
        fewer calls go out at once for a while."""

    def heard(self, news: Sequence[Allowance]) -> None:
        """What the headers of an answer said about limits; once for every request that was `sent`, answered or not."""

    def sent(self, cost: Cost = ONE_REQUEST) -> None:
        """A request is leaving, of whatever kind. Raises Transient where the remote has asked to wait since it was
        paid for."""


class Unlimited:
    def take(self, cost: Cost = ONE_REQUEST) -> None:
        return None

    def hold(self, seconds: float | None, name: str = "") -> None:
        return None

    def heard(self, news: Sequence[Allowance]) -> None:
        return None

    def sent(self, cost: Cost = ONE_REQUEST) -> None:
        return None
