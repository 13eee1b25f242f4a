"""The main job on the sample inbox, against the sandbox in this process; and the sandbox alone."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
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


Facts = Mapping[str, Any]
_ONCE = "Whatever is there is there exactly once."


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


def run(port: int, folder: Path | None, keep: bool | None, verbosity: int, as_json: bool) -> None:
    """Set up, check, sync, sync again, and show what became of every record. Raises DemoFailed if a write repeats."""
    from connector.app import App

    start_logs(verbosity)
    with _folder(folder) as base, _sandbox(port) as box:
        start(base, port=box.port)
        if not as_json:
            screen.line(f"The sample inbox goes to an emulated ServiceNow and Zendesk at {box.url}")
        with App.open(base / "connector.yaml") as app:
            facts = {"url": box.url, "folder": str(base) if folder is not None else None, **_done(app, box)}
        screen.document(facts) if as_json else _show(facts)
        if again := facts["repeated_writes"]:
            raise DemoFailed(f"the second run wrote {again} times", "this is a bug; please report it")
        if keep or (keep is None and not as_json and sys.stdout.isatty()):
            _stay(box, as_json)


def _done(app: App, box: Sandbox) -> Facts:
    """What a check and a run came to, what became of every record, and how much was written by the same once more."""
    checked = app.check(True)
    with progress(False) as told:
        report = app.sync(progress=told)
    records, before = list(app.outcomes()), len(box.writes())
    app.sync()
    return {
        "check": checked,
        "sync": report.document(),
        "records": records,
        "repeated_writes": len(box.writes()) - before,
        "problems": app.outages.listed(),
    }


def _show(facts: Facts) -> None:
    views.checked(facts["check"])
    screen.line()
    screen.line("What became of every record:")
    screen.line()
    _records(facts["records"])
    views.sync(facts["sync"])
    screen.line()
    again = facts["repeated_writes"]
    screen.line(f"The same once more: {again} write requests." + ("" if again else f" {_ONCE}"))
    _problems(facts["problems"])
    if facts["folder"] is not None:
        screen.line()
        base = facts["folder"]
        screen.line(f"Settings, inbox and ledger are in {base}; try: connector -c {base}/connector.yaml status")


def _problems(problems: Sequence[Facts]) -> None:
    for found in problems:
        screen.line()
        tickets, title = screen.many(len(found["tickets"]), "ticket"), screen.clean(found["title"])
        screen.line(f"{tickets} look like one outage ({title}).")
        screen.line(f"One problem at {found['sink']} for all of them: connector problems accept {found['problem']}")


def _records(facts: Sequence[Facts]) -> None:
    other = []
    for fact in facts:
        record = f"{fact['source']}: {fact['place']}"
        if fact["outcome"] in ("ticket", "reply"):
            head = f"{fact['number'] or 'not there yet'} at {fact['sink']}: {fact['outcome']} from {record}"
            screen.item(screen.clean(head), screen.clean(fact["url"]))
        else:
            other.append((record, fact["outcome"], fact["what"]))
    screen.line()
    screen.table(("record", "was", "because"), other)


def _stay(box: Sandbox, silent: bool) -> None:
    """Until somebody has seen enough."""
    if not silent:
        screen.line()
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
