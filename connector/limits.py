"""The limiter of one remote account: waits for a slot of the shared budget, and obeys Retry-After."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from connector.clock import Clock
from connector.errors import Scope, Transient
from connector.ledger import budgets
from connector.ledger.database import Database
from connector.plugins import ONE_REQUEST, Allowance, Cost

log = structlog.get_logger("connector.limits")

BURST = 1
# The code of the error that says: our own budget is used up for longer than a run waits.
BUDGET = "budget"


class Limiter:
    """A budget of `per_minute` requests, shared through the ledger; `patience` is the longest wait, in seconds."""

    def __init__(self, db: Database, account: str, per_minute: int | None, clock: Clock, patience: float) -> None:
        self._db = db
        self._account = account
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._clock = clock
        self._patience = patience
        self.requests = 0

    def take(self, cost: Cost = ONE_REQUEST) -> None:
        """Wait for a slot. Raises Transient, scope ACCOUNT, when that would take longer than the patience left."""
        waited = 0.0
        while (wait := budgets.reserve(self._db, self._account, self._clock.wall(), self._interval, BURST)) > 0:
            if waited + wait > self._patience:
                raise Transient(
                    f"the request budget is used up for {wait:.0f} more seconds",
                    "nothing is lost; the next run goes on",
                    code=BUDGET,
                    scope=Scope.ACCOUNT,
                    retry_after=wait,
                )
            if wait > 1:
                log.info("waiting for the request budget", seconds=round(wait, 1), account=self._account)
            self._clock.sleep(wait)
            waited += wait

    def sent(self) -> None:
        """Count a request."""
        self.requests += 1

    def heard(self, news: Sequence[Allowance]) -> None:
        """What the headers of an answer said about limits."""

    def hold(self, seconds: float | None, name: str = "") -> None:
        """The remote asked everybody to wait."""
        seconds = 2.0 if seconds is None else seconds
        log.info("the remote asked to wait", seconds=round(seconds, 1), account=self._account)
        budgets.hold(self._db, self._account, self._clock.wall() + seconds)
