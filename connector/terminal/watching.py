"""Runs that follow each other: a line for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from connector.clock import SystemClock, utc
from connector.errors import told_of
from connector.terminal.group import Call
from connector.terminal.screen import clean
from connector.terminal.views import SINK_COUNTS, SOURCE_COUNTS

if TYPE_CHECKING:
    from connector.app import App

# What is so in every run says nothing of this one.
_USUAL = ("unchanged", "requests")


def watch(app: App, call: Call, every: float, asked: Mapping[str, Any]) -> None:
    """Run until somebody asks to stop; say in one line (of JSON where asked for) what each run did.

    Quiet, only runs in which something happened are told.
    """
    for report in app.watch(every, **asked):
        document = {**report.document(), "exit_code": report.exit_code}
        if call.json:
            click.echo(json.dumps(document, default=str))
        elif (happened := list(_happened(document))) or not call.quiet:
            now = utc(SystemClock().wall()).isoformat(timespec="seconds").replace("+00:00", "Z")
            said = "; ".join(happened) or "nothing new"
            click.echo(clean(f"{now} run {report.run or 'not begun'}, {report.seconds:.1f} s: {said}"))


def _happened(document: Mapping[str, Any]) -> Iterator[str]:
    for group, columns in (("sources", SOURCE_COUNTS), ("sinks", SINK_COUNTS)):
        for name, counts in document[group].items():
            told = [f"{counts[word]} {word}" for word in columns if counts.get(word) and word not in _USUAL]
            if told and any(not part.endswith(" read") for part in told):
                yield f"{name} {', '.join(told)}"
    for name, error in (*document["unread"].items(), *document["errors"].items()):
        yield told_of(name, error["what"])
