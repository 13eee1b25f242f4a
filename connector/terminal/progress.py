"""How far a run has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from connector.clock import Clock, SystemClock

EVERY = 10.0  # seconds between two plain lines: a log, or a mail from cron, is read later and as a whole


class Progress(Protocol):
    """What a run tells about itself. `total` is None where nobody knows it yet; a step that has come to it is finished,
    until more of it is told."""

    def __call__(self, step: str, done: int, total: int | None) -> None: ...


@contextmanager
def progress(quiet: bool) -> Iterator[Progress | None]:
    """Something to tell progress to, on stderr; None where nobody wants to hear it."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield bar
    else:
        yield Lines()


class Lines:
    """A line at most every ten seconds; a run that is quicker says nothing."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._last = self._clock.monotonic()

    def __call__(self, step: str, done: int, total: int | None) -> None:
        now = self._clock.monotonic()
        if now - self._last < EVERY:
            return
        self._last = now
        click.echo(f"{step}: {done}" + (f" of {total}" if total is not None else ""), err=True)


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, int] = {}

        def show(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            [task] = (task for task in bars.tasks if task.id == tasks[step])
            if task.total != total:  # `update` would keep the total of a step that goes on
                task.total, task.finished_time = total, None
            bars.update(task.id, completed=done)

        yield show
