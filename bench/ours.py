"""This product as a user runs it: `connector sync` over an inbox of button presses."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from bench.cost import Cost, Meter

SETTINGS = """\
site: bench-0001
ledger: sqlite:///connector.db
observe: {{every: 2592000}}  # the way back once, by the first run
sources:
  button: {{type: ehr_button, path: inbox}}
sinks:
  {sink}: {{type: {sink}, url: "{url}", mapping: {sink}.yaml, auth: {{{auth}}}, settle_after: 2, bulk: "{bulk}"}}
routes:
  - {{sink: {sink}}}
"""
AUTH = {
    "servicenow": 'username: sync, password: "env:BENCH_SECRET"',
    "zendesk": 'client_id: connector, client_secret: "env:BENCH_SECRET"',
}


def install(folder: Path, sink: str, url: str, bulk: str = "auto") -> Path:
    """Settings and mapping; returns the settings file. What is to be read goes to the folder's `inbox`."""
    os.environ["BENCH_SECRET"] = "sandbox"
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    settings = folder / "connector.yaml"
    settings.write_text(SETTINGS.format(sink=sink, url=url, auth=AUTH[sink], bulk=bulk), "utf-8")
    mapping = resources.files("connector.templates").joinpath(f"{sink}.yaml").read_text("utf-8")
    (folder / f"{sink}.yaml").write_text(mapping, "utf-8")
    return settings


def way(settings: Path) -> tuple[int, Cost]:
    """Collect, plan, deliver and settle, and nothing else of what a run does."""
    from connector.app import App
    from connector.engine.collect import collect
    from connector.engine.crew import Crew
    from connector.engine.deliver import deliver
    from connector.engine.plan import plan
    from connector.engine.wiring import Tally
    from connector.ledger import leases
    from connector.ledger.taken import Counts
    from connector.terminal.collector import look_seldom
    from connector.terminal.logs import start_logs

    start_logs(0)
    look_seldom()
    with App.open(settings) as app:
        wiring, tally = app.wiring, Tally()
        [outlet] = wiring.outlets.values()
        held = leases.take(wiring.db, "collect:button", wiring.who, wiring.clock.wall())
        assert held is not None
        meter = Meter()
        collect(wiring, wiring.inlets["button"], held, Counts())
        plan(wiring, [outlet.name])
        with Crew(outlet.name, outlet.concurrency) as crew:
            deliver(wiring, outlet, crew, tally)
        cost = meter.read()
    return tally.created, cost


def sync(settings: Path, max_seconds: float | None = None) -> tuple[int, Cost]:
    """One run, from reading to settling: how many tickets were made, and what that cost."""
    from connector.app import App
    from connector.terminal.collector import look_seldom
    from connector.terminal.logs import start_logs

    start_logs(0)  # as the command does; so is the next
    look_seldom()
    with App.open(settings) as app:
        meter = Meter()
        report = app.sync(max_seconds=max_seconds)
        cost = meter.read()
    return sum(sink["created"] for sink in report.sinks.values()), cost
