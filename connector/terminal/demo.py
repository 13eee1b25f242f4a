"""The main job on the sample inbox, against the sandbox in this process; and the sandbox alone."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.errors import ConnectorError, Finding, SettingsError
from connector.terminal import screen, views
from connector.terminal.logs import start_logs
from connector.terminal.progress import progress
from connector.terminal.starter import start

if TYPE_CHECKING:
    from connector.app import App
    from connector.sandbox import Sandbox


class DemoFailed(ConnectorError):
    """The demonstration did not show what it promises."""


def serve(port: int, hardened: bool, settings: str, as_json: bool) -> None:
    """Run the sandbox until it is told to stop. Raises SettingsError where the port is taken or a setting is wrong.

    `settings` is JSON, or a file with it.
    """
    from connector import sandbox

    def ready(box: Sandbox) -> None:
        if as_json:
            screen.document({"url": box.url})
        else:
            screen.line(f"ServiceNow and Zendesk, emulated: {box.url}  (Ctrl-C ends it, and forgets everything)")

    try:
        sandbox.serve(port, ready, **{"hardened": hardened, **_sandbox_settings(settings)})
    except OSError as error:
        raise _taken(port, error) from None


def _sandbox_settings(text: str) -> dict[str, Any]:
    from connector.sandbox.settings import read

    try:
        return read(text if text.lstrip().startswith("{") else Path(text).read_text("utf-8"))
    except (OSError, ValueError) as error:
        what = f"{text}: {error.strerror}" if isinstance(error, OSError) else str(error)
        remedy = 'write JSON such as \'{"latency": 0.08, "servicenow": {"threads": 4}}\', or the name of a file with it'
        raise SettingsError([Finding("sandbox-settings", "--settings", what, remedy)]) from None


def run(port: int, folder: Path | None, keep: bool | None, verbosity: int) -> None:
    """Set up, check, sync, sync again, and show what became of every record. Raises DemoFailed if a write repeats."""
    from connector.app import App

    start_logs(verbosity)
    with _folder(folder) as base, _sandbox(port) as box:
        start(base, port=box.port)
        with App.open(base / "connector.yaml") as app:
            _first(app, box)
            _second(app, box)
            _outages(app)
        _leave(box, base, folder is not None, sys.stdout.isatty() if keep is None else keep)


def _first(app: App, box: Sandbox) -> None:
    screen.line(f"The sample inbox goes to an emulated ServiceNow and Zendesk at {box.url}")
    views.checked(app.check(True))
    with progress(False) as told:
        report = app.sync(progress=told)
    screen.line()
    screen.line("What became of every record:")
    screen.line()
    _outcomes(app)
    views.sync(report.document())


def _second(app: App, box: Sandbox) -> None:
    before = len(box.writes())
    app.sync()
    again = len(box.writes()) - before
    screen.line()
    screen.line(f"The same once more: {again} write requests. Whatever is there is there exactly once.")
    if again:
        raise DemoFailed(f"the second run wrote {again} times", "this is a bug; please report it")


def _outages(app: App) -> None:
    for found in app.outages.listed():
        screen.line()
        tickets, title = screen.many(len(found["tickets"]), "ticket"), screen.clean(found["title"])
        screen.line(f"{tickets} look like one outage ({title}).")
        screen.line(f"One problem at {found['sink']} for all of them: connector problems accept {found['problem']}")


def _outcomes(app: App) -> None:
    other = []
    for fact in app.outcomes():
        record = f"{fact['source']}: {fact['place']}"
        if fact["outcome"] in ("ticket", "reply"):
            head = f"{fact['number'] or 'not there yet'} at {fact['sink']}: {fact['outcome']} from {record}"
            screen.item(screen.clean(head), screen.clean(fact["url"]))
        else:
            other.append((record, fact["outcome"], fact["what"]))
    screen.line()
    screen.table(("record", "was", "because"), other)


def _leave(box: Sandbox, base: Path, kept: bool, wait: bool) -> None:
    screen.line()
    if kept:
        screen.line(f"Settings, inbox and ledger are in {base}; try: connector -c {base}/connector.yaml status")
    if wait:
        screen.line(f"Look at the tickets: {box.url}  (Ctrl-C ends the demonstration)")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            screen.line()


@contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    """The folder to work in: the one named, which has to be empty, or one that is gone afterwards."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="connector-demo-") as place:
            yield Path(place)
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError([Finding("not-empty", str(folder), "is not an empty folder", "name another with --dir")])
    yield folder


@contextmanager
def _sandbox(port: int) -> Iterator[Sandbox]:
    from connector.sandbox import Sandbox

    try:
        box = Sandbox(port)
    except OSError as error:
        raise _taken(port, error) from None
    with box:
        yield box


def _taken(port: int, error: OSError) -> SettingsError:
    what = f"port {port} cannot be used: {error.strerror}"
    return SettingsError([Finding("port", "", what, "choose another with --port; 0 takes any that is free")])
