"""Every way in which telling somebody can fail x every way of telling: nobody is told twice, and nobody not at all.

What no machine can tell waits for a person, who looks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from connector.app import App
from connector.delivery import State
from connector.ledger.happenings import Happening, happened
from connector.ledger.schema import delivery, ticket
from connector.plugins import Do
from connector.sandbox import Fault, Sandbox
from connector.sandbox.faults import forms
from tests.corpus.outages import Report
from tests.outages.day import SETTLE, Day
from tests.outages.ears import Ears, listening
from tests.outages.inbox import SOURCES

PATIENCE = 0.02
# Who takes a post says so by the status alone, so a page in place of an answer is an answer; and to whom it was sent,
# what comes late is lost.
NO_FAULT = ("html", "late")
ROUNDS = 8
Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Cell:
    """One way for one message to fail. `fail` is told of the ears, and makes them fail once."""

    channel: str
    name: str
    fail: Callable[[Ears], None]

    @property
    def id(self) -> str:
        return f"{SOURCES[self.channel]}-notify-{self.name}"


def cells() -> Iterator[Cell]:
    """All of them: what the sandbox knows for posts, and for mails each command."""
    for channel in ("button", "chatbot"):
        for fault in forms("/", SETTLE, PATIENCE):
            if fault.kind not in NO_FAULT:
                yield Cell(channel, fault.name, _posts(fault))
    for command in ("MAIL", "RCPT", "DATA"):
        for reply in ("421 down", "451 later", "550 no", "999 what"):
            yield Cell("email", f"{command}-{reply[:3]}", _mails(command, reply))
    yield Cell("email", "lose_answer", _mails("DATA", "taken"))


def _mails(command: str, reply: str) -> Callable[[Ears], None]:
    def fail(ears: Ears) -> None:
        replies = iter([reply])
        ears.office.say = lambda said, *_: next(replies, None) if said == command else None

    return fail


def _posts(fault: Fault) -> Callable[[Ears], None]:
    def fail(ears: Ears) -> None:
        faults = iter([fault])

        def answer(path: str, body: bytes) -> Answer:
            met = next(faults, None)
            if met is not None and met.fails_before:
                ears.service.posts = [post for post in ears.service.posts if post[2] is not body]
            return (200, b'{"id": "1"}') if met is None else _answered(met)

        ears.service.answer = answer

    return fail


def _answered(fault: Fault) -> Answer:
    if fault.kind in ("slow", "hang"):
        time.sleep(fault.seconds)
    if fault.kind in ("lose_request", "lose_answer"):
        return 0, b""
    if fault.kind in ("status", "error_after"):
        return fault.status, b"{}"
    said = {"tail": b'{"id": "1"}{"error"', "cut": b'{"id": "1"}'}.get(fault.kind, b'{"id": "1"}')
    return (-200 if fault.kind == "cut" else 200), said


CELLS = list(cells())


class Stage:
    """One ticket of each channel, of which more and more is told."""

    def __init__(self, app: App, ears: Ears) -> None:
        self._app = app
        self._ears = ears
        self._db = app.wiring.db
        with self._db.read() as connection:
            rows = connection.execute(select(ticket.c.source, ticket.c.id, ticket.c.external_id))
            self._tickets = {row.source: (row.id, f"{row.source}:{row.external_id}") for row in rows}
        self._count = 0

    def play(self, cell: Cell) -> None:
        """Tell of one thing while the first try fails. Raises AssertionError."""
        self._count += 1
        ticket_id, name = self._tickets[SOURCES[cell.channel]]
        mark, now = f"CELL{self._count:03d}X", self._app.wiring.clock.wall()
        with self._db.write() as connection:
            happened(connection, [Happening(ticket_id, "resolved", now, mark, detail={"number": mark})])
        cell.fail(self._ears)
        for _ in range(ROUNDS):
            self._app.sync(max_seconds=5000)
            if not (waiting := self._waiting()):
                break
            self._help(name, waiting, mark)
            self._app.wiring.clock.sleep(100.0)
        assert not self._waiting()
        assert self._heard(mark) == 1

    def _help(self, name: str, waiting: list[Any], mark: str) -> None:
        """What a person does: look whether somebody was told, or let go what was refused."""
        for row in waiting:
            if row.state == State.BLOCKED:
                assert json.loads(row.finding)["remedy"], "it waits and does not say what can be done"
                self._app.actions.release([name])
            elif row.state == State.UNSURE:
                told = {"sent": "seen"} if self._heard(mark) else {"absent": True}
                self._app.actions.confirm(name, **told)

    def _heard(self, mark: str) -> int:
        return sum(mark in message.text for message in self._ears.messages())

    def _waiting(self) -> list[Any]:
        over = [State.SENT.value, State.DROPPED.value]
        query = select(delivery).where(delivery.c.do == Do.NOTIFY.value, delivery.c.state.not_in(over))
        with self._db.read() as connection:
            return list(connection.execute(query))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("told")
    with Sandbox(settle=SETTLE) as box, listening() as ears:
        day = Day(box, folder / "site", "servicenow", ears)
        day.install()
        settings = day.folder / "connector.yaml"
        settings.write_text(settings.read_text("utf-8") + "observe: {every: 30d}\n", "utf-8")
        day.arrive([Report(channel, 0.0, channel, 1, "Slow", "It is slow.") for channel in SOURCES])
        day.run()
        with App.open(settings, clock=day.clock) as app:
            yield Stage(app, ears)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_nobody_is_told_twice_and_nobody_not_at_all(cell: Cell, stage: Stage) -> None:
    stage.play(cell)
