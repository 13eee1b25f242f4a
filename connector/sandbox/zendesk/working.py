"""A job: queued, worked off ticket by ticket in no particular order, ended, and what may go wrong on that way."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from connector.sandbox.clock import Clock, iso
from connector.sandbox.faults import Fault
from connector.sandbox.messages import Refusal

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One ticket of a job. `label` begins its result, whatever becomes of it; `failure` is what makes it one."""

    label: Record
    work: Callable[[], Record]
    failure: Record

    def run(self) -> Record:
        """The result, once the work is done or refused."""
        try:
            return {**self.label, **self.work()}
        except Refusal as refused:
            return self.failed(_reason(refused))

    def failed(self, details: str) -> Record:
        """The result of a step that failed for this reason."""
        return {**self.label, **self.failure, "details": details}


def _reason(refused: Refusal) -> str:
    try:
        details = json.loads(refused.answer.body).get("details") or {}
        return " ".join(entry["description"] for entries in details.values() for entry in entries)
    except (ValueError, AttributeError):
        return refused.answer.body.decode(errors="replace")


@dataclass
class Job:
    """What a call for many became. `verb` begins the message while it works."""

    id: str
    kind: str
    verb: str
    born: float
    steps: list[Step]
    status: Literal["queued", "working", "completed", "failed", "killed"] = "queued"
    progress: int | None = None
    message: str | None = None
    results: list[Record] | None = None
    done: list[Record] = field(default_factory=list)
    gone: bool = False

    @property
    def flying(self) -> bool:
        """Whether it still waits or works."""
        return self.status in ("queued", "working")

    def document(self) -> Record:
        """As clients see it, but for its address."""
        shown = ("status", "progress", "message", "results")
        return {"id": self.id, "job_type": self.kind, "total": len(self.steps)} | {n: getattr(self, n) for n in shown}

    def start(self, clock: Clock, chance: random.Random, speed: float, fault: Fault | None) -> None:
        """Work the steps off, `speed` of them a second in sandbox time, all at once where that is 0."""
        flaw = fault.kind if fault else ""
        order = list(self.steps)
        if order:
            order[len(order) // 2] = self._spoilt(order[len(order) // 2], fault)
        chance.shuffle(order)
        if flaw in ("job_failed", "job_killed"):
            order = order[: len(order) // 2]
        moment = fault.seconds if fault and flaw == "job_stuck" else 0.0
        for step in order:
            moment += 1 / speed if speed > 0 else 0.0
            clock.soon(moment, partial(self._advance, step))
        clock.soon(moment, partial(self._end, clock, flaw))

    def _spoilt(self, step: Step, fault: Fault | None) -> Step:
        if fault is None or fault.kind not in ("item", "item_after"):
            return step

        def work() -> Record:
            if fault.kind == "item_after":
                step.work()
            return {**step.failure, "details": f"status {fault.status}"}

        return Step(step.label, work, step.failure)

    def _advance(self, step: Step) -> None:
        self.done.append(step.run())
        self.status, self.progress = "working", len(self.done)
        self.message = f"{self.verb} #{len(self.done)}"

    def _end(self, clock: Clock, flaw: str) -> None:
        done = self.done
        if flaw in ("job_failed", "job_killed"):
            self.status = "failed" if flaw == "job_failed" else "killed"
        else:
            failed = bool(done) and all("error" in result for result in done)
            self.status, self.progress = ("failed", 0) if failed else ("completed", len(done))
            if done and "index" in done[0] and flaw != "job_shuffled":
                done.sort(key=lambda result: int(result["index"]))
            self.results = _told(done, flaw)
        when = iso(int(clock.now())).replace("T", " ").replace("Z", " +0000")
        self.message = f"{self.status.capitalize()} at {when}"
        self.gone = flaw == "job_gone"


def _told(done: list[Record], flaw: str) -> list[Record]:
    """The results as they are told."""
    if flaw == "job_short":
        return done[: len(done) // 2] + done[len(done) // 2 + 1 :]
    if flaw == "job_long" and done:
        stranger = {"index": len(done)} if "index" in done[0] else {}
        return [{**done[-1], **stranger, "id": 2**53 - 1}, *done]
    return done
