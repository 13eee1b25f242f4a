"""The limiter of one remote account: a slot for every call out of one shared budget, and obedience to Retry-After.

What may go is decided in `pacing` and kept in the ledger, so that cron, a watching process and the intake are one
sender. This module waits, passes on what the remote says, and explains every wait.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import structlog

from connector import pacing
from connector.clock import Clock
from connector.errors import Scope, Transient
from connector.heard import VALID, Heard, rate
from connector.ledger import budgets
from connector.ledger.database import Database
from connector.pacing import Budget, Counted, Rule, Spread, Wait
from connector.plugins import ONE_REQUEST, Allowance, Cost

log = structlog.get_logger("connector.limits")

# The code of the error that says: our own budget is used up for longer than a run waits.
BUDGET = "budget"

_PAUSE = 2.0  # seconds after a 429 that names no time: a full queue, which empties within seconds
_LONGEST = 24 * 3600.0
_OTHERS = 0.02  # the part that is left to others on the same account, who may use it before our next call comes
_SWEEP = 500  # calls that name single records, between two cleanings


class Limiter:
    """A budget of `per_minute` requests, or as many as the remote says it allows, whichever is fewer.

    `patience` is the longest wait for one slot, in seconds. May be used from several threads.
    """

    def __init__(self, db: Database, account: str, per_minute: int | None, clock: Clock, patience: float) -> None:
        self._db = db
        self._account = account
        self._most = Allowance("", per_minute, 60.0) if per_minute else None
        self._clock = clock
        self._patience = patience
        self._until = math.inf
        self._over: Callable[[], bool] = lambda: False
        self._defaults: Mapping[str, Allowance] = {}
        self._lock = threading.Lock()
        self._heard = Heard(clock)
        self._width = pacing.Width()
        self._waiting = Counter[str]()
        self._in_flight = 0
        self._singles = 0
        self.requests = 0

    def allow(self, allowances: Sequence[Allowance]) -> None:
        """What the remote allows as far as its documentation says; its own words count for more."""
        self._defaults = {allowance.name: allowance for allowance in allowances}

    def within(self, until: float, over: Callable[[], bool]) -> None:
        """From now on nobody waits beyond `until`, by the monotonic clock, nor once `over()` is true."""
        self._until, self._over = until, over

    # ── going ──

    def take(self, cost: Cost = ONE_REQUEST) -> None:
        """Wait for a slot in every class that `cost` names.

        Raises Transient with the code `budget` when that would take longer than the patience left: scope ACCOUNT, or
        ROW where only one class of calls is concerned.
        """
        waited = 0.0
        while (wait := self._spend(cost)) is not None:
            with self._line(wait) as seconds:
                if waited + seconds > self._patience or self._clock.monotonic() + seconds > self._until or self._over():
                    raise self._used_up(wait)
                self._explain(wait, seconds)
                self._clock.sleep(seconds)
                waited += seconds

    def sent(self, cost: Cost = ONE_REQUEST) -> None:
        """A request is leaving. Raises Transient where Retry-After has begun to run since it was paid for."""
        names = _classes(cost)
        if (wait := self._heard.held(names) or self._held(names)) is not None:
            raise self._used_up(wait, Scope.ROW if wait.seconds <= self._patience else None)
        with self._lock:
            self.requests += 1
            self._in_flight += 1

    def width(self, most: int) -> int:
        """How many of `most` calls may be in flight now."""
        with self._lock:
            return self._width.now(most, self._clock.monotonic())

    @contextmanager
    def _line(self, wait: Wait) -> Iterator[float]:
        """Wait behind those of this process who wait already: who came first goes first, and nobody wakes in vain."""
        with self._lock:
            ahead = self._waiting[wait.name]
            self._waiting[wait.name] += 1
        try:
            yield wait.seconds + ahead * wait.each
        finally:
            with self._lock:
                self._waiting[wait.name] -= 1

    # ── hearing ──

    def heard(self, news: Sequence[Allowance]) -> None:
        """What the headers of an answer said about limits; once for every request that was `sent`, answered or not."""
        with self._lock:
            self._in_flight = max(self._in_flight - 1, 0)
        for said in news:
            self._learn(Allowance(_class(said.name), said.allowed, said.seconds))
            if said.remaining is not None and said.resets is not None:
                self._left_over(said, said.remaining, min(said.resets, _LONGEST))

    def hold(self, seconds: float | None, name: str = "") -> None:
        """Nobody sends anything of this class before so many seconds have passed."""
        if seconds is None:
            with self._lock:
                self._width.shed(self._clock.monotonic())
        seconds = _PAUSE if seconds is None else min(seconds, _LONGEST)
        log.info("the remote asked to wait", seconds=round(seconds, 1), budget=name, account=self._account)
        self._hold(name, seconds)

    # ── the shared budget ──

    def _spend(self, cost: Cost) -> Wait | None:
        """Take the slots, or say what keeps them."""
        names = _classes(cost)
        if (wait := self._heard.held(names)) is not None:
            budgets.look(self._db, self._account, names, self._clock.wall())  # mends times if the clock was set back
            return wait
        if not self._rules(cost, {}):
            rows = budgets.look(self._db, self._account, names, self._clock.wall())
            if not self._rules(cost, rows):
                return self._remembered(pacing.held(rows, self._clock.wall()))
        wait = budgets.change(self._db, self._account, names, self._clock.wall(), lambda rows: self._spent(cost, rows))
        self._sweep(names)
        return self._remembered(wait)

    def _spent(self, cost: Cost, rows: budgets.Budgets) -> tuple[Wait | None, budgets.Budgets]:
        now, rules = self._clock.wall(), self._rules(cost, rows)
        if (wait := pacing.short(rows, cost, rules, now)) is not None:
            return wait, {}
        return None, {name: rule.spent(rows.get(name, pacing.NOTHING), cost[name], now) for name, rule in rules.items()}

    def _held(self, names: Sequence[str]) -> Wait | None:
        now = self._clock.wall()
        return self._remembered(pacing.held(budgets.look(self._db, self._account, names, now), now))

    def _remembered(self, wait: Wait | None) -> Wait | None:
        if wait is not None and wait.held:
            self._heard.hold(wait.name, wait.seconds)
        return wait

    def _rules(self, cost: Cost, rows: budgets.Budgets) -> dict[str, Rule]:
        found = ((name, self._rule(name, rows)) for name, units in cost.items() if units > 0)
        return {name: rule for name, rule in found if rule is not None}

    def _rule(self, name: str, rows: budgets.Budgets) -> Rule | None:
        kind = _class(name)
        allowance = self._allowance(kind, rows.get(kind))
        if allowance is None:
            return None
        if kind != name:
            return Counted(allowance.allowed, allowance.seconds)
        return Spread(allowance.allowed, allowance.seconds, self._heard.slowed(kind))

    def _allowance(self, kind: str, row: Budget | None) -> Allowance | None:
        """What counts for a class: the remote's word, or the documentation's; never more than the settings say."""
        known = self._said(kind, row) or self._defaults.get(kind)
        if kind or self._most is None or known is None:
            return known or (None if kind else self._most)
        return min(known, self._most, key=rate)

    def _said(self, kind: str, row: Budget | None) -> Allowance | None:
        if (said := self._heard.allowance(kind)) is not None:
            return said
        if row is None or not row.allowed or not row.seconds or row.heard_at is None:
            return None
        return Allowance(kind, row.allowed, row.seconds) if self._clock.wall() - row.heard_at < VALID else None

    # ── what all processes should know ──

    def _learn(self, said: Allowance) -> None:
        if not self._heard.learn(said):
            return
        at = self._clock.wall()
        self._note(said.name, lambda row: replace(row, allowed=said.allowed, seconds=said.seconds, heard_at=at))
        log.info("the remote allows", units=said.allowed, seconds=said.seconds, budget=said.name, account=self._account)

    def _left_over(self, said: Allowance, remaining: int, resets: float) -> None:
        """Others may use the account too: what is left until the count starts anew is all that there is."""
        single = _class(said.name) != said.name
        ours = remaining if single else remaining - self._in_flight - math.ceil(said.allowed * _OTHERS)
        if remaining > 0 and (single or ours > 0):
            if not single:
                self._heard.divide(said, ours, resets)
        elif resets - self._heard.left(said.name) > 1.0:
            log.info("the allowance is used up", seconds=round(resets, 1), budget=said.name, account=self._account)
            self._hold(said.name, resets)

    def _hold(self, name: str, seconds: float) -> None:
        until = self._clock.wall() + seconds
        self._heard.hold(name, seconds)
        self._note(name, lambda row: replace(row, held_until=max(row.held_until, until)))

    def _note(self, name: str, changed: Callable[[Budget], Budget]) -> None:
        def noted(rows: budgets.Budgets) -> tuple[None, budgets.Budgets]:
            return None, {name: changed(rows.get(name, pacing.NOTHING))}

        budgets.change(self._db, self._account, [name], self._clock.wall(), noted)

    def _sweep(self, names: Sequence[str]) -> None:
        """Forget single records now and then, and the holds on them that have ended."""
        self._singles += any(_class(name) != name for name in names)
        if self._singles < _SWEEP:
            return
        self._singles = 0
        self._heard.forget()
        budgets.sweep(self._db, self._account, self._clock.wall())

    # ── words ──

    def _explain(self, wait: Wait, seconds: float) -> None:
        say = log.info if seconds > 1 else log.debug
        reason = "the remote asked to wait" if wait.held else "requests are spread"
        say("waiting", reason=reason, seconds=round(seconds, 2), budget=wait.name, account=self._account)

    def _used_up(self, wait: Wait, scope: Scope | None = None) -> Transient:
        what = "the remote asked to wait" if wait.held else "the request budget is used up"
        return Transient(
            f"{what} for {wait.seconds:.0f} more seconds" + (f" ({_class(wait.name)})" if wait.name else ""),
            "nothing is lost; the next run goes on",
            code=BUDGET,
            scope=scope or (Scope.ROW if wait.name else Scope.ACCOUNT),
            retry_after=wait.seconds,
        )


def _class(name: str) -> str:
    """`update_each` of `update_each/35`."""
    return name.partition("/")[0]


def _classes(cost: Cost) -> list[str]:
    """The classes whose budgets bear on a call: the account, each class, and each single record's."""
    return list(dict.fromkeys(("", *(_class(name) for name in cost), *cost)))
