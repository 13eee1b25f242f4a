"""Do reports of one outage find each other, and no others; and what does it cost to look at one more ticket?

Three made-up hospitals: what the rule was tuned on (seen), what it was judged by meanwhile (unseen), and what was
written without it and tried last (unheard).
"""

from __future__ import annotations

import logging
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import func, insert, select

from connector.config import Problems
from connector.engine.gather import Gathering
from connector.jsontext import dump
from connector.ledger.database import Database
from connector.ledger.schema import member, problem, ticket
from connector.ledger.traits import KEEP, Names, Traits
from connector.problems.likeness import Profile
from connector.ticket import Ticket
from tests.corpus.gathered import SINK, as_ticket, belonging, fresh, gather_all, put_together, take_in
from tests.corpus.outages import SEEN, UNSEEN, Morning, Report
from tests.corpus.unheard import shift

OUTAGES, SEEDS, HOURS = 7, (1, 2, 3), 2.0
HOSPITALS: Mapping[str, Callable[[int], list[Report]]] = {
    "seen": lambda seed: Morning(seed, SEEN, hours=HOURS).all(),
    "unseen": lambda seed: Morning(seed, UNSEEN, hours=HOURS).all(),
    "unheard": shift,
}
OPEN, ADDED, ROUNDS, ALONE = 100_000, 200, 3, 50
CLOSED, EACH = 500, 5
MORNINGS = 12  # in a day
AUTO = Problems(mode="auto")

GOALS = {
    **{
        f"{hospital}: {figure}": goal
        for hospital in HOSPITALS
        for figure, goal in (("precision", ">= 0.98"), ("recall", ">= 0.9"), ("problems too many or few", "<= 0"))
    },
    "ms for one more at 100,000 open": "<= 5",
    "ms for a run that has one more": "<= 5",
    "times as much with 500 closed": "<= 1.3",
}


def problems_row(folder: Path) -> dict[str, float]:
    """500 reports of 7 outages among 5,000 others, medians of 3 seeds; CPU of one more ticket at 100,000 open."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures: dict[str, float] = {}
    for hospital, morning in HOSPITALS.items():
        each = [_judged(folder / f"{hospital}-{seed}", morning(seed)) for seed in SEEDS]
        print(hospital, each, file=sys.stderr)
        figures |= {f"{hospital}: {what}": statistics.median(one[what] for one in each) for what in each[0]}
    return figures | _costs(folder)


def _judged(folder: Path, reports: Sequence[Report]) -> dict[str, float]:
    folder.mkdir()
    now = time.time()
    problems, precision, recall = put_together(folder, reports, now, now - HOURS * 3600 - 60)
    return {"precision": precision, "recall": recall, "problems too many or few": abs(problems - OUTAGES)}


# ── what one more costs ──────────────────────────────────────────────────────────────────────────────────────────


def _costs(folder: Path) -> dict[str, float]:
    """In two ledgers that differ in what is closed; the same tickets are added to both."""
    now = time.time()
    tickets = [as_ticket(report, now - KEEP) for report in _day()]
    known, added = tickets[:OPEN], tickets[OPEN:]
    _fill(folder / "none", known, now)
    shutil.copytree(folder / "none", folder / "closed")
    none, closed = (Database.open("sqlite:///ledger.db", folder / name) for name in ("none", "closed"))
    _close(closed)
    spent: list[tuple[float, float]] = []
    for number in range(ROUNDS):
        some = added[number * ADDED : (number + 1) * ADDED]
        spent.append((_spent(none, some, now), _spent(closed, some, now)))
    alone = [_spent(none, [one], now) for one in added[ROUNDS * ADDED :]]
    for db in (none, closed):
        db.close()
    print(spent, file=sys.stderr)
    return {
        "ms for one more at 100,000 open": statistics.median(one for one, _ in spent),
        "ms for a run that has one more": statistics.median(alone),
        "times as much with 500 closed": statistics.median(other / one for one, other in spent),
    }


def _day() -> Iterator[Report]:
    """As many as are to be open, and those that are added: eleven quiet mornings, and a twelfth with seven outages
    that go on while the last ones are written."""
    share = (OPEN + ROUNDS * ADDED + ALONE) // MORNINGS
    for number in range(MORNINGS - 1):
        yield from _later(number, Morning(number, UNSEEN, reports=0, unrelated=share, hours=HOURS).all())
    left = OPEN + ROUNDS * ADDED + ALONE - share * (MORNINGS - 1) - 500
    last = Morning(MORNINGS, UNSEEN, reports=500, unrelated=left, hours=HOURS).all()
    yield from _later(MORNINGS - 1, sorted(last, key=lambda report: report.at))


def _later(number: int, reports: Sequence[Report]) -> Iterator[Report]:
    for report in reports:
        yield replace(report, name=f"{number}-{report.name}", at=report.at + number * HOURS * 3600)


def _fill(folder: Path, tickets: Sequence[Ticket], now: float) -> None:
    """All of them are known as after a run. The quiet mornings, in which there is nothing to find, are marked as
    looked at; the last one is looked at."""
    folder.mkdir()
    db = fresh(folder)
    quiet = (MORNINGS - 1) * ((OPEN + ROUNDS * ADDED + ALONE) // MORNINGS)
    ids = take_in(db, tickets[:quiet], now)
    names, some = Names(), 1
    while some:
        with db.write() as connection:
            some = Gathering(connection, AUTO, SINK, True, now, names).learn()
    with db.write() as connection:
        Traits(connection, SINK, names).placed(ids)
    take_in(db, tickets[quiet:], now, quiet + 1)
    gather_all(db, now)
    db.close()


def _close(db: Database) -> None:
    """Outages that were closed in the course of the day, made of tickets that belong to none."""
    free = sorted(set(range(1, OPEN + 1)) - set(belonging(db)))
    step = len(free) // CLOSED
    with db.write() as connection:
        traits = Traits(connection, SINK, Names())
        for number in range(CLOSED):
            owns = traits.signatures(free[number * step : number * step + EACH])
            times = [own.at for own in owns.values()]
            row = {
                "id": OPEN + number,
                "key": f"closed{number}",
                "sink": SINK,
                "state": "closed",
                "title": "It is over",
                "binds": dump(Profile.of(owns.values(), {}).document()),
                "first_at": min(times),
                "last_at": max(times),
                "ended_at": max(times),
            }
            connection.execute(insert(problem), [row])
            belongs = [{"ticket_id": one, "problem_id": row["id"], "why": "", "joined_at": max(times)} for one in owns]
            connection.execute(insert(member), belongs)


def _spent(db: Database, tickets: Sequence[Ticket], now: float) -> float:
    """CPU ms for each of these, from being in the ledger to being looked at."""
    with db.read() as connection:
        last: int = connection.execute(select(func.max(ticket.c.id))).scalar_one()  # it may be a parent
    take_in(db, tickets, now, last + 1)
    began = time.process_time()
    looked = gather_all(db, now)
    spent = time.process_time() - began
    assert looked == len(tickets)
    return 1000 * spent / looked
