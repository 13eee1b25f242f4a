"""A hospital's bad morning on its whole way: reports come in by every channel, outages get one problem each, and when
those are solved, so are their incidents; everybody hears of it. Then all that had to happen is counted.

What belongs together is asked of the ledger: how well that is seen is measured elsewhere.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, select

from connector.answering import person_of
from connector.app import App
from connector.delivery import State
from connector.engine.answer import STAFF, sink_of
from connector.ledger.schema import delivery, link, member, problem, ticket
from connector.plugins import PROBLEM, Do
from connector.sandbox import Sandbox
from connector.terminal.starter import start
from connector.ticket import Ticket
from tests.clocks import SharedClock
from tests.corpus.gathered import agreement
from tests.corpus.outages import UNSEEN, Morning, Report
from tests.outages.desks import DESKS, Desk
from tests.outages.ears import LEADS_NEWS, LEADS_OPENED, LEADS_OVER, OPENED, OVER, RECEIVED, Ears, listening
from tests.outages.inbox import deliver

SETTLE = 2.0
FILE = "sqlite:///connector.db"
SETTINGS = """\
wait: 5
problems: {mode: auto}
"""
QUIET_RUNS = 14


@dataclass(slots=True)
class Count:
    """How many of one thing there had to be, and what of it is not there or too often there."""

    wanted: int
    missing: list[Any] = field(default_factory=list)
    double: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, wanted: Counter[Any], there: Counter[Any]) -> Count:
        return cls(wanted.total(), [*(wanted - there).elements()], [*(there - wanted).elements()])


class Day:
    """One morning at one help desk."""

    def __init__(self, box: Sandbox, folder: Path, kind: str, ears: Ears, ledger: str = FILE) -> None:
        self.box = box
        self.folder = folder
        self.desk: Desk = DESKS[kind](box)
        self.clock = SharedClock(box)
        self.ears = ears
        self._kind = kind
        self._ledger = ledger
        self._names: list[str] = []

    def install(self) -> None:
        """What `connector init` writes; all tickets go to one help desk, outages open by themselves, and people are
        told."""
        os.environ["EARS_SECRET"] = "0123456789abcdef0123"
        start(self.folder, samples=False, port=self.box.port)
        settings = self.folder / "connector.yaml"
        text = settings.read_text("utf-8")
        other = next(name for name in DESKS if name != self._kind)
        text = text.replace(f"sink: {other}}}", f"sink: {self._kind}}}")
        for name in DESKS:
            mapping = f"mapping: mappings/{name}.yaml"
            text = text.replace(mapping, f"{mapping}\n    settle_after: {SETTLE}\n    concurrency: 1\n    timeout: 10")
        text = text.replace(f"ledger: {FILE}", f'ledger: "{self._ledger}"')
        settings.write_text(f"{text}\n{SETTINGS}{self.ears.settings}", "utf-8")

    def arrive(self, reports: Sequence[Report]) -> None:
        """These reports come in, written two hours long."""
        now = self.clock.wall()
        deliver(self.folder / "inbox", list(reports), now - 2 * 3600, now - 600)
        self._names += [report.name for report in reports]

    def run(self) -> int:
        """One `connector sync`; returns its exit code."""
        with App.open(self.folder / "connector.yaml", clock=self.clock) as app:
            return app.sync().exit_code

    def pass_time(self, seconds: float) -> None:
        """At the help desk and here."""
        self.clock.sleep(seconds)

    def trouble(self, seed: int, rate: float) -> None:
        """From now on requests fail, in every way, at the help desk and at those who tell people."""
        self.box.faults.chaos(seed=seed, rate=rate)
        self.ears.trouble(seed, rate)

    def heal(self) -> None:
        """No more of that."""
        self.box.faults.clear()
        self.ears.heal()

    def solve(self) -> None:
        """Analysts solve every outage that there is."""
        for parent in self.desk.parents():
            self.desk.solve(parent)

    def resolve(self) -> None:
        """A person here says of every outage that it is over."""
        with App.open(self.folder / "connector.yaml", clock=self.clock) as app:
            for outage in app.outages.listed():
                app.outages.resolve(str(outage["problem"]), "A larger disk.")

    def settle(self) -> None:
        """Runs until nothing is left to do. A person sees to messages of which nobody else can tell whether they
        arrived."""
        for _ in range(QUIET_RUNS):
            self.pass_time(200.0)
            self.run()
            if not self._confirm() and not self._waits():
                break
        else:
            raise AssertionError(f"deliveries still wait: {self._waits()[:5]}")

    def end(self) -> None:
        """As `settle`; and what was done last is seen, and what follows from it is done."""
        for _ in range(2):
            self.settle()

    def _confirm(self) -> int:
        """A person asks those who were told, or not."""
        heard, unsure = self.ears.heard(), self._rows(_TOLD.where(delivery.c.state == State.UNSURE.value))
        with App.open(self.folder / "connector.yaml", clock=self.clock) as app:
            for row in unsure:
                about = _named(row) if row.sink != sink_of(STAFF) else json.loads(row.what)["outage"]
                there = heard[about, _kind(row)] > 0
                name = f"{row.source}:{row.external_id}"
                app.actions.confirm(name, sent="seen") if there else app.actions.confirm(name, absent=True)
        return len(unsure)

    def _waits(self) -> list[tuple[Any, ...]]:
        open_ones = delivery.c.state.not_in([State.SENT.value, State.DROPPED.value])
        d = delivery.c
        return [tuple(row) for row in self._rows(select(d.sink, d.do, d.part, d.state, d.finding).where(open_ones))]

    def _rows(self, query: Any) -> list[Any]:
        url = f"sqlite:///{self.folder}/connector.db" if self._ledger == FILE else self._ledger
        with create_engine(url, poolclass=NullPool).connect() as ledger:
            return list(ledger.execute(query))

    # ── the reckoning ────────────────────────────────────────────────────────────────────────────────────────────

    def reckon(self) -> dict[str, Count]:
        """Everything that had to happen once."""
        self.box.clock.settle()
        members = self._rows(_MEMBERS)
        links = Counter((row.child, row.parent) for row in members)
        over = self.desk.over()
        solved = Counter({child: times for child, times in self.desk.solved().items() if child in over})
        return {
            "tickets": self._tickets(),
            "problems": Count.of(Counter(row.remote_id for row in self._rows(_PARENTS)), Counter(self.desk.parents())),
            "links": Count.of(links, Counter(self.desk.linked())),
            "solves": Count.of(Counter(child for child, _ in links), solved),
            **self._messages(members),
        }

    def _tickets(self) -> Count:
        """Every report is a record, and every record is a report."""
        there = Counter(_named(row) for row in self._rows(_RECORDS))
        count = Count.of(Counter(self._names), there)
        twice = Counter(self.desk.records())
        count.double += [key for key, times in twice.items() if times > 1]
        if twice.total() > there.total():
            count.double.append(f"{twice.total() - there.total()} records that nobody knows")
        return count

    def _messages(self, members: Sequence[Any]) -> dict[str, Count]:
        """Each report is acknowledged once; of an outage each person hears once, however many reports are theirs."""
        whose = {_named(row): (row.problem_id, person_of(_ticket(row))) for row in members}
        everybody = Counter(set(whose.values()))
        leads = Counter(title for _, title in {(row.problem_id, row.title) for row in members})
        wanted: dict[str, Counter[Any]] = {RECEIVED: Counter(self._names), OPENED: everybody, OVER: everybody}
        wanted |= {LEADS_OPENED: leads, LEADS_OVER: leads}
        told: dict[str, Counter[Any]] = {kind: Counter() for kind in wanted}
        for (name, kind), times in self.ears.heard().items():
            if kind != LEADS_NEWS:  # there is as much of it as analysts make
                told.setdefault(kind, Counter())[whose.get(name, name) if kind in (OPENED, OVER) else name] += times
        return {f"told: {kind}": Count.of(wanted.get(kind, Counter()), there) for kind, there in told.items()}

    def agreement(self, reports: Sequence[Report]) -> tuple[float, float]:
        """Pairwise precision and recall of what the ledger says belongs together, by what was reported."""
        truth = {report.name: report.outage for report in reports}
        found = {_named(row): row.problem_id for row in self._rows(_MEMBERS)}
        places = {name: place for place, name in enumerate(truth)}
        return agreement(list(truth.values()), {places[name]: outage for name, outage in found.items()})

    def outages(self) -> list[int]:
        """How many reports belong to each outage, by the ledger."""
        return sorted(Counter(row.problem_id for row in self._rows(_MEMBERS)).values())


_PARENTS = (
    select(link.c.remote_id).join(problem, problem.c.ticket_id == link.c.ticket_id).where(problem.c.state != "merged")
)
_parent, _child = link.alias("parent"), link.alias("child")
_MEMBERS = (
    select(member.c.problem_id, problem.c.title, ticket.c.body)
    .add_columns(_child.c.remote_id.label("child"), _parent.c.remote_id.label("parent"))
    .join(problem, problem.c.id == member.c.problem_id)
    .join(ticket, ticket.c.id == member.c.ticket_id)
    .join(_child, _child.c.ticket_id == member.c.ticket_id)
    .join(_parent, _parent.c.ticket_id == problem.c.ticket_id)
    .where(member.c.left_at.is_(None))
)
_RECORDS = select(ticket.c.body).join(link, link.c.ticket_id == ticket.c.id).where(ticket.c.source != PROBLEM)
_TOLD = (
    select(ticket.c.source, ticket.c.external_id, ticket.c.body, delivery.c.part, delivery.c.sink, delivery.c.what)
    .join(ticket, ticket.c.id == delivery.c.ticket_id)
    .where(delivery.c.do == Do.NOTIFY.value)
)
_KINDS = {"received": RECEIVED, "problem_opened": OPENED, "problem_resolved": OVER, "resolved": OVER}


def _named(row: Any) -> str:
    """The report's own name in what its channel makes of it."""
    own = _ticket(row)
    return own.conversation.id if own.conversation else own.external_id.partition("@")[0].rpartition(":")[2].strip("<>")


def _ticket(row: Any) -> Ticket:
    return Ticket.model_validate_json(row.body)


def _kind(row: Any) -> str:
    kind = _KINDS.get(row.part.split(":")[1], "?")
    return kind if row.sink != sink_of(STAFF) else {OPENED: LEADS_OPENED, OVER: LEADS_OVER}.get(kind, LEADS_NEWS)


@contextmanager
def morning(folder: Path, kind: str, of: type[Day] = Day, ledger: str = FILE) -> Iterator[Day]:
    """A day with help desks and ears of its own, installed."""
    with Sandbox(settle=SETTLE) as box, listening() as ears:
        day = of(box, folder, kind, ears, ledger)
        day.install()
        yield day


def lived(
    day: Day, reports: Sequence[Report], waves: int, trouble: tuple[int, float] | None = None
) -> dict[str, Count]:
    """All of it: reports come in, wave after wave, outages open, grow, and are solved; `trouble` is a seed, and the
    share of requests that fail."""
    size = -(-len(reports) // waves)
    if trouble:
        day.trouble(*trouble)
    for first in range(0, len(reports), size):
        day.arrive(reports[first : first + size])
        day.run()
        day.pass_time(30.0)
    day.heal()
    day.settle()
    if trouble:
        day.resolve()  # so that every step of the connector's own goes wrong too
        day.trouble(*trouble)
    else:
        day.solve()
    for _ in range(waves if trouble else 0):
        day.run()
        day.pass_time(30.0)
    day.heal()
    day.end()
    return day.reckon()


def made_up(seed: int, reports: int, outages: int, unrelated: int) -> list[Report]:
    """In the order in which they arrive."""
    return Morning(seed, UNSEEN[:outages], reports, unrelated).all()
