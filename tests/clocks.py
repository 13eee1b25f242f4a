"""Time as a test has it."""

from __future__ import annotations

import threading
import time

from connector.sandbox import Sandbox


class SharedClock:
    """The sandbox's time; whoever sleeps moves it on for everybody. `ahead` is by how many seconds.

    So one thread talks to the help desk: another's sleep would be the end of its patience.
    """

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.ahead = 0.0
        self._lock = threading.Lock()

    def wall(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.ahead += seconds
            self.box.clock.advance(seconds)
