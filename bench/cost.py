"""What a piece of work costs the process that does it. Standard library alone: every contender's own Python runs it."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock and of CPU; peak memory of the whole process so far, in MB."""

    seconds: float
    cpu: float
    peak: float


class Meter:
    """Starts when it is made."""

    def __init__(self) -> None:
        self._began, self._spent = time.perf_counter(), time.process_time()

    def read(self) -> Cost:
        """What it has cost since then."""
        return Cost(time.perf_counter() - self._began, time.process_time() - self._spent, peak())


def peak() -> float:
    """Peak memory of this process in MB; `ru_maxrss` knows that of the process that started it as well."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
