"""How much of what a remote allows is used, in real time: `python -m bench limits [ROW]...`; three minutes a row.

One `sync` writes single calls (`bulk: off`) to the emulated Zendesk for three whole minutes after the first answer.
Nothing tells it the limits: it learns them from headers. The remote counts in minutes of its own clock.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import structlog

from bench import inbox
from connector.sandbox import Sandbox

SECONDS = 180.0
SPARE = 15.0  # seconds to come to the first answer, and beyond the last that counts

SETTINGS = """\
site: bench-0001
ledger: sqlite:///connector.db
sources:
  button: {{type: ehr_button, path: inbox}}
sinks:
  zendesk:
    {{type: zendesk, url: "{url}", auth: {{client_id: connector, client_secret: "env:BENCH_SECRET"}},
     mapping: zendesk.yaml, bulk: "off", settle_after: 2}}
routes:
  - {{sink: zendesk}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What the remote allows a minute, of which requests (`METHOD path`, where a path may end in `*`), and the goal."""

    account: int
    endpoints: bool
    counted: str
    allowed: int
    goal: float
    changes: bool = False


ROWS: Mapping[str, Row] = {
    "account": Row(700, False, "", 700, 0.95),
    "creates": Row(700, True, "POST /api/v2/tickets", 300, 0.90),
    "updates": Row(700, True, "PUT /api/v2/tickets/*", 100, 0.90, changes=True),
}


def measure(row: Row, folder: Path) -> dict[str, float]:
    """The share of the limit that was used, 429s met, requests while Retry-After was in force."""
    os.environ["BENCH_SECRET"] = "sandbox"
    count = int(row.allowed * (SECONDS + SPARE) / 60)
    with Sandbox() as box:
        _install(folder, box.url)
        inbox.lines(folder / "inbox" / "new.ndjson", count)
        if row.changes:
            _sync(folder, None)
            _change(folder / "inbox" / "new.ndjson")
        box.zendesk.rate_limit, box.zendesk.endpoint_limits = row.account, row.endpoints
        before, began = len(box.requests), time.process_time()
        _sync(folder, SECONDS + SPARE)
        spent = time.process_time() - began
        sent = [entry for entry in box.requests[before:] if entry.system == "zendesk" and "oauth" not in entry.path]
        first = sent[0].at
        within = [entry for entry in sent if entry.at <= first + SECONDS and _counts(row, entry)]
        return {
            "share": len(within) / (row.allowed * SECONDS / 60),
            "429s": sum(entry.status == 429 for entry in sent),
            "early": box.tally.early["zendesk"],
            "CPU s": spent,
        }


def _counts(row: Row, entry: Any) -> bool:
    method, _, path = row.counted.partition(" ")
    asked = entry.path.removesuffix(".json")
    fits = asked.startswith(path[:-1]) if path.endswith("*") else asked == path
    return entry.status < 400 and (not row.counted or (entry.method == method and fits))


def _install(folder: Path, url: str) -> None:
    (folder / "inbox").mkdir(parents=True)
    (folder / "connector.yaml").write_text(SETTINGS.format(url=url))
    mapping = resources.files("connector.templates").joinpath("zendesk.yaml").read_text("utf-8")
    (folder / "zendesk.yaml").write_text(mapping)


def _change(path: Path) -> None:
    """The same problems, each of them worse: an update apiece."""
    path.write_text(path.read_text("utf-8").replace("does not print labels", "prints no labels at all"), "utf-8")
    inbox.age(path)


def _sync(folder: Path, seconds: float | None) -> None:
    from connector.app import App

    with App.open(folder / "connector.yaml") as app:
        app.sync(max_seconds=seconds)


def main(names: list[str]) -> int:
    """Measure the rows and print them; how many missed their goal."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    missed = 0
    for name in names or list(ROWS):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            row, figures = ROWS[name], measure(ROWS[name], Path(folder))
        good = figures["share"] >= row.goal and not figures["429s"] and not figures["early"]
        missed += not good
        told = ", ".join(f"{word} {value:.3f}" for word, value in figures.items())
        print(f"{name}: {told} (goal: {row.goal}, none, none) {'ok' if good else 'MISSED'}", flush=True)
    return missed
