"""Runs of one process, one after the other: what a sink did in one decides whether the next one asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from connector.breaker import Breaker, Health
from connector.engine.report import Report
from connector.engine.run import run
from connector.engine.wiring import Inlet, Outlet, Wiring
from connector.errors import RemoteError, Transient

log = structlog.get_logger("connector.watch")


_SAID = {
    Health.WELL: "a sink that failed is back",
    Health.RESTING: "a sink failed and rests",
    Health.TENTATIVE: "a sink that failed is tried with one call",
}


class Watch:
    """A sink that failed rests, longer each time, then is asked with one call; the others go on meanwhile."""

    def __init__(self, inlets: Sequence[Inlet], outlets: Sequence[Outlet]) -> None:
        self._inlets = inlets
        self._outlets = outlets
        self._breakers = {outlet.name: Breaker() for outlet in outlets}
        self._told = dict.fromkeys(self._breakers, Health.WELL)
        self._reasons: dict[str, RemoteError] = {}

    def run(self, wiring: Wiring, limit: int | None, max_seconds: float | None) -> Report:
        """Everything once, but for the sinks that rest: these are among the report's errors."""
        now = wiring.clock.monotonic()
        health = {name: breaker.health(now) for name, breaker in self._breakers.items()}
        for name, known in health.items():
            self._tell(name, known)
        awake = [
            replace(outlet, tentative=health[outlet.name] is Health.TENTATIVE)
            for outlet in self._outlets
            if health[outlet.name] is not Health.RESTING
        ]
        report = run(wiring, self._inlets, awake, limit, max_seconds)
        for outlet in awake:
            self._learn(outlet.name, report, wiring.clock.monotonic())
        for name, known in health.items():
            if known is Health.RESTING:
                report.errors[name] = self._resting(name, now)
        return report

    def _learn(self, name: str, report: Report, now: float) -> None:
        breaker, error = self._breakers[name], report.errors.get(name)
        if isinstance(error, RemoteError):
            rest = breaker.failed(now, error.retry_after)
            self._reasons[name] = error
            self._tell(name, Health.RESTING, seconds=round(rest), code=error.code, run=report.run)
        elif report.sinks.get(name, {}).get("requests"):
            breaker.answered()
            self._tell(name, Health.WELL, run=report.run)

    def _tell(self, name: str, health: Health, **facts: object) -> None:
        if self._told[name] is not health:
            self._told[name] = health
            log.warning(_SAID[health], sink=name, **facts)

    def _resting(self, name: str, now: float) -> RemoteError:
        left, error = self._breakers[name].rests_until - now, self._reasons[name]
        return Transient(f"it failed and rests for {left:.0f} more seconds: {error.what}", error.remedy, code="resting")
