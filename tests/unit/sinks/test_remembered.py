"""What is asked for again and again is asked once, however many threads want it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.clock import SystemClock
from connector.errors import Transient
from connector.sinks.remembered import Remembered


class Desk:
    """Answers once it may, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.reached, self.may = threading.Event(), threading.Event()
        self.fails = False

    def answer(self, name: str) -> str:
        self.asked.append(name)
        self.reached.set()
        assert self.may.wait(30)
        if self.fails:
            raise Transient("down")
        return name.upper()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def at_once(desk: Desk, want: Callable[[], str]) -> list[str | BaseException]:
    """What three threads are told that want the same while the first is on its way."""
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(want)
        assert desk.reached.wait(30)
        others = [pool.submit(want) for _ in range(2)]
        desk.may.set()
        return [each.exception(30) or each.result() for each in (first, *others)]


def test_threads_that_want_the_same_share_one_answer(desk: Desk) -> None:
    known = Remembered(desk.answer, SystemClock())
    assert at_once(desk, lambda: known["a"]) == ["A", "A", "A"]
    assert (known["a"], known["b"]) == ("A", "B")
    assert desk.asked == ["a", "b"]


def test_what_failed_is_asked_again(desk: Desk) -> None:
    known = Remembered(desk.answer, SystemClock())
    desk.fails = True
    assert {type(each) for each in at_once(desk, lambda: known["a"])} == {Transient}
    desk.fails = False
    assert known["a"] == "A"
