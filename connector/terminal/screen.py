"""What a command prints: tables with rich on a terminal, plain lines elsewhere, one JSON document on request."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import click

_BETWEEN = 2  # blanks between two columns
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(value: object) -> str:
    """A value as one line of text that cannot move the cursor, colour the screen or reverse the reading."""
    if value is None:
        return ""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"[\r\n\t]", " ", str(value)))


def many(count: int, noun: str) -> str:
    """So many of a thing, in the right number."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def document(facts: Any) -> None:
    """One JSON document. In ASCII, because the terminal's encoding is not ours to know."""
    click.echo(json.dumps(facts, indent=2, default=str))


def line(text: str = "") -> None:
    """One line, broken at words where a terminal is too narrow."""
    if sys.stdout.isatty():
        _console().print(text, markup=False, highlight=False, soft_wrap=False)
    else:
        click.echo(text)


def item(head: str, *details: str) -> None:
    """A line, and what belongs to it indented below."""
    line(head)
    for detail in filter(None, details):
        if sys.stdout.isatty():
            from rich.padding import Padding
            from rich.text import Text

            _console().print(Padding(Text(detail), (0, 0, 0, 4)))
        else:
            click.echo(f"    {detail}")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings, which may have several lines. Numbers stand to the right.

    On a terminal that is so narrow that words would have to be broken, each row is an item of its own instead.
    """
    texts = [[clean(value) for value in row] for row in rows]
    numeric = [bool(rows) and all(isinstance(row[at], int | float) for row in rows) for at in range(len(columns))]
    if not sys.stdout.isatty():
        _plain_table(columns, texts, numeric)
    elif _narrowest(columns, texts) <= _console().width:
        _rich_table(columns, texts, numeric)
    else:
        _items(columns, texts)


def _narrowest(columns: Sequence[str], texts: list[list[str]]) -> int:
    """The width below which a word of the table has to be broken."""
    from rich.cells import cell_len

    each = (_unbroken(head, [row[at] for row in texts]) for at, head in enumerate(columns))
    return sum(max(map(cell_len, pieces), default=0) for pieces in each) + _BETWEEN * (len(columns) - 1)


def _unbroken(head: str, cells: list[str]) -> list[str]:
    """What of a column stands in one line: its words, or all of it where the heading says where its lines end."""
    if "\n" in head:
        return [*head.split("\n"), *cells]
    return [word for text in (head, *cells) for word in text.split()]


def _items(columns: Sequence[str], texts: list[list[str]]) -> None:
    heads = [column.replace("\n", " ") for column in columns[1:]]
    for first, *others in texts:
        item(first, ", ".join(f"{head} {text}" for head, text in zip(heads, others, strict=True) if text))


def _plain_table(columns: Sequence[str], texts: list[list[str]], numeric: list[bool]) -> None:
    heads = _stacked(columns)
    widths = [max(len(text) for text in column) for column in zip(*heads, *texts, strict=True)]
    for row in [*heads, *texts]:
        cells = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        click.echo((" " * _BETWEEN).join(cells).rstrip())


def _stacked(heads: Sequence[str]) -> list[list[str]]:
    """The lines of the heads, those with fewer of them at the bottom."""
    lines = [head.split("\n") for head in heads]
    height = max(map(len, lines), default=1)
    return [list(row) for row in zip(*([""] * (height - len(each)) + each for each in lines), strict=True)]


def _rich_table(columns: Sequence[str], texts: list[list[str]], numeric: list[bool]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for at, (head, right) in enumerate(zip(columns, numeric, strict=True)):
        breaks = "\n" not in head and any(" " in text for text in (head, *(row[at] for row in texts)))
        drawn.add_column(head, justify="right" if right else "left", overflow="fold", no_wrap=not breaks)
    for row in texts:
        drawn.add_row(*(Text(text) for text in row))
    _console().print(drawn)


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)
