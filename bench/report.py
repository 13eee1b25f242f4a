"""Figures beside their goals, and contenders beside each other: on the screen, as a table, and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.scenarios import LOOP, OURS, Line

FOLDER = Path(__file__).parent
_COLORS = {OURS: "#1b6e53", "connector, bulk off": "#7fb8a4", "dlt": "#8a6fb0"}
_OTHER = "#a9a9a9"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value. `goal` is `>= 30` or `<= 0.7`, "" where there is none."""

    row: str
    name: str
    value: float
    goal: str

    @property
    def kept(self) -> bool:
        sign, _, number = self.goal.partition(" ")
        if not sign:
            return True
        return self.value >= float(number) if sign == ">=" else self.value <= float(number)


def goals(lines: Sequence[Line]) -> list[Figure]:
    """What the comparison has to show, as far as it was measured."""
    by = {(line.scenario, line.contender): line for line in lines}
    found = []
    for sink in ("servicenow", "zendesk"):
        far, loop = by.get((f"{sink}-far", OURS)), by.get((f"{sink}-far", LOOP))
        if far and loop:
            found.append(Figure(far.scenario, "times the blind loop", far.rate / loop.rate, ">= 30"))
            found.append(Figure(far.scenario, "requests a ticket", far.requests, "<= 0.05"))
    jobs, loop = by.get(("zendesk-jobs", OURS)), by.get(("zendesk-far", LOOP))
    if jobs and loop:
        found.append(Figure(jobs.scenario, "times the blind loop", jobs.rate / loop.rate, ">= 5"))
    four = by.get(("servicenow-four", OURS))
    if four and four.share is not None:
        found.append(Figure(four.scenario, "share of 100 a second", four.share, ">= 0.85"))
    for line in lines:
        if line.scenario == "zendesk-rate" and line.contender.startswith(OURS):
            found.append(Figure(line.scenario, f"429s, {line.contender}", line.refused, "<= 0"))
    return found


def show_figure(figure: Figure) -> str:
    kept = "" if not figure.goal else f"   goal {figure.goal}: {'yes' if figure.kept else 'NO'}"
    return f"{figure.row:<16} {figure.name}: {_number(figure.value)}{kept}"


_HEAD = ("", "tickets/s", "requests a ticket", "of what is allowed", "429s", "CPU ms a ticket", "peak MB")


def cells(line: Line) -> tuple[str, ...]:
    """A line of the comparison, in the order of the table's head."""
    share = "" if line.share is None else f"{line.share:.0%}"
    early = f" ({line.early} while told to wait)" if line.early else ""
    figures = (f"{line.requests:.3g}", share, f"{line.refused}{early}", f"{line.cpu:.2f}", f"{line.peak:.0f}")
    return (line.contender, _number(line.rate), *figures)


def show_line(line: Line) -> str:
    named = zip(_HEAD[1:], cells(line)[1:], strict=True)
    return f"{line.scenario:<16} {line.contender:<22} " + ", ".join(f"{name} {said}" for name, said in named if said)


def write(lines: Sequence[Line], figures: Sequence[Figure], machine: str) -> list[Path]:
    """The table and the plot, into this folder."""
    table = FOLDER / "results.md"
    table.write_text("\n".join(_document(lines, figures, machine)) + "\n", "utf-8")
    return [table, _plot(lines)]


def _document(lines: Sequence[Line], figures: Sequence[Figure], machine: str) -> list[str]:
    said = ["# What `make bench` measured", "", machine, "", "![Tickets a second](results.svg)", ""]
    for (sink, title), some in groupby(lines, key=lambda line: (line.sink, line.title)):
        said += [f"## {sink}: {title}", "", *_table(_HEAD, [cells(line) for line in some]), ""]
    rows = [
        (figure.row, figure.name, _number(figure.value), figure.goal, "" if not figure.goal else _kept(figure))
        for figure in figures
    ]
    return [*said, "## Goals", "", *_table(("row", "figure", "measured", "goal", "kept"), rows)]


def _kept(figure: Figure) -> str:
    return "yes" if figure.kept else "**no**"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def _plot(lines: Sequence[Line]) -> Path:
    """Tickets a second, a panel for each remote; lengths are logarithms."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "connector", "font.size": 8})
    from matplotlib import pyplot

    panels = [list(some) for _, some in groupby(lines, key=lambda line: line.scenario)]
    heights = [len(panel) for panel in panels]
    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=(7, 0.25 * sum(heights) + 0.6 * len(panels)),
        gridspec_kw={"height_ratios": heights}, squeeze=False, layout="constrained",
    )  # fmt: skip
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        _panel(axis, panel)
    path = FOLDER / "results.svg"
    figure.savefig(path, metadata={"Date": None})
    return path


def _panel(axis: Any, panel: Sequence[Line]) -> None:
    shown = panel[::-1]
    names, rates = [line.contender for line in shown], [line.rate for line in shown]
    bars = axis.barh(names, rates, color=[_COLORS.get(name, _OTHER) for name in names])
    axis.bar_label(bars, [_number(rate) for rate in rates], padding=3)
    axis.set(xscale="log", xlim=(1, 3000), title=f"{panel[0].sink}: {panel[0].title}, tickets a second")
    axis.spines[["top", "right"]].set_visible(False)
