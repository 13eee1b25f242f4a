"""Speed and memory beside the goals, and beside what a user would write today.

    python -m bench [--quick] [NAME]...

Each row and each scenario is measured by processes of its own. Without names everything runs, and the table and the
plot in this folder are written anew. `--quick` sends a tenth of the tickets and repeats nothing.
`python -m bench limits` is apart: it takes three real minutes a row.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from bench import limits, report, rows, scenarios
from bench.report import Figure
from bench.scenarios import Line

REPEATS = 3


def main(given: list[str]) -> int:
    if given[:1] == ["--row"]:
        print(json.dumps(rows.ROWS[given[1]][0](Path(given[2]))))
        return 0
    if given[:1] == ["limits"]:
        return limits.main(given[1:])
    quick, names = "--quick" in given, [name for name in given if name != "--quick"]
    known = [*rows.ROWS, *(scenario.name for scenario in scenarios.SCENARIOS)]
    if strange := [name for name in names if name not in known]:
        print(f"there is no {', '.join(strange)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    lines = _compared(names, quick)
    figures = [] if quick else report.goals(lines)  # which are about thousands
    for figure in figures:
        print(report.show_figure(figure), flush=True)
    figures += _measured(names, quick)
    if not names and not quick:
        for path in report.write(lines, figures, _machine()):
            print(path)
    return 0 if all(figure.kept for figure in figures) else 1


def _compared(names: list[str], quick: bool) -> list[Line]:
    lines = []
    for scenario in scenarios.SCENARIOS:
        if not names or scenario.name in names:
            for line in scenarios.run(scenario, quick):
                print(report.show_line(line), flush=True)
                lines.append(line)
    return lines


def _measured(names: list[str], quick: bool) -> list[Figure]:
    figures = []
    for name, (row, goals) in rows.ROWS.items():
        if names and name not in names:
            continue
        print(f"{name:<16} {row.__doc__}", flush=True)
        found = [_figures(name) for _ in range(1 if quick or name in rows.ONCE else REPEATS)]
        for what, goal in goals.items():
            figure = Figure(name, what, statistics.median(each[what] for each in found), goal)
            print(report.show_figure(figure), flush=True)
            figures.append(figure)
    return figures


def _figures(name: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="connector-bench-") as folder:
        command = [sys.executable, "-m", "bench", "--row", name, folder]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NONE": "x"})
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{date.today():%d %B %Y}, Python {platform.python_version()}, {os.cpu_count()} cores of {platform.machine()}, "
        f"load {load:.1f} at the end. Help desks and contenders share the machine; TLS is left out for all."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
