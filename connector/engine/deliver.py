"""Deliver: start calls while there is room for one, and take in what they came to."""

from __future__ import annotations

import math
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from connector.engine import jobs
from connector.engine.call import Flying, Told, call
from connector.engine.crew import Crew
from connector.engine.jobs import Looked
from connector.engine.queue import Group, Queue
from connector.engine.report import COUNTED
from connector.engine.wiring import Outlet, Tally, Wiring
from connector.errors import RemoteError, Scope, Transient

# So many failures in a row, and this sink rests until the next run: something is wrong there.
FAILURES = 6
# So many jobs are asked about at once, and more by looks side by side.
LOOKED_AT = 4


def deliver(wiring: Wiring, outlet: Outlet, crew: Crew, tally: Tally) -> int:
    """Send what is due; returns how many deliveries were touched.

    Stops at an error that concerns the whole account, which it leaves in `tally.error`. Nothing is left `sending`.
    """
    touched = Dispatch(wiring, outlet, crew, tally).run()
    if touched:
        wiring.progress(f"deliver {outlet.name}", tally.done, tally.done)
    return touched


class Dispatch:
    """One pass over what is due: calls under way, jobs that the remote works off, and what they came to.

    All of it changes in the caller's thread alone; the crew's threads only carry out calls.
    """

    def __init__(self, wiring: Wiring, outlet: Outlet, crew: Crew, tally: Tally) -> None:
        self._wiring = wiring
        self._outlet = outlet
        self._crew = crew
        self._tally = tally
        self._queue = Queue(wiring, outlet)
        self._calls: dict[Future[Told], Group] = {}
        self._flying: dict[str, tuple[Flying, Group]] = {}
        self._looks: set[Future[Looked]] = set()
        self._next_look = 0.0
        self._between = jobs.SOONEST
        self._any_ended = False
        self._failures = 0
        self._touched = 0

    def run(self) -> int:
        """Until nothing more may go and all that went has come back."""
        while True:
            self._start()
            if not self._calls and not self._flying:
                return self._touched
            if self._flying and self._halted():
                self._let_go()
            self._look_at_jobs()
            self._take_in()

    def _halted(self) -> bool:
        return self._tally.error is not None or self._wiring.stop()

    # ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> None:
        while not self._halted() and len(self._calls) < self._width():
            if any(group.alone for group in self._calls.values()):
                return
            group = self._queue.group(self._free_jobs())
            if group is None:
                return
            begun = self._crew.begin(call, self._wiring, self._outlet, group.rows, group.together)
            self._calls[begun] = group
            if begun.done():  # a crew of one: what it came to decides what goes next
                self._take_in()

    def _width(self) -> int:
        return self._outlet.limiter.width(self._crew.calls)

    def _free_jobs(self) -> int:
        under_way = len(self._flying) + sum(group.together for group in self._calls.values())
        return self._outlet.sink.jobs_at_once - under_way

    # ── taking in ────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_in(self) -> None:
        """Wait until something has ended, or until the jobs are looked at next."""
        busy: list[Future[Any]] = [*self._calls, *self._looks]
        if not busy:
            if self._flying:
                self._wiring.clock.sleep(max(self._next_look - self._wiring.clock.monotonic(), 0.0))
            return
        pause = max(self._next_look - self._wiring.clock.monotonic(), 0.0) if self._flying and not self._looks else None
        for ended in wait(busy, timeout=pause, return_when=FIRST_COMPLETED).done:
            if ended in self._looks:
                self._looks.remove(ended)
                self._after_look(ended.result())
            else:
                self._after_call(ended)

    def _after_call(self, ended: Future[Told]) -> None:
        group, done = self._calls.pop(ended), ended.result()
        self._touched += done.touched
        pace = self._outlet.pace
        if done.refused_many:
            pace.declined(row.id for row in group.rows)
        if done.flying is not None:
            self._flying[done.flying.job] = (done.flying, group)
            self._look_soon()
            return
        if group.together and done.delivered:
            pace.measured(done.seconds, done.sent)
        self._finished(group, done)

    def _finished(self, group: Group, done: Told) -> None:
        self._queue.ended(group)
        tally = self._tally
        for do in done.delivered:
            setattr(tally, COUNTED[do], getattr(tally, COUNTED[do]) + 1)
        tally.blocked += done.blocked
        self._failures = 0 if done.delivered or not done.errors else self._failures + 1
        for error in done.errors:
            self._note(error)
        self._wiring.progress(f"deliver {self._outlet.name}", tally.done, None)

    def _note(self, error: RemoteError) -> None:
        if isinstance(error, Transient):
            self._tally.failed = error
        if error.scope is Scope.ACCOUNT or self._failures >= FAILURES:
            self._tally.error = self._tally.error or error

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look_soon(self) -> None:
        self._between = jobs.SOONEST
        self._next_look = min(self._next_look, self._wiring.clock.monotonic() + self._between)

    def _look_at_jobs(self) -> None:
        """Some jobs a look, side by side: of each that has ended, every ticket is read back."""
        if self._looks or not self._flying or self._wiring.clock.monotonic() < self._next_look:
            return
        flying = [each for each, _ in self._flying.values()]
        looks = min(self._width(), math.ceil(len(flying) / LOOKED_AT))
        self._looks = {
            self._crew.begin(jobs.look, self._wiring, self._outlet, flying[first::looks]) for first in range(looks)
        }

    def _after_look(self, looked: Looked) -> None:
        for flying, done in looked.ended:
            _, group = self._flying.pop(flying.job)
            self._outlet.pace.measured(done.seconds, done.sent)
            self._finished(group, done)
        if looked.error is not None:
            self._note(looked.error)
        self._any_ended = self._any_ended or bool(looked.ended)
        if not self._looks:
            self._after_all_looks()

    def _after_all_looks(self) -> None:
        self._between = jobs.SOONEST if self._any_ended else min(self._between * 1.5, jobs.LATEST)
        self._next_look = self._wiring.clock.monotonic() + self._between
        self._any_ended = False
        self._drop_stuck()

    def _drop_stuck(self) -> None:
        now = self._wiring.clock.monotonic()
        stuck = [name for name, (flying, _) in self._flying.items() if now - flying.since > jobs.STUCK]
        self._let_go_of(stuck)

    def _let_go(self) -> None:
        """The run ends: jobs are asked for one last time, then left to the next run."""
        while self._looks:
            self._after_look(self._looks.pop().result())
        if self._flying:
            self._after_look(jobs.look(self._wiring, self._outlet, [each for each, _ in self._flying.values()]))
        self._let_go_of(list(self._flying))

    def _let_go_of(self, names: list[str]) -> None:
        gone = [self._flying.pop(name) for name in names]
        jobs.let_go(self._wiring, [flying for flying, _ in gone])
        for _, group in gone:
            self._queue.ended(group)
