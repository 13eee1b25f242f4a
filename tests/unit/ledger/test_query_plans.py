"""No statement of a run reads a table that grows with its tickets from end to end, or sorts what it found.

The statements are those that real runs send to the ledger: many at once, comments, files, changes, and the way back.
SQLite plans by the schema alone, so that a small ledger's plans are a big one's. PostgreSQL plans by how many rows it
has counted; what it would do with many cannot be seen here, and is not looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Engine, event
from sqlalchemy.dialects import sqlite

from connector.app import App
from connector.delivery import Move, State
from connector.ledger import claims, deliveries, moves, planning
from connector.ledger.database import Database
from connector.ledger.schema import metadata
from connector.sandbox import Sandbox
from connector.terminal.starter import start

# Few rows, however many tickets there are: one for each source, sink, lease, file or budget, or of what waits.
SMALL = {"meta", "cursor", "lease", "budget", "memory", "reading", "inbox", "pending", "pending_ref"}
SMALL |= {"alembic_version", "problem", "run", "unseen"}
# An index of what is unfinished is read whole where all of it is asked for.
PARTIAL = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
# Whether there is any at all.
FIRST = re.compile(r"SELECT link.ticket_id \nFROM link \nWHERE link.sink = \? *\n? LIMIT")
NAMES = {table.name for table in metadata.tables.values()}
Statements = dict[str, Any]


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """An installation with the samples and enough presses for calls with many."""
    with Sandbox(settle=0.2) as box:
        folder = tmp_path / "site"
        start(folder, port=box.port)
        settings = folder / "connector.yaml"
        text = settings.read_text("utf-8")
        for name in ("servicenow", "zendesk"):
            mapping = f"mapping: mappings/{name}.yaml"
            text = text.replace(mapping, f"{mapping}\n    settle_after: 0.2\n    attachments: send")
        settings.write_text(f"{text}\nwait: 1s\n", "utf-8")
        press(folder, "does not print")
        yield folder


def press(folder: Path, said: str) -> None:
    lines = [
        json.dumps({"request_id": f"many-{number}", "summary": f"Printer {number} {said}", "description": "At once."})
        for number in range(40)
    ]
    (folder / "inbox" / "button" / "many.ndjson").write_text("\n".join(lines) + "\n", "utf-8")


@contextmanager
def listening(heard: Statements) -> Iterator[None]:
    """Every statement that is sent, with values it was sent with."""

    def before(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and values is not None:
            heard.setdefault(statement, values[0] if many else values)

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before)


def ran(base: Path) -> Statements:
    """What two runs said, the second of which finds everything changed."""
    heard: Statements = {}
    with listening(heard):
        for said in ("does not print", "prints nothing"):
            press(base, said)
            with App.open(base / "connector.yaml") as app:
                made = app.sync().document()["sinks"]
                assert sum(sink["created"] + sink["updated"] for sink in made.values()) >= 40
    return heard


def test_no_plan_reads_a_big_table_or_sorts(base: Path) -> None:
    heard = ran(base)
    assert len(heard) > 40
    db = Database.open("sqlite:///connector.db", base)
    with db.read() as connection:
        plans = {
            statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in heard.items()
        }
    db.close()
    steps = {" ".join(statement.split()): bad(statement, plan) for statement, plan in plans.items()}
    found = [f"{step}: {said}" for said, step in steps.items() if step]
    assert not found, "\n".join(found)


CLAIMED = moves._statement(State.QUEUED, Move.CLAIMED, ("body",), ("version",), True)
SETTLED = moves._statement(State.SENDING, Move.ACCEPTED, ("remote_id",), ("holder",), False)


@pytest.mark.parametrize("statement", [CLAIMED, SETTLED, planning._RENDERED, claims._NOTED, deliveries._DUE])
def test_no_state_comes_with_the_values(statement: ClauseElement) -> None:
    """SQLite would plan the statement anew for each row."""
    said = str(statement.compile(dialect=sqlite.dialect()))
    assert re.search(r"\.state = '\w+'", said)
    assert not re.search(r"\.state = \?", said)


def bad(statement: str, plan: list[str]) -> str:
    """The step of a plan that grows with the tickets, or nothing."""
    tables = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", statement) if table in NAMES}
    few = False  # what is found by way of a small table may be sorted
    for number, step in enumerate(plan):
        found = re.match(r"(SCAN|SEARCH) (\w+)(?:.* INDEX (\w+))?", step)
        if found is None:
            if "TEMP B-TREE" in step and not few:
                return step
            continue
        table = tables.get(found[2], found[2])
        # All of one sink's or source's is as good as all.
        whole = found[1] == "SCAN" or step.endswith(("(sink=?)", "(source=?)"))
        if number == 0:
            few = table in SMALL or found[3] in PARTIAL
        if whole and table in NAMES - SMALL and found[3] not in PARTIAL and not FIRST.search(statement):
            return step
    return ""
