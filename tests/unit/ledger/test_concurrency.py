"""Four processes and one ledger, on each database: nothing is claimed twice, nothing is lost, one budget serves all."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy import event as happening
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from connector.delivery import Move, State
from connector.ledger import budgets, claims, deliveries, identity, leases, settling
from connector.ledger.claims import Claim, Terms
from connector.ledger.database import Database
from connector.ledger.deliveries import Delivery
from connector.ledger.schema import event
from connector.ledger.settling import Done
from connector.pacing import NOTHING, SLACK, Spread
from connector.plugins import Receipt
from tests.postgres import Server
from tests.unit.ledger.processes import Tell, at_once
from tests.unit.ledger.test_deliveries import NOW, filled

PROCESSES = 4
TICKETS = 24
BATCH = 6
Opened = Callable[[], Database]


@pytest.fixture
def opened(ledger_url: str, tmp_path: Path) -> Opened:
    return partial(Database.open, ledger_url, tmp_path)


# ── claims ──


def deliver_all(opened: Opened, killed: Path, tell: Tell) -> None:
    """Claim and settle until nothing is due, but leave a few until the other process was killed; tell every claim."""
    db, who = opened(), leases.holder()
    while rows := deliveries.due(db, "servicenow", NOW, BATCH):
        if len(rows) == BATCH or killed.exists():
            deliver(db, rows[:1], who, tell)


def be_killed(opened: Opened, killed: Path, commits: int, before: bool, tell: Tell) -> None:
    """Claim and settle until killed, before or after so many commits."""
    db, who = opened(), leases.holder()
    left = iter(range(commits - 1, -1, -1))

    def end(*_: object) -> None:
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def point(connection: Connection) -> None:
        if connection.get_execution_options().get("connector_write") and next(left) == 0:
            end() if before else happening.listen(Pool, "checkin", end)

    happening.listen(Engine, "commit", point)
    try:
        while rows := deliveries.due(db, "servicenow", NOW, BATCH):
            deliver(db, rows, who, tell)
    finally:
        killed.touch()  # whatever else ended it, the others do not wait for ever


def deliver(db: Database, rows: list[Delivery], who: str, tell: Tell) -> None:
    for row in rows:
        if claims.claim(db, [Claim(row, {"b": 1})], Terms(who, NOW, 100.0)):
            tell(row.id)
            settling.settle(db, row, Move.ACCEPTED, Done(Receipt(f"sys{row.id}")), NOW)


@pytest.mark.parametrize("before", [True, False], ids=["before a commit", "after a commit"])
@pytest.mark.parametrize("commits", [3, 4])  # mostly that of a claim, that of a settlement
def test_every_delivery_is_claimed_once_though_a_process_is_killed(
    opened: Opened, db: Database, tmp_path: Path, commits: int, before: bool
) -> None:
    filled(db, *(f"t{number}" for number in range(TICKETS)))
    db.close()
    killed = tmp_path / "killed"
    works: list[Callable[[Tell], None]] = [partial(deliver_all, opened, killed) for _ in range(PROCESSES - 1)]
    ended = at_once([*works, partial(be_killed, opened, killed, commits, before)])
    assert [process.code for process in ended] == [0] * (PROCESSES - 1) + [-signal.SIGKILL]

    claimed = claims_of(db)
    assert len(claimed) == TICKETS
    assert set(claimed.values()) == {1}
    told = Counter(row for process in ended for row in process.told)
    assert set(told.values()) == {1}
    lost = claims.lose_expired(db, NOW)  # the killed one's open claim, at once
    assert deliveries.tally(db, "servicenow") == {
        **dict.fromkeys([state.value for state in State], 0),
        "sent": TICKETS - lost,
        "unsure": lost,
    }
    assert lost <= 1
    assert identity.generation(db) == TICKETS


def claims_of(db: Database) -> Counter[int]:
    with db.read() as connection:
        rows = connection.execute(select(event.c.delivery_id).where(event.c.now == State.SENDING.value))
        return Counter(rows.scalars())


def test_one_delivery_is_claimed_by_one_of_four(opened: Opened, db: Database) -> None:
    row = filled(db, "one")[0]
    wanted = deliveries.due(db, "servicenow", NOW, 1)[0]
    db.close()
    ended = at_once([partial(claim_it, opened, wanted)] * PROCESSES)
    assert sorted(process.told[0] for process in ended) == [False] * (PROCESSES - 1) + [True]
    assert deliveries.one(db, row.id).attempts == 1


def claim_it(opened: Opened, row: Delivery, tell: Tell) -> None:
    tell(len(claims.claim(opened(), [Claim(row, {"b": 1})], Terms(leases.holder(), NOW, 100.0))))


def test_many_at_once_are_claimed_by_one_each_though_a_process_is_killed(opened: Opened, db: Database) -> None:
    filled(db, *(f"t{number}" for number in range(TICKETS)))
    db.close()
    works: list[Callable[[Tell], None]] = [partial(deliver_many, opened, False) for _ in range(PROCESSES - 1)]
    ended = at_once([*works, partial(deliver_many, opened, True)])
    assert [process.code for process in ended] == [0] * (PROCESSES - 1) + [-signal.SIGKILL]
    assert set(claims_of(db).values()) == {1}
    told = Counter(row for process in ended for row in process.told)
    assert set(told.values()) == {1}
    killed = len(ended[-1].told)
    assert claims.lose_expired(db, NOW) == killed
    counted = deliveries.tally(db, "servicenow")
    assert (counted["sent"], counted["unsure"], counted["queued"]) == (TICKETS - killed, killed, 0)


def deliver_many(opened: Opened, killed: bool, tell: Tell) -> None:
    """Claim and settle calls of several rows, all of which somebody else may want; be killed after the first claim."""
    db, who = opened(), leases.holder()
    while rows := deliveries.due(db, "servicenow", NOW, BATCH):
        mine = claims.claim(db, [Claim(row, {"b": 1}) for row in rows], Terms(who, NOW, 100.0, together=True))
        for each in mine:
            tell(each.row.id)
        if killed:
            os.kill(os.getpid(), signal.SIGKILL)
        ends = [settling.accepted(each.row, Move.ACCEPTED, Done(Receipt(f"sys{each.row.id}")), who) for each in mine]
        assert not ends or settling.settle_each(db, ends, NOW) == []
    if killed:  # the others were quicker
        os.kill(os.getpid(), signal.SIGKILL)


# ── what else they share ──


def test_four_processes_share_one_budget(opened: Opened, db: Database) -> None:
    db.close()
    ended = at_once([partial(spend, opened)] * PROCESSES)
    assert [process.code for process in ended] == [0] * PROCESSES
    assert sum(process.told[0] for process in ended) == 6


def spend(opened: Opened, tell: Tell) -> None:
    """Ask for a slot four times a second, for six seconds in which one is allowed every second."""
    db = opened()
    tell(sum(budgets.change(db, "account", [""], NOW + tick / 4, partial(spent, NOW + tick / 4)) for tick in range(24)))


def spent(now: float, rows: budgets.Budgets) -> tuple[bool, budgets.Budgets]:
    second, row = Spread(1, 1.0 / (1 + SLACK)), rows.get("", NOTHING)
    return (False, {}) if second.wait(row, 1, now) else (True, {"": second.spent(row, 1, now)})


def test_one_of_four_gets_a_lease(opened: Opened, db: Database) -> None:
    db.close()
    ended = at_once([partial(take_lease, opened, f"host{number}|b|n|1|1|x") for number in range(PROCESSES)])
    assert sorted(process.told[0] for process in ended) == [False] * (PROCESSES - 1) + [True]


def take_lease(opened: Opened, who: str, tell: Tell) -> None:
    tell(leases.take(opened(), "collect:mail", who, NOW) is not None)


@pytest.fixture(params=["sqlite", "postgres"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens a ledger that is not there yet."""
    if request.param == "sqlite":
        yield partial(Database.open, "sqlite:///new.db", tmp_path)
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.empty()
    yield partial(Database.open, url)
    server.drop(url)


def test_four_first_starts_make_one_ledger(nowhere: Opened) -> None:
    ended = at_once([partial(first_start, nowhere, f"site-{number}") for number in range(PROCESSES)])
    assert [process.code for process in ended] == [0] * PROCESSES
    assert len({process.told[0] for process in ended}) == 1


def first_start(nowhere: Opened, minted: str, tell: Tell) -> None:
    tell(identity.claim_site(nowhere(), None, minted))
