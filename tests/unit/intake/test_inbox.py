"""The inbox: what is kept, what counts as said twice, and that a run takes each post in exactly once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from connector.engine.collect import collect
from connector.engine.rehearse import dry_run
from connector.engine.wiring import Inlet, Wiring
from connector.ledger import inbox, leases, records, views
from connector.ledger.database import Database
from connector.ledger.inbox import Post
from connector.ledger.schema import delivery, link, ticket
from connector.ledger.schema import inbox as inbox_table
from connector.ledger.taken import Counts
from connector.plugins import Record
from connector.routing import Route
from tests.conftest import FakeClock
from tests.unit.intake.conftest import inlets, request

# A run passes fewer commits and writes than this.
STEPS = 40


@pytest.fixture
def wiring(db: Database, clock: FakeClock, tmp_path: Path) -> Wiring:
    return Wiring(
        db=db,
        base=tmp_path,
        site="north-test",
        clock=clock,
        who=leases.holder(),
        inlets=inlets(tmp_path, clock),
        outlets={},
        routes=(Route(sink="desk"),),
        pending=900.0,
        wait=0.0,
    )


def put(wiring: Wiring, *bodies: bytes, source: str = "button-id", **more: Any) -> list[str]:
    posts = [Post(source, body, **more) for body in bodies]
    return [receipt.id for receipt in inbox.put_in(wiring.db, posts, wiring.clock.wall())]


def take_in(wiring: Wiring, name: str = "button", limit: int | None = None) -> Counts:
    inlet, counts = wiring.inlets[name], Counts()
    held = leases.take(wiring.db, f"collect:{inlet.id}", wiring.who, wiring.clock.wall())
    assert held is not None
    try:
        collect(wiring, inlet, held, counts, limit)
    finally:
        leases.give_back(wiring.db, held)
    return counts


def states(wiring: Wiring, receipt: str) -> tuple[tuple[str, str], ...]:
    found = inbox.follow(wiring.db, receipt)
    assert found is not None
    return found.tickets


# ── kept, and said twice ─────────────────────────────────────────────────────────────────────────────────────────────


def test_receipts_are_many_and_nobody_guesses_them(wiring: Wiring) -> None:
    receipts = put(wiring, *(request(number) for number in range(1000)))
    assert len(set(receipts)) == 1000
    assert {len(receipt) for receipt in receipts} == {24}
    assert inbox.counts(wiring.db) == {"button-id": 1000}
    assert views.status(wiring.db, {"button": "button-id"}, [])["sources"]["button"]["posted"] == 1000


def test_the_same_body_in_one_commit_and_in_the_next_is_one_post(wiring: Wiring) -> None:
    first, second, other = put(wiring, request(1), request(1), request(2))
    assert first == second != other
    assert put(wiring, request(2), request(1)) == [other, first]
    assert inbox.counts(wiring.db) == {"button-id": 2}


def test_another_source_or_another_day_is_another_post(wiring: Wiring, clock: FakeClock) -> None:
    first = put(wiring, request(1), repeats=60.0)
    assert put(wiring, request(1), source="bot-id") != first
    clock.advance(59)
    assert put(wiring, request(1), repeats=60.0) == first
    clock.advance(2)
    later = put(wiring, request(1), repeats=60.0)
    assert later != first
    assert put(wiring, request(1), repeats=60.0) == later


def test_a_key_counts_for_ever_and_within_its_source(wiring: Wiring, clock: FakeClock) -> None:
    first = put(wiring, request(1), key="press-1")
    clock.advance(1e7)
    assert put(wiring, request(2), key="press-1") == first
    assert put(wiring, request(1), source="bot-id", key="press-1") != first
    assert put(wiring, request(3), request(4), key="press-2") == put(wiring, request(5), key="press-2") * 2


def test_pages_are_bounded_by_number_and_by_bytes(wiring: Wiring) -> None:
    put(wiring, *(request(number) for number in range(501)))
    last = inbox.newest(wiring.db, "button-id")
    page = inbox.waiting(wiring.db, "button-id", 0, last)
    assert len(page) == inbox.PAGE_POSTS == 500
    assert len(inbox.waiting(wiring.db, "button-id", page[-1].id, last)) == 1
    large = [json.dumps({"description": "x" * (5 * 1024 * 1024), "number": number}).encode() for number in range(2)]
    put(wiring, *large, source="bot-id")
    assert len(inbox.waiting(wiring.db, "bot-id", 0, inbox.newest(wiring.db, "bot-id"))) == 1


# ── taken in ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_posted_becomes_tickets_once(wiring: Wiring) -> None:
    one, two, bad = put(wiring, request(1, request_id="a"), request(2), b'{"nothing": "said"}')
    counts = take_in(wiring)
    assert (counts.read, counts.new, counts.rejected) == (3, 2, 1)
    assert states(wiring, one) == states(wiring, two) == (("queued", ""),)
    assert states(wiring, bad) == (("held", ""),)
    assert take_in(wiring).read == 0
    assert inbox.counts(wiring.db) == {}
    assert views.status(wiring.db, {"button": "button-id"}, [])["sources"]["button"]["posted"] == 0
    with wiring.db.read() as connection:
        assert connection.execute(select(inbox_table.c.data)).scalars().all() == [None] * 3


def test_one_post_may_hold_several_requests(wiring: Wiring) -> None:
    both = json.dumps([json.loads(request(1, request_id="a")), json.loads(request(2, request_id="b"))]).encode()
    receipt = put(wiring, both)[0]
    assert take_in(wiring).new == 2
    assert states(wiring, receipt) == (("queued", ""), ("queued", ""))


def test_a_post_of_many_requests_takes_several_commits(wiring: Wiring) -> None:
    many = json.dumps([json.loads(request(number, request_id=str(number))) for number in range(1201)]).encode()
    receipt, other = put(wiring, many, request(1))
    assert take_in(wiring, limit=1).new == 1  # as if it were killed after the first of them
    assert states(wiring, receipt) == (("received", ""),)
    after = take_in(wiring)
    assert (after.new, after.unchanged) == (1201, 1)
    assert states(wiring, receipt) == (("queued", ""),) * inbox.FOLLOWED
    assert states(wiring, other) == (("queued", ""),)
    assert take_in(wiring).read == 0


def test_the_number_is_known_when_the_ticket_is_there(wiring: Wiring) -> None:
    receipt = put(wiring, request(1))[0]
    take_in(wiring)
    with wiring.db.write() as connection:
        own = connection.execute(select(ticket.c.id)).scalar_one()
        row = {"ticket_id": own, "sink": "desk", "remote_id": "x", "number": "INC0010001", "url": "", "sent": "{}"}
        connection.execute(link.insert(), {**row, "echo": "{}", "notes": "{}", "linked_at": 1.0})
    assert states(wiring, receipt) == (("sent", "INC0010001"),)


@pytest.mark.parametrize(("state", "said"), [("blocked", "held"), ("dropped", "dropped"), ("unsure", "queued")])
def test_a_receipt_says_what_a_delivery_waits_for(wiring: Wiring, state: str, said: str) -> None:
    receipt = put(wiring, request(1))[0]
    take_in(wiring)
    with wiring.db.write() as connection:
        connection.execute(delivery.update().values(state=state))
    assert states(wiring, receipt) == ((said, ""),)


def test_a_talk_that_makes_no_ticket_is_counted(wiring: Wiring) -> None:
    talk = json.dumps({"sender_id": "u", "events": [{"event": "user", "text": "hello", "timestamp": 1.0}]}).encode()
    receipt = put(wiring, talk, source="bot-id")[0]
    assert take_in(wiring, "bot").counted == 1
    assert states(wiring, receipt) == (("counted", ""),)


def test_what_was_rejected_is_kept_and_read_again(wiring: Wiring) -> None:
    receipt = put(wiring, b'{"nothing": "said"}')[0]
    take_in(wiring)
    kept = records.rejected(wiring.db, "button-id", f"intake/{receipt}")
    assert kept is not None
    assert kept.data == b'{"nothing": "said"}'


def test_a_limit_leaves_the_rest_where_it_is(wiring: Wiring) -> None:
    receipts = put(wiring, request(1), request(2), request(3))
    assert take_in(wiring, limit=2).new == 2
    assert [states(wiring, receipt)[0][0] for receipt in receipts] == ["received"] * 3
    after = take_in(wiring)
    assert (after.new, after.unchanged) == (1, 2)
    assert [states(wiring, receipt)[0][0] for receipt in receipts] == ["queued"] * 3


def test_a_dry_run_writes_nothing(wiring: Wiring) -> None:
    receipt = put(wiring, request(1))[0]
    report = dry_run(wiring, list(wiring.inlets.values()), list(wiring.outlets.values()), None)
    assert report.sources["button"].new == 1
    assert states(wiring, receipt) == (("received", ""),)


class Clumsy:
    """A source whose taking apart fails."""

    def __init__(self, inlet: Inlet) -> None:
        self.read, self.pages = inlet.source.read, inlet.source.pages

    def split(self, record: Record) -> Iterator[Record]:
        raise ValueError("a bug")


def test_a_plugins_bug_loses_no_post(wiring: Wiring) -> None:
    receipt = put(wiring, request(1))[0]
    inlet = wiring.inlets["button"]
    clumsy = replace(wiring, inlets={"button": replace(inlet, source=Clumsy(inlet))})  # type: ignore[arg-type]
    assert take_in(clumsy).new == 1
    assert states(wiring, receipt) == (("queued", ""),)


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_killed_between_any_two_steps_each_post_is_one_ticket(
    sqlite_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """A run in a fork is killed before its first statement, its second, and so on, until one comes to its end."""
    db = Database.open(sqlite_url, tmp_path)
    base = Wiring(db, tmp_path, "north-test", clock, "", inlets(tmp_path, clock), {}, (Route(sink="desk"),), 900.0, 0.0)
    receipts = put(base, *(request(number) for number in range(5)))
    killed = 0
    while killed < STEPS and _killed_at(killed + 1, base):
        killed += 1
        clock.advance(60)  # the lease of who was killed has run out
    assert 8 < killed < STEPS
    assert [states(base, receipt)[0][0] for receipt in receipts] == ["queued"] * 5
    with db.read() as connection:
        assert len(connection.execute(select(ticket)).all()) == len(connection.execute(select(delivery)).all()) == 5
    db.close()


def _killed_at(step: int, base: Wiring) -> bool:
    base.db.engine.dispose()  # a connection is not for two processes
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    passed = 0

    def one_more(*_: object) -> None:
        nonlocal passed
        passed += 1
        if passed == step:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        event.listen(base.db.engine, "before_cursor_execute", one_more)
        event.listen(base.db.engine, "commit", one_more)
        take_in(replace(base, who=leases.holder()))
    finally:
        os._exit(0)
