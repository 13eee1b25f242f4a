"""The same morning with runs that are killed anywhere: `python -m tests.outages --seeds 200` at length."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.sandbox import Sandbox
from tests.crash.harness import forked, warmed
from tests.outages.day import FILE, SETTLE, Count, Day, made_up, morning
from tests.postgres import Server

# Reports, outages among them, and what is unrelated: enough for both to be seen, or as few as will do.
LARGE, SMALL = (30, 2, 16), (16, 2, 6)
# So many points (transactions, requests) a run passes that has something to do.
POINTS = 260


class KilledDay(Day):
    """Runs are forks, and die where they are told to."""

    def run(self, kill_at: int = 0) -> int:
        code, slept = forked(self.folder, self.box.url, self.clock.ahead, kill_at)
        self.clock.ahead += slept
        return code


@contextmanager
def ready(folder: Path, server: Server | None = None) -> Iterator[None]:
    """Everything is imported and compiled before the first fork."""
    with Sandbox(settle=SETTLE) as box, warmed(box, folder, server):
        yield


def survived(
    folder: Path, kind: str, seed: int, size: tuple[int, int, int] = SMALL, ledger: str = FILE
) -> tuple[dict[str, Count], list[int]]:
    """One seed's morning: what was counted, and the sizes of its outages. Two in three have trouble too."""
    chance = random.Random(seed)
    reports = made_up(seed, *size)
    half = len(reports) // 2
    with morning(folder, kind, KilledDay, ledger) as day:
        assert isinstance(day, KilledDay)
        rate = chance.choice((0.0, 0.02, 0.06))
        for some in (reports[:half], reports[half:]):
            day.arrive(some)
            _die(day, chance, rate)
        day.settle()
        if chance.random() < 0.5:
            day.solve()
        else:
            day.resolve()
        _die(day, chance, rate)
        day.end()
        return day.reckon(), day.outages()


def _die(day: KilledDay, chance: random.Random, rate: float) -> None:
    """Some runs, each of which ends somewhere."""
    if rate:
        day.trouble(chance.randrange(2**31), rate)
    for _ in range(chance.randint(1, 3)):
        day.run(chance.randint(1, POINTS))
        day.pass_time(chance.choice((0.0, 15.0, 40.0, 200.0)))
    day.heal()
