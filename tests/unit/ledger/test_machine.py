"""The ledger under any order of steps: two processes that claim, stall, send and die, a remote that loses answers and
carries out late, people who interfere. Whatever happens, nothing is sent again that may be there already."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from connector.clock import utc
from connector.delivery import TABLE, TICK, Absent, Found, Move, State, Wait, verdict
from connector.errors import Finding
from connector.ledger import claims, deliveries, identity, people, planning, settling
from connector.ledger.claims import Claim, Terms
from connector.ledger.database import Database
from connector.ledger.deliveries import Delivery
from connector.ledger.moves import Step
from connector.ledger.planning import Planned
from connector.ledger.schema import delivery, event, metadata
from connector.ledger.settling import Done
from connector.plugins import Do, Look, Receipt
from connector.ticket import Comment
from tests.crash.harness import memory
from tests.postgres import Server
from tests.unit.ledger.rows import take, taken
from tests.unit.ledger.rows import ticket as ticket_of

LEASE, CALL, SETTLE = 100.0, 60.0, 360.0
WAY = frozenset((was.value, now.value) for (was, _), now in TABLE.items())
NEVER = float("inf")
WHO = st.sampled_from(["one", "two"])
CONTROL = st.sampled_from([None, True, False])
SETTLES = st.sampled_from([True, True, True, True, True, False])
DATED = st.sampled_from([True, True, True, False])
AFTER = st.sampled_from([0.0, SETTLE, SETTLE + TICK])
LOOKS = st.lists(st.tuples(AFTER, CONTROL, DATED, SETTLES), min_size=2, max_size=5)
ENDS = st.sampled_from(["accepted", "refused", "deferred", "lost", "died"])
# When the remote carries out what it was sent: at once, late, never.
HAPPENS = st.sampled_from([0.0, SETTLE * 0.9, NEVER])


@dataclass(eq=False)
class Held:
    """What a process has claimed and not sent yet."""

    who: str
    rows: list[Delivery]
    at: float
    together: bool


@dataclass
class Remote:
    """When each send of a delivery is carried out."""

    sends: dict[int, list[float]] = field(default_factory=dict)

    def has(self, row: int, at: float) -> bool:
        return any(when <= at for when in self.sends.get(row, []))

    def may_have(self, row: int) -> bool:
        return any(when < NEVER for when in self.sends.get(row, []))


def _several(held: Any) -> list[Held]:
    """What a rule gave back: one or many."""
    return [held] if isinstance(held, Held) else list(held.values)


class LedgerMachine(RuleBasedStateMachine):
    """One sink, a few tickets, two processes."""

    db: ClassVar[Database]
    held: Bundle[Held] = Bundle("held")
    jobs: Bundle[Held] = Bundle("jobs")

    @initialize()
    def begin(self) -> None:
        with self.db.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        identity.claim_site(self.db, "north-test", "north-test")
        self.now = 1000.0
        self.remote = Remote()
        self.told: dict[str, tuple[int, int]] = {}  # of each ticket: its version, its comments
        self.kept: set[int] = set()
        for name in "abc":
            self.take(name, True, True)

    # ── what comes in ──

    @rule(name=st.sampled_from("abc"), changes=st.booleans(), says=st.booleans())
    def take(self, name: str, changes: bool, says: bool) -> None:
        version, comments = self.told.get(name, (0, 0))
        version, comments = version + (changes or not version), comments + says
        self.told[name] = version, comments
        said = tuple(Comment(id=f"c{number}", text="more") for number in range(comments))
        own = ticket_of(name, summary=f"version {version}", comments=said)
        take(self.db, [taken(own, f"{name}.eml", f"{version} {comments}".encode())], now=self.now)
        self.plan()

    def plan(self) -> None:
        rows = deliveries.unplanned(self.db, ["servicenow"], 100)
        planning.plan(self.db, [Planned(row, {"f": f"{row.part} {row.version}"}) for row in rows], self.now)

    @rule(seconds=st.sampled_from([1.0, CALL, LEASE + 1, SETTLE + 1]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    # ── what goes out ──

    @rule(target=held, who=WHO, most=st.integers(1, 3), together=st.booleans())
    def claim(self, who: str, most: int, together: bool) -> Any:
        self.plan()
        rows = deliveries.due(self.db, "servicenow", self.now, most)
        if not rows:
            return multiple()
        wanted = [Claim(row, {"b": row.version}) for row in rows]
        mine = claims.claim(self.db, wanted, Terms(who, self.now, LEASE, together))
        assert len(mine) == len(wanted)  # nobody came between
        assert claims.claim(self.db, wanted, Terms("another", self.now, LEASE)) == []
        if together:
            return Held(who, [each.row for each in mine], self.now, together)
        return multiple(*(Held(who, [each.row], self.now, together) for each in mine))

    @rule(who=WHO, most=st.integers(1, 3), together=st.booleans(), end=ENDS, happens=HAPPENS)
    def claim_and_send(self, who: str, most: int, together: bool, end: str, happens: float) -> None:
        for mine in _several(self.claim(who, most, together)):
            self.send(mine, end, happens)

    @rule(mine=consumes(held), end=ENDS, happens=HAPPENS)
    def send(self, mine: Held, end: str, happens: float) -> None:
        """What a process does once it has the processor again; `end` holds of all rows of the call."""
        if self.now - mine.at > LEASE - CALL:
            self._settle(mine, Move.DEFERRED)  # too late: given back
            return
        self._leave(mine, {"accepted": 0.0, "refused": NEVER, "deferred": NEVER}.get(end, happens))
        match end:
            case "accepted":
                self._accepted(mine)
            case "refused":
                self._settle(mine, Move.REFUSED)
            case "deferred":
                self._settle(mine, Move.DEFERRED)
            case "lost":
                self._settle(mine, Move.LOST)

    def _leave(self, mine: Held, happens: float) -> None:
        for row in mine.rows:
            assert not self.remote.may_have(row.id), "sent again, though it is there or may come to be"
            assert deliveries.one(self.db, row.id).state is State.SENDING
            self.remote.sends.setdefault(row.id, []).append(self.now + happens)

    def _settle(self, mine: Held, move: Move) -> None:
        for row in mine.rows:
            step = Step(row.id, row.ticket_id, State.SENDING, move, sets={"due_at": self.now}, holder=mine.who)
            if move is Move.REFUSED:
                step = Step(row.id, row.ticket_id, State.SENDING, move, holder=mine.who)
            settling.settle_each(self.db, [settling.End(row, step)], self.now)

    def _accepted(self, mine: Held) -> None:
        ends = [settling.accepted(row, Move.ACCEPTED, self._done(row), mine.who) for row in mine.rows]
        for end in settling.settle_each(self.db, ends, self.now):
            late = settling.accepted(end.row, Move.FOUND, self._done(end.row))
            settling.settle_each(self.db, [late], self.now)
        assert {deliveries.one(self.db, row.id).state for row in mine.rows} == {State.SENT}

    def _done(self, row: Delivery) -> Done:
        return Done(Receipt(f"sys{row.ticket_id}", f"INC{row.ticket_id}"), row.payload or {})

    # ── jobs ──

    @rule(target=jobs, mine=consumes(held), happens=HAPPENS)
    def begin_job(self, mine: Held, happens: float) -> Any:
        """The remote takes the call and works it off later; its name is committed, or lost with the process."""
        if not mine.together or self.now - mine.at > LEASE - CALL:
            self._settle(mine, Move.DEFERRED)
            return multiple()
        self._leave(mine, happens)
        if happens == NEVER:
            return multiple()
        claims.note_job(self.db, mine.rows, f"job{mine.rows[0].id}-{self.now}", mine.at, self.now + LEASE)
        return mine

    @rule(mine=consumes(jobs))
    def end_job(self, mine: Held) -> None:
        if all(self.remote.has(row.id, self.now) for row in mine.rows):
            self._accepted(mine)

    @rule()
    def forget_job(self) -> None:
        """The remote does not know the job any more: what went in it is looked for by itself."""
        for row in self._in(State.UNSURE):
            if row.job:
                claims.forget_job(self.db, deliveries.of_job(self.db, "servicenow", row.job), self.now)
                assert deliveries.one(self.db, row.id).job == ""

    # ── what is unsure ──

    @rule()
    def lose(self) -> None:
        claims.lose_expired(self.db, self.now)

    @rule(who=WHO, together=st.booleans(), end=st.sampled_from(["lost", "died"]), happens=HAPPENS, looks=LOOKS)
    def lose_and_look(self, who: str, together: bool, end: str, happens: float, looks: list[Any]) -> None:
        self.claim_and_send(who, 3, together, end, happens)
        self.now += LEASE + 1
        self.lose()
        for look in looks:
            self.look(*look)

    @rule(after=AFTER, control=CONTROL, dated=DATED, settles=SETTLES)
    def look(self, after: float, control: bool | None, dated: bool, settles: bool) -> None:
        self.now += after
        for row in deliveries.unsure(self.db, "servicenow", self.now, 2):
            assert claims.hold(self.db, row, "one", self.now, LEASE)
            assert not claims.hold(self.db, row, "two", self.now, LEASE)
            if not settles:
                claims.free(self.db, row, "one")
                continue
            self._judge(row, control, dated)

    def _judge(self, row: Delivery, control: bool | None, dated: bool) -> None:
        sees = control is True  # else the look itself may be blind
        found = (Receipt(f"sys{row.ticket_id}"),) if sees and self.remote.has(row.id, self.now) else ()
        since = None if row.empty_since is None else utc(row.empty_since)
        match verdict(Look(found, utc(self.now) if dated else None, control), since, SETTLE, guarded=False):
            case Found():
                settling.settle(self.db, row, Move.FOUND, self._done(row), self.now)
            case Absent():
                self._absent(row)
            case Wait(empty_since, seconds, reason):
                claims.keep_unsure(self.db, row, self.now + seconds, empty_since, Finding("unsure", "", reason))

    def _absent(self, row: Delivery) -> None:
        assert not self.remote.may_have(row.id), "believed absent, though it is there or may come to be"
        step = Step(row.id, row.ticket_id, State.UNSURE, Move.ABSENT, sets={"due_at": self.now})
        settling.settle_otherwise(self.db, row, step, self.now)

    # ── people ──

    @rule(name=st.sampled_from("abc"), act=st.sampled_from([people.release, people.drop, people.hurry, people.replan]))
    def interfere(self, name: str, act: Any) -> None:
        if name in self.told:
            ticket_id = people.find_ticket(self.db, f"mail:{name}")
            act(self.db, [ticket_id] if act is people.replan else ticket_id, self.now)

    @precondition(lambda self: self._in(State.UNSURE))
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        """A person who has looked well says what is so."""
        row = data.draw(st.sampled_from(self._in(State.UNSURE)))
        if self.remote.may_have(row.id):
            settling.settle(self.db, row, Move.FOUND, self._done(row), self.now)
        elif not any(self.remote.may_have(other.id) for other in self._in(State.UNSURE)):
            people.confirm_absent(self.db, row.ticket_id, self.now)

    # ── what always holds ──

    def _in(self, *states: State) -> list[Delivery]:
        wanted = select(delivery.c.id).where(delivery.c.state.in_(states)).order_by(delivery.c.id)
        with self.db.read() as connection:
            ids = list(connection.execute(wanted).scalars())
        return [deliveries.one(self.db, row) for row in ids]

    @invariant()
    def nothing_is_there_twice(self) -> None:
        for row, sends in self.remote.sends.items():
            assert sum(when < NEVER for when in sends) <= 1, f"delivery {row}"

    @invariant()
    def one_open_send_for_each_ticket(self) -> None:
        count = select(func.count()).where(delivery.c.state == State.SENDING.value).group_by(delivery.c.ticket_id)
        with self.db.read() as connection:
            assert set(connection.execute(count).scalars()) <= {1}

    @invariant()
    def states_change_by_the_table_and_events_tell_each_change(self) -> None:
        with self.db.read() as connection:
            now = {row.id: row.state for row in connection.execute(select(delivery.c.id, delivery.c.state))}
            events = connection.execute(select(event).where(event.c.delivery_id.is_not(None)).order_by(event.c.id))
            reached = dict.fromkeys(now, State.QUEUED.value)
            for told in events:
                assert (told.was, told.now) in WAY
                assert reached[told.delivery_id] == told.was
                reached[told.delivery_id] = told.now
        assert reached == now

    @invariant()
    def nothing_is_lost(self) -> None:
        rows = self._in(*State)
        ids = {row.id for row in rows}
        assert self.kept <= ids
        self.kept = ids
        parts = {(row.external_id, row.part) for row in rows}
        for name, (_, comments) in self.told.items():
            assert {(name, "ticket"), *((name, f"comment:c{number}") for number in range(comments))} <= parts

    def teardown(self) -> None:
        """Nobody interferes any more: all that no person dropped or holds arrives."""
        for _ in range(60):
            if not self._in(State.QUEUED, State.SENDING, State.UNSURE):
                break
            self.now += SETTLE + 1
            self.lose()
            self.plan()
            self.look(0.0, True, True, True)
            for row in deliveries.due(self.db, "servicenow", self.now, 10):
                assert claims.claim(self.db, [Claim(row, {"b": 1})], Terms("last", self.now, LEASE))
                mine = Held("last", [row], self.now, False)
                self._leave(mine, 0.0)
                self._accepted(mine)
        left = self._in(State.QUEUED, State.SENDING, State.UNSURE)
        blocked = {row.ticket_id for row in self._in(State.BLOCKED) if row.do is Do.CREATE}
        assert [row for row in left if row.ticket_id not in blocked] == []
        for row in self._in(State.SENT):
            assert self.remote.may_have(row.id)  # at once, or later where a person said that it would be there


@pytest.fixture(params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, sqlite_ledger: Path) -> Iterator[Database]:
    """One ledger for all examples, emptied by each; in memory, where killing is not what is tried."""
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory(dir=memory()) as folder:
            shutil.copy(sqlite_ledger, folder)
            opened = Database.open(f"sqlite:///{sqlite_ledger.name}", Path(folder))
            yield opened
            opened.close()
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.ledger()
    opened = Database.open(url)
    yield opened
    opened.close()
    server.drop(url)


def test_any_order_of_steps(shared: Database) -> None:
    class Machine(LedgerMachine):
        db = shared

    some = 16 if shared.is_sqlite else 5
    told = settings(max_examples=some, stateful_step_count=20, suppress_health_check=list(HealthCheck), deadline=None)
    run_state_machine_as_test(Machine, settings=told)
