"""One input against one reader: what came of it, or why that is a failure."""

from __future__ import annotations

import signal
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from connector.contract.source import keeps_the_rules
from connector.plugins import Reading, Record, Rejected
from connector.ticket import Ticket
from tests.fuzz.target import Target

SECONDS = 5.0


class Failure(Exception):
    """A reader broke its promise; the text says how."""


class _TooLong(BaseException):
    """Not an Exception: a reader that catches everything must not swallow it."""


def tried(target: Target, data: bytes, seconds: float = SECONDS) -> Counter[str]:
    """How many readings of each sort the bytes gave. Raises Failure. Only for the main thread of a POSIX system."""
    try:
        with _at_most(seconds):
            return Counter(_checked(target, record) for record in target.split(Record("fuzz/input", data)))
    except _TooLong:
        raise Failure(f"not done after {seconds:g} s\n{traceback.format_exc()}") from None
    except Exception:
        raise Failure(traceback.format_exc()) from None


def _checked(target: Target, record: Record) -> str:
    reading: Reading = target.read(record)
    keeps_the_rules(record, reading, target.source)
    if isinstance(reading, Rejected):
        assert reading.finding.code not in target.faults, reading.finding
        return f"rejected: {reading.finding.code}"
    return "ticket" if isinstance(reading, Ticket) else type(reading).__name__.lower()


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def over(number: int, frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
