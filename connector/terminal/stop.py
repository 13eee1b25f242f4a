"""A clock whose sleep ends when somebody asks the run to stop."""

from __future__ import annotations

from connector.clock import SystemClock
from connector.terminal.group import Call

STEP = 0.2  # seconds; Python goes on sleeping after a signal, so the question is asked again and again


class StoppableClock(SystemClock):
    """The machine's clock. Its sleep is cut short by a signal that asks to stop."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than until somebody asks to stop."""
        end = self.monotonic() + seconds
        while not self._call.stop() and (left := end - self.monotonic()) > 0:
            super().sleep(min(left, STEP))
