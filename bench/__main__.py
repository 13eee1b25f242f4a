"""Measure each row in a process of its own and print it beside its goal: `python -m bench [ROW]...`.

CPU seconds of the measuring process, not wall time: on a busy machine they move less. Each row is the median of
three. `python -m bench limits` is apart: it takes three real minutes a row.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from bench import inbox, intake, limits, mail

REPEATS = 3

SETTINGS = """\
site: bench-0001
ledger: sqlite:///connector.db
sources:
  button: {type: ehr_button, path: inbox}
sinks:
  servicenow:
    {type: servicenow, url: "http://127.0.0.1:9", auth: {username: x, password: "env:NONE"}, mapping: servicenow.yaml}
routes:
  - {sink: servicenow}
"""


def _install(folder: Path) -> None:
    (folder / "connector.yaml").write_text(SETTINGS)
    mapping = resources.files("connector.templates").joinpath("servicenow.yaml").read_text("utf-8")
    (folder / "servicenow.yaml").write_text(mapping)


def _collect_and_plan(folder: Path, plan_too: bool = True) -> tuple[int, float, int]:
    """Records read, CPU seconds, peak memory in KB beyond nothing."""
    from connector.app import App
    from connector.engine.collect import collect
    from connector.engine.plan import plan
    from connector.ledger import leases
    from connector.ledger.taking import Counts
    from connector.terminal.collector import look_seldom

    with App.open(folder / "connector.yaml") as app:
        wiring = app.wiring
        held = leases.take(wiring.db, "collect:button", wiring.who, wiring.clock.wall())
        assert held is not None
        look_seldom()  # as the command does
        began = time.process_time()
        counts = Counts()
        collect(wiring, wiring.inlets["button"], held, counts)
        if plan_too:
            plan(wiring, ["servicenow"])
        spent = time.process_time() - began
        leases.give_back(wiring.db, held)
    return counts.read, spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# ── rows; each runs in a process of its own and prints one JSON document ──


def collect_row(folder: Path) -> dict[str, float]:
    """10,000 new lines through collect and plan."""
    _install(folder)
    (folder / "inbox").mkdir()
    inbox.lines(folder / "inbox" / "new.ndjson", 10_000)
    read, spent, _ = _collect_and_plan(folder)
    return {"tickets/s": read / spent}


def files_row(folder: Path) -> dict[str, float]:
    """20,000 files that did not change: skipped by size, inode and times."""
    _install(folder)
    inbox.files(folder / "inbox", 20_000)
    _collect_and_plan(folder, plan_too=False)
    from connector.app import App
    from connector.ledger import records

    with App.open(folder / "connector.yaml") as app:
        began = time.process_time()
        pages = list(app.wiring.inlets["button"].source.pages(records.cursor_of(app.wiring.db, "button")))
        spent = time.process_time() - began
    assert sum(len(page.records) for page in pages) == 0
    return {"files/s": 20_000 / spent}


def rewritten_row(folder: Path) -> dict[str, float]:
    """One rewritten NDJSON of 20,000 lines, none of which changed."""
    _install(folder)
    (folder / "inbox").mkdir()
    path = folder / "inbox" / "all.ndjson"
    inbox.lines(path, 20_000)
    _collect_and_plan(folder)
    again = path.with_suffix(".new")
    again.write_bytes(path.read_bytes())
    inbox.age(again)
    again.replace(path)
    read, spent, _ = _collect_and_plan(folder)
    return {"lines/s": read / spent}


def memory_row(folder: Path) -> dict[str, float]:
    """Peak memory of collecting and planning an NDJSON of 200,000 lines, and of one of 20,000."""
    peaks = {}
    for count in (20_000, 200_000):
        code = f"from bench.__main__ import peak; from pathlib import Path; print(peak(Path({str(folder)!r}), {count}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks[count] = int(done.stdout) / 1024
    return {"MB at 200,000": peaks[200_000], "MB more than at 20,000": peaks[200_000] - peaks[20_000]}


def peak(folder: Path, count: int) -> int:
    """Peak memory in KB for so many lines; run in a process of its own."""
    place = folder / str(count)
    (place / "inbox").mkdir(parents=True)
    _install(place)
    target = str(place / "inbox" / "a.ndjson")
    writer = f"from bench import inbox; from pathlib import Path; inbox.lines(Path({target!r}), {count})"
    subprocess.run([sys.executable, "-c", writer], check=True)
    return _collect_and_plan(place)[2]


def help_row(folder: Path) -> dict[str, float]:
    """`connector --help` beside importing click."""
    connector = Path(sys.executable).with_name("connector")
    ours, click = [], []
    for _ in range(11):
        ours.append(_seconds([str(connector), "--help"]))
        click.append(_seconds([sys.executable, "-c", "import click"]))
    return {"times click": statistics.median(ours) / statistics.median(click)}


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


Row = Callable[[Path], dict[str, float]]
ROWS: dict[str, tuple[Row, dict[str, str]]] = {
    "collect": (collect_row, {"tickets/s": ">= 2000"}),
    "files": (files_row, {"files/s": ">= 10000"}),
    "rewritten": (rewritten_row, {"lines/s": ">= 10000"}),
    "memory": (memory_row, {"MB at 200,000": "<= 150", "MB more than at 20,000": "<= 15"}),
    "help": (help_row, {"times click": "<= 2"}),
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


def _measured(name: str) -> list[dict[str, float]]:
    repeats = 1 if name in ("memory", "help", "intake", "mail-memory") else REPEATS
    found = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(prefix="connector-bench-") as folder:
            command = [sys.executable, "-m", "bench", "--row", name, folder]
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NONE": "x"})
            if done.returncode:
                sys.exit(done.stderr)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def main() -> None:
    if sys.argv[1:2] == ["--row"]:
        print(json.dumps(ROWS[sys.argv[2]][0](Path(sys.argv[3]))))
        return
    if sys.argv[1:2] == ["limits"]:
        sys.exit(limits.main(sys.argv[2:]))
    for name in sys.argv[1:] or ROWS:
        measured = _measured(name)
        for figure, goal in ROWS[name][1].items():
            value = statistics.median(row[figure] for row in measured)
            kept = "yes" if _holds(value, goal) else "NO"
            print(
                f"{name:<10} {ROWS[name][0].__doc__}\n{'':<10} {figure}: {value:,.1f}   goal {goal}: {kept}", flush=True
            )


def _holds(value: float, goal: str) -> bool:
    sign, number = goal.split()
    return value >= float(number) if sign == ">=" else value <= float(number)


if __name__ == "__main__":
    main()
