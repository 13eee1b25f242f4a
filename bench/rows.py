"""What one process needs for a piece of the way: CPU seconds, not time on the clock; on a busy machine they move less.

Each row is a function of an empty folder that returns figures by name.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import growth, inbox, intake, mail, ours, outages, problems
from bench.cost import Meter, peak
from bench.remote import Remote

NOWHERE = "http://127.0.0.1:9"
Row = Callable[[Path], dict[str, float]]
Goals = dict[str, str]


def collect_row(folder: Path) -> dict[str, float]:
    """10,000 new lines through collect and plan."""
    settings = ours.install(folder, "servicenow", NOWHERE)
    inbox.lines(folder / "inbox" / "new.ndjson", 10_000)
    read, spent = _collected(settings)
    return {"tickets/s": read / spent}


def files_row(folder: Path) -> dict[str, float]:
    """20,000 files that did not change: skipped by size, inode and times."""
    settings = ours.install(folder, "servicenow", NOWHERE)
    inbox.files(folder / "inbox", 20_000)
    _collected(settings, plan_too=False)
    from connector.app import App
    from connector.ledger import records

    with App.open(settings) as app:
        meter = Meter()
        pages = list(app.wiring.inlets["button"].source.pages(records.cursor_of(app.wiring.db, "button")))
        spent = meter.read().cpu
    assert sum(len(page.records) for page in pages) == 0
    return {"files/s": 20_000 / spent}


def rewritten_row(folder: Path) -> dict[str, float]:
    """One rewritten NDJSON of 20,000 lines, none of which changed."""
    settings = ours.install(folder, "servicenow", NOWHERE)
    path = folder / "inbox" / "all.ndjson"
    inbox.lines(path, 20_000)
    _collected(settings)
    again = path.with_suffix(".new")
    again.write_bytes(path.read_bytes())
    inbox.age(again)
    again.replace(path)
    read, spent = _collected(settings)
    return {"lines/s": read / spent}


def whole_row(sink: str) -> Row:
    """The row for this sink."""

    def row(folder: Path) -> dict[str, float]:
        with Remote({}) as remote:
            settings = ours.install(folder, sink, remote.url)
            inbox.lines(folder / "inbox" / "new.ndjson", 10_000)
            made, cost = ours.way(settings)
            assert made == remote.records(sink) == 10_000
        return {"ms a ticket": 1000 * cost.cpu / made, "MB": cost.peak}

    row.__doc__ = f"10,000 tickets the whole way to {sink}: collect, plan, deliver in bulk, settle."
    return row


def memory_row(folder: Path) -> dict[str, float]:
    """Peak memory of importing an NDJSON of 200,000 lines, and of one of 20,000; delivered from for 20 s."""
    peaks = {}
    for count in (20_000, 200_000):
        code = f"from bench import rows; from pathlib import Path; print(rows.imported(Path({str(folder)!r}), {count}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks[count] = float(done.stdout)
    return {"MB at 200,000": peaks[200_000], "MB more than at 20,000": peaks[200_000] - peaks[20_000]}


def imported(folder: Path, count: int) -> float:
    """Peak memory in MB for so many lines; run in a process of its own."""
    place = folder / str(count)
    with Remote({}) as remote:
        settings = ours.install(place, "zendesk", remote.url)
        target = str(place / "inbox" / "a.ndjson")
        writer = f"from bench import inbox; from pathlib import Path; inbox.lines(Path({target!r}), {count})"
        subprocess.run([sys.executable, "-c", writer], check=True)
        _collected(settings)
        made, _ = ours.sync(settings, max_seconds=20.0)
        assert made > 0
    return peak()


def help_row(folder: Path) -> dict[str, float]:
    """`connector --help` beside importing click."""
    connector = Path(sys.executable).with_name("connector")
    told, click = [], []
    for _ in range(11):
        told.append(_seconds([str(connector), "--help"]))
        click.append(_seconds([sys.executable, "-c", "import click"]))
    return {"times click": statistics.median(told) / statistics.median(click)}


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _collected(settings: Path, plan_too: bool = True) -> tuple[int, float]:
    """Records read, and CPU seconds, of collecting and planning alone."""
    from connector.app import App
    from connector.engine.collect import collect
    from connector.engine.plan import plan
    from connector.ledger import leases
    from connector.ledger.taken import Counts
    from connector.terminal.collector import look_seldom

    with App.open(settings) as app:
        wiring = app.wiring
        held = leases.take(wiring.db, "collect:button", wiring.who, wiring.clock.wall())
        assert held is not None
        look_seldom()  # as the command does
        meter = Meter()
        counts = Counts()
        collect(wiring, wiring.inlets["button"], held, counts)
        if plan_too:
            plan(wiring, list(wiring.outlets))
        spent = meter.read().cpu
        leases.give_back(wiring.db, held)
    return counts.read, spent


# Figures that one measurement shows well enough.
ONCE = frozenset({"memory", "help", "intake", "mail-memory", "ledger", "outages", "problems"})
ROWS: dict[str, tuple[Row, Goals]] = {
    "collect": (collect_row, {"tickets/s": ">= 2000"}),
    "files": (files_row, {"files/s": ">= 10000"}),
    "rewritten": (rewritten_row, {"lines/s": ">= 10000"}),
    "whole-servicenow": (whole_row("servicenow"), {"ms a ticket": "<= 0.7", "MB": "<= 150"}),
    "whole-zendesk": (whole_row("zendesk"), {"ms a ticket": "<= 0.7", "MB": "<= 150"}),
    "memory": (memory_row, {"MB at 200,000": "<= 150", "MB more than at 20,000": "<= 15"}),
    "ledger": (growth.ledger_row, {"times as much": "<= 1.6"}),
    "help": (help_row, {"times click": "<= 2"}),
    "outages": (outages.outages_row, outages.GOALS),
    "problems": (problems.problems_row, problems.GOALS),
    "intake": (
        intake.measure,
        {
            "posts/s": ">= 198",
            "ms for half of them": "<= 100",
            "ms for 99 of 100": "<= 1000",
            "posts/s at most": ">= 200",
            "refused": "<= 0",
            "accepted and lost": "<= 0",
        },
    ),
    **mail.ROWS,
}
