"""One run: collect from every source asked for, then plan, deliver and reconcile until nothing more is due soon."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from connector.engine.answer import answer
from connector.engine.collect import collect
from connector.engine.crew import Crew
from connector.engine.deliver import deliver
from connector.engine.escalate import escalate
from connector.engine.gather import gather
from connector.engine.observe import observe
from connector.engine.plan import plan
from connector.engine.reconcile import reconcile
from connector.engine.report import WRITTEN, Report, at_sink
from connector.engine.standing import keep_standing
from connector.engine.wiring import Inlet, Outlet, Tally, Wiring
from connector.errors import Busy, RemoteError, Transient
from connector.ledger import claims, deliveries, leases, telling, views
from connector.ledger.taken import Counts

log = structlog.get_logger("connector.run")

# A wait shorter than this is not worth a line in the log.
QUIET_WAIT = 1.0
# A row may be due and in somebody else's hands.
SHORTEST_WAIT = 0.2


def run(
    wiring: Wiring, inlets: Sequence[Inlet], outlets: Sequence[Outlet], limit: int | None, max_seconds: float | None
) -> Report:
    """Everything once. Nothing is raised for a source or sink that fails: the others go on, the report says so."""
    report = Report(uuid.uuid4().hex[:12])
    started, began = wiring.clock.wall(), wiring.clock.monotonic()
    wiring = _until(wiring, math.inf if max_seconds is None else began + max_seconds)
    if wiring.answering is not None:
        telling.begin(wiring.db)
    with structlog.contextvars.bound_contextvars(run=report.run):
        for outlet in outlets:
            keep_standing(wiring, outlet)
            outlet.limiter.within(wiring.ends, wiring.stop)
        _collect_all(wiring, inlets, limit, report)
        if not report.busy:
            _work_all(wiring, outlets, report)
            _tell_all(wiring, report)
        report.seconds = wiring.clock.monotonic() - began
        report.left_for_person = _left_for_person(wiring, outlets, started)
        views.note_run(wiring.db, report.run, started, report.document())
    return report


def _collect_all(wiring: Wiring, inlets: Sequence[Inlet], limit: int | None, report: Report) -> None:
    held_by_others = 0
    for inlet in inlets:
        if wiring.stop():
            break
        held = leases.take(wiring.db, f"collect:{inlet.id}", wiring.who, wiring.clock.wall())
        if held is None:
            log.info("another process reads this source", source=inlet.name)
            held_by_others += 1
            report.sources[inlet.name] = Counts()
            continue
        counts = report.sources[inlet.name] = Counts()
        try:
            collect(wiring, inlet, held, counts, limit)
        except Busy:
            held_by_others += 1
        except RemoteError as error:
            report.unread[inlet.name] = error
        finally:
            leases.give_back(wiring.db, held)
        wiring.progress(f"collect {inlet.name}", counts.read, counts.read)
    report.busy = bool(inlets) and held_by_others == len(inlets)


def _until(wiring: Wiring, ends: float) -> Wiring:
    """The same wiring, which also stops when the run's time is over, by the monotonic clock."""
    return replace(wiring, ends=ends, stop=lambda: wiring.stop() or wiring.clock.monotonic() >= ends)


def _tell_all(wiring: Wiring, report: Report) -> None:
    """Tell those who asked what came of it: last, because by now it is known."""
    if wiring.answering is None:
        return
    answer(wiring)
    outlets, told = list(wiring.answering.outlets.values()), Report(report.run)
    for outlet in outlets:
        outlet.limiter.within(wiring.ends, wiring.stop)
    try:
        _work_all(wiring, outlets, told)
    finally:
        wiring.answering.close()
    report.errors |= told.errors
    report.answers = {name.partition(":")[2]: said for name, said in told.sinks.items()}


def _work_all(wiring: Wiring, outlets: Sequence[Outlet], report: Report) -> None:
    """Every sink at its own speed: one that is down or slow holds up no other."""
    with Crew("sink", len(outlets)) as crew:
        begun = [crew.begin(_work, wiring, outlet, report) for outlet in outlets]
    for each in begun:
        each.result()


def _work(wiring: Wiring, outlet: Outlet, report: Report) -> None:
    """Plan, deliver and reconcile for one sink until nothing is due within the time a run waits."""
    tally, began = Tally(), wiring.clock.monotonic()
    requests = outlet.limiter.requests
    answers = not outlet.tentative
    with structlog.contextvars.bound_contextvars(sink=outlet.name), Crew(outlet.name, outlet.concurrency) as crew:
        while tally.error is None and not wiring.stop():
            if answers:
                touched = _pass(wiring, outlet, crew, tally)
            else:
                touched, answers = _try(wiring, outlet, tally)
            if not touched and not _wait(wiring, outlet, began):
                break
    if (stopped := tally.stopped or tally.unread) is not None:
        report.errors[outlet.name] = stopped
    report.sinks[outlet.name] = _did(wiring, outlet, tally, requests, wiring.clock.monotonic() - began)


def _pass(wiring: Wiring, outlet: Outlet, crew: Crew, tally: Tally) -> int:
    """All that is due now; returns how many deliveries were touched."""
    claims.lose_expired(wiring.db, wiring.clock.wall())
    looked, blocked = plan(wiring, [outlet.name])
    tally.blocked += blocked
    touched = looked + deliver(wiring, outlet, crew, tally) + reconcile(wiring, outlet, crew, tally)
    return touched + gather(wiring, outlet) + observe(wiring, outlet, tally) + escalate(wiring, outlet, tally)


def _try(wiring: Wiring, outlet: Outlet, tally: Tally) -> tuple[int, bool]:
    """One delivery alone, to see whether a sink that failed answers again; how many were touched, and whether it did.

    Where it did not, `tally.error` says so.
    """
    before = outlet.limiter.requests
    once = replace(wiring, stop=lambda: wiring.stop() or outlet.limiter.requests > before)
    with Crew(outlet.name, 1) as crew:
        touched = _pass(once, replace(outlet, bulk=False), crew, tally)
    if outlet.limiter.requests == before:
        return touched, False
    if tally.answered:
        return touched, True
    tally.error = (
        tally.error or tally.failed or tally.unread or Transient(f"{outlet.name} did not answer", code="no-answer")
    )
    return touched, False


def _wait(wiring: Wiring, outlet: Outlet, began: float) -> bool:
    """Wait for the next row where that is soon enough; False where the run should end."""
    due = deliveries.next_due(wiring.db, outlet.name)
    if due is None:
        return False
    clock = wiring.clock
    wait = max(due - clock.wall(), 0.0)
    if clock.monotonic() + wait > min(began + wiring.wait, wiring.ends):
        return False
    if wait > QUIET_WAIT:
        log.info("waiting", reason="the next delivery is not due yet", seconds=round(wait, 1))
    clock.sleep(max(wait, SHORTEST_WAIT))
    return not wiring.stop()


def _did(wiring: Wiring, outlet: Outlet, tally: Tally, requests: int, seconds: float) -> dict[str, Any]:
    done = {name: getattr(tally, name) for name in WRITTEN}
    done |= {"blocked": tally.blocked, "requests": outlet.limiter.requests - requests}
    return at_sink(outlet, done, deliveries.count_unfinished(wiring.db, outlet.name), seconds)


def _left_for_person(wiring: Wiring, outlets: Sequence[Outlet], started: float) -> int:
    lag = max((3 * outlet.sink.settle_after for outlet in outlets), default=0.0)
    return sum(views.needs_person(wiring.db, started, wiring.clock.wall(), lag).values())
