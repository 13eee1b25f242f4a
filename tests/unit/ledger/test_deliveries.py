"""Claims, order, leases of deliveries, and what becomes of a claim whose process is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from connector.clock import utc
from connector.delivery import Move, State
from connector.engine.attempt import outcome
from connector.engine.wiring import Wiring
from connector.errors import Finding, Scope, StaleRow, Transient
from connector.ledger import claims, deliveries, leases, people, planning, settling, views
from connector.ledger.claims import Claim, Terms
from connector.ledger.database import Database
from connector.ledger.deliveries import Delivery
from connector.ledger.moves import Step
from connector.ledger.planning import Planned
from connector.ledger.schema import delivery
from connector.ledger.settling import Done
from connector.plugins import Do, Receipt
from connector.retry import Policy
from connector.ticket import Comment
from tests.unit.ledger.rows import take, taken, ticket

NOW = 1000.0


def filled(db: Database, *names: str, comments: int = 0) -> list[Delivery]:
    extra = tuple(Comment(id=f"c{i}", text="more") for i in range(comments))
    take(db, [taken(ticket(name, comments=extra), f"{name}.eml") for name in names])
    rows = deliveries.unplanned(db, ["servicenow"], 1000)
    planning.plan(db, [Planned(row, {"f": row.part}) for row in rows], NOW)
    return rows


def due(db: Database, now: float = NOW) -> list[Delivery]:
    return deliveries.due(db, "servicenow", now, 100)


def claim(db: Database, row: Delivery, who: str = "me", now: float = NOW) -> bool:
    return bool(claims.claim(db, [Claim(row, {"b": 1})], Terms(who, now, 100.0)))


def state(db: Database, row: Delivery) -> State:
    return deliveries.one(db, row.id).state


def test_comments_wait_for_their_ticket_and_for_each_other(db: Database) -> None:
    filled(db, "one", comments=2)
    assert [row.part for row in due(db)] == ["ticket"]
    row = due(db)[0]
    assert claim(db, row)
    settling.settle(db, row, Move.ACCEPTED, Done(Receipt("sys1"), {"f": "ticket"}), NOW)
    assert [row.part for row in due(db)] == ["comment:c0"]
    assert due(db)[0].linked is not None


def test_tickets_do_not_wait_for_each_other(db: Database) -> None:
    filled(db, "one", "two", "three")
    assert len(due(db)) == 3


def test_an_unsure_delivery_holds_what_comes_behind_it(db: Database) -> None:
    filled(db, "one", comments=1)
    row = due(db)[0]
    claim(db, row)
    settling.settle_otherwise(db, row, Step(row.id, row.ticket_id, State.SENDING, Move.LOST, "?", {"due_at": NOW}), NOW)
    assert due(db, NOW + 1e6) == []
    assert [found.part for found in deliveries.unsure(db, "servicenow", NOW, 10)] == ["ticket"]


def test_a_blocked_create_holds_its_comments_but_a_blocked_comment_holds_nothing(db: Database) -> None:
    filled(db, "one", "two", comments=2)
    first = due(db)[0]
    held = Step(first.id, first.ticket_id, State.QUEUED, Move.HELD)
    settling.settle_otherwise(db, first, held, NOW)
    assert [row.external_id for row in due(db)] == ["two"]
    second = due(db)[0]
    claim(db, second)
    settling.settle(db, second, Move.ACCEPTED, Done(Receipt("sys2")), NOW)
    comment = due(db)[0]
    settling.settle_otherwise(db, comment, Step(comment.id, comment.ticket_id, State.QUEUED, Move.HELD), NOW)
    assert [row.part for row in due(db)] == ["comment:c1"]


def test_a_delivery_is_claimed_once(db: Database) -> None:
    filled(db, "one")
    row = due(db)[0]
    assert claim(db, row)
    assert not claim(db, row, "you")


def test_a_row_that_was_rendered_again_meanwhile_is_not_claimed(db: Database) -> None:
    filled(db, "one")
    row = due(db)[0]
    take(db, [taken(ticket("one", summary="changed"), "one.eml", b"2")])
    assert not claim(db, row)


def test_the_database_itself_refuses_two_open_sends_of_one_ticket(db: Database) -> None:
    filled(db, "one", comments=1)
    row = due(db)[0]
    claim(db, row)
    values = {"ticket_id": row.ticket_id, "sink": "servicenow", "do": "comment", "part": "x", "version": 1}
    values |= {"state": "sending", "attempts": 0, "due_at": NOW, "created_at": NOW}
    with pytest.raises(IntegrityError), db.write() as connection:
        connection.execute(insert(delivery), [values])


def test_a_claim_that_ran_out_is_unsure_never_queued(db: Database) -> None:
    filled(db, "one")
    row = due(db)[0]
    claim(db, row)
    assert claims.lose_expired(db, NOW + 99) == 0
    assert claims.lose_expired(db, NOW + 101) == 1
    assert state(db, row) is State.UNSURE


def test_a_claim_of_a_process_that_is_certainly_dead_is_unsure_at_once(db: Database) -> None:
    filled(db, "one", "two")
    mine, theirs = due(db)
    claim(db, mine, leases.holder())
    code = "from connector.ledger import leases; print(leases.holder())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    claim(db, theirs, dead)
    assert claims.lose_expired(db, NOW + 1) == 1
    assert (state(db, mine), state(db, theirs)) == (State.SENDING, State.UNSURE)


def test_an_answer_after_the_claim_ran_out_still_settles(db: Database) -> None:
    filled(db, "one")
    row = due(db)[0]
    claim(db, row)
    claims.lose_expired(db, NOW + 101)
    with pytest.raises(StaleRow):
        settling.settle(db, row, Move.ACCEPTED, Done(Receipt("sys1")), NOW)
    settling.settle(db, row, Move.FOUND, Done(Receipt("sys1")), NOW)
    assert state(db, row) is State.SENT


def test_two_processes_do_not_settle_the_same_unsure_delivery(db: Database) -> None:
    filled(db, "one")
    row = due(db)[0]
    claim(db, row)
    claims.lose_expired(db, NOW + 101)
    assert claims.hold(db, row, "me", NOW + 102, 60.0)
    assert not claims.hold(db, row, "you", NOW + 103, 60.0)
    assert deliveries.unsure(db, "servicenow", NOW + 103, 10) == []
    assert claims.hold(db, row, "you", NOW + 163, 60.0)


def test_controls_are_the_latest_deliveries_of_that_kind_known_to_be_there(db: Database) -> None:
    filled(db, "one", "two", "three")
    first, second, third = due(db)
    assert deliveries.controls(db, third, 3) == []
    for row, name in ((first, "sys1"), (second, "sys2")):
        claim(db, row)
        settling.settle(db, row, Move.ACCEPTED, Done(Receipt(name)), NOW)
    assert [known.remote_id for known in deliveries.controls(db, third, 3)] == ["sys2", "sys1"]
    assert [known.remote_id for known in deliveries.controls(db, third, 1)] == ["sys2"]


def test_the_link_keeps_what_was_sent_and_what_the_remote_made_of_it(db: Database) -> None:
    filled(db, "one")
    row = due(db)[0]
    claim(db, row)
    receipt = Receipt("sys1", "INC1", echo={"f": "kept"}, unkept={"g": ("x", "y")}, learned={"client_sys_id": "yes"})
    settling.settle(db, row, Move.ACCEPTED, Done(receipt, {"f": "ticket"}, findings=[Finding("c", "caller", "w")]), NOW)
    linked = deliveries.one(db, row.id).linked
    assert linked is not None
    assert (linked.sent, linked.echo, linked.number) == ({"f": "ticket"}, {"f": "kept"}, "INC1")
    assert deliveries.remembered(db, "servicenow") == {"client_sys_id": "yes"}
    notes = views.story(db, 1)["sinks"]["servicenow"]["notes"]
    assert notes["g"] == {"sent": "x", "kept": "y"}


def test_whatever_characters_a_remote_answers_are_kept(db: Database) -> None:
    filled(db, "one")
    row = due(db)[0]
    claim(db, row)
    echo = {"f": "a \0 NUL, half a \ud83d smiley", "g": "ä 😀"}
    settling.settle(db, row, Move.ACCEPTED, Done(Receipt("sys1", "INC\0" + "1", echo=echo)), NOW)
    linked = deliveries.one(db, row.id).linked
    assert linked is not None
    assert linked.echo == echo
    assert linked.number in ("INC\0" + "1", "INC\ufffd1")


def test_a_follow_up_takes_the_place_of_what_met_a_closed_record_once(db: Database) -> None:
    filled(db, "one", comments=2)
    row = due(db)[0]
    claim(db, row)
    settling.settle(db, row, Move.ACCEPTED, Done(Receipt("sys1")), NOW)
    comment = due(db)[0]
    settling.follow_up(db, comment, "sys1", NOW)
    other = due(db)[0]
    assert other.part == "comment:c1"
    settling.follow_up(db, other, "sys1", NOW)
    rows = deliveries.unplanned(db, ["servicenow"], 10)
    assert [(r.do, r.part) for r in rows] == [
        (Do.CREATE, "follow_up:sys1"),
        (Do.COMMENT, "comment:c0@follow_up:sys1"),
        (Do.COMMENT, "comment:c1@follow_up:sys1"),
    ]
    assert rows[0].what == {"follow_up_of": "sys1"}
    planning.plan(db, [Planned(r, {"f": 1}) for r in rows], NOW)
    assert [r.part for r in due(db)] == ["follow_up:sys1"]


# ── what a person may do ──


def test_people_name_tickets_in_several_ways(db: Database) -> None:
    filled(db, "abc-1", "abc-2")
    row = due(db)[0]
    claim(db, row)
    settling.settle(db, row, Move.ACCEPTED, Done(Receipt("sys1", "INC0001")), NOW)
    assert people.find_ticket(db, "mail:abc-1") == people.find_ticket(db, "INC0001") == people.find_ticket(db, "sys1")
    assert people.find_ticket(db, "mail:abc-2") != people.find_ticket(db, "mail:abc-1")
    from connector.errors import NoSuchTicket

    with pytest.raises(NoSuchTicket, match="abc-1, mail:abc-2"):
        people.find_ticket(db, "mail:abc")
    with pytest.raises(NoSuchTicket, match="no ticket"):
        people.find_ticket(db, "mail:%")


def test_release_drop_retry_and_confirm(db: Database) -> None:
    filled(db, "one", "two")
    first, second = due(db)
    settling.settle_otherwise(db, first, Step(first.id, first.ticket_id, State.QUEUED, Move.HELD), NOW)
    assert [act.now for act in people.release(db, first.ticket_id, NOW)] == ["queued"]
    assert deliveries.one(db, first.id).payload is None
    assert [act.now for act in people.drop(db, first.ticket_id, NOW)] == ["dropped"]
    claim(db, second)
    claims.lose_expired(db, NOW + 101)
    assert people.drop(db, second.ticket_id, NOW) == []
    assert [act.state for act in [deliveries.one(db, second.id)]] == [State.UNSURE]
    people.hurry(db, second.ticket_id, NOW + 5)
    assert [act.now for act in people.confirm_absent(db, second.ticket_id, NOW)] == ["queued"]


def test_replan_touches_only_what_was_never_claimed(db: Database) -> None:
    filled(db, "one", "two")
    first, _ = due(db)
    claim(db, first)
    back = Step(first.id, first.ticket_id, State.SENDING, Move.DEFERRED, "later", {"due_at": NOW})
    settling.settle_otherwise(db, first, back, NOW)
    assert [act.ticket for act in people.replan(db, None, NOW)] == ["mail:two"]
    assert deliveries.one(db, first.id).body == {"b": 1}


def test_a_holder_says_nothing_about_strangers() -> None:
    me = leases.holder()
    assert not leases.is_dead(me)
    host, boot, namespace, pid, start, word = me.split("|")
    assert leases.is_dead("|".join((host, boot, namespace, pid, str(int(start) + 1), word)))
    for stranger in ((f"{host}x", boot, namespace), (host, f"{boot}x", namespace), (host, boot, f"{namespace}x")):
        assert not leases.is_dead("|".join((*stranger, pid, str(int(start) + 1), word)))
    assert not leases.is_dead("nonsense")
    assert os.getpid() == int(pid)


def test_a_delivery_says_nothing_of_the_ticket_in_its_repr(db: Database) -> None:
    filled(db, "one")
    assert "slow" not in repr(replace(due(db)[0]))


def test_a_process_that_was_held_up_does_not_settle_anothers_attempt(db: Database) -> None:
    """Its own claim ran out, absence was proved, and another process is sending now."""
    filled(db, "one")
    row = due(db)[0]
    claim(db, row, "first")
    claims.lose_expired(db, NOW + 200)
    settling.settle_otherwise(db, row, Step(row.id, row.ticket_id, State.UNSURE, Move.ABSENT), NOW + 600)
    assert claim(db, due(db, NOW + 600)[0], "second", NOW + 600)
    late = Step(row.id, row.ticket_id, State.SENDING, Move.DEFERRED, holder="first")
    with pytest.raises(StaleRow):
        settling.settle_otherwise(db, row, late, NOW + 601)
    with pytest.raises(StaleRow):
        settling.settle(db, row, Move.ACCEPTED, Done(Receipt("sys1")), NOW + 601, "first")
    assert state(db, row) is State.SENDING
    settling.settle(db, row, Move.ACCEPTED, Done(Receipt("sys2")), NOW + 602, "second")
    assert state(db, row) is State.SENT


def test_the_first_attempt_is_remembered_through_later_ones(db: Database) -> None:
    filled(db, "one")
    row = due(db)[0]
    assert deliveries.first_sent(db, row) is None
    for at in (NOW, NOW + 5000):
        assert claim(db, due(db, at)[0], now=at)
        claims.lose_expired(db, at + 200)
        settling.settle_otherwise(db, row, Step(row.id, row.ticket_id, State.UNSURE, Move.ABSENT), at + 600)
    assert deliveries.first_sent(db, row) == NOW


def sent_again_by_another(db: Database) -> tuple[Delivery, Delivery]:
    """As two processes read it: due before the other sent it, unsure before the other proved its absence. By now it
    was sent a second time, and nobody knows to what end."""
    read = due(db)[0]
    claim(db, read, "other")
    claims.lose_expired(db, NOW + 200)
    unsure = deliveries.unsure(db, "servicenow", NOW + 200, 10)[0]
    back = Step(read.id, read.ticket_id, State.UNSURE, Move.ABSENT, "", {"due_at": NOW})
    settling.settle_otherwise(db, unsure, back, NOW + 600)
    return read, unsure


def test_what_another_process_has_tried_since_it_was_read_is_not_claimed(db: Database) -> None:
    """It may go in no call for many by now, and its bytes are frozen: as it was read, neither is to be seen."""
    filled(db, "one")
    read, _ = sent_again_by_another(db)
    assert not claim(db, read, "me", NOW + 601)
    assert claim(db, due(db, NOW + 601)[0], "me", NOW + 601)


def test_what_was_seen_says_nothing_about_an_attempt_made_since(db: Database) -> None:
    filled(db, "one")
    _, unsure = sent_again_by_another(db)
    claim(db, due(db, NOW + 601)[0], "other", NOW + 601)
    claims.lose_expired(db, NOW + 900)
    claims.keep_unsure(db, unsure, NOW, utc(NOW + 200), Finding("unsure", "", ""))
    assert deliveries.one(db, unsure.id).empty_since is None
    late = Step(unsure.id, unsure.ticket_id, State.UNSURE, Move.ABSENT, held=unsure.unchanged)
    with pytest.raises(StaleRow):
        settling.settle_otherwise(db, unsure, late, NOW + 901)
    assert state(db, unsure) is State.UNSURE


def test_a_try_that_came_to_nothing_leaves_the_doubt_about_the_one_before(db: Database) -> None:
    """The first answer was lost; the second try met a limit. What the first did is as little known as it was."""
    filled(db, "one")
    row = due(db)[0]
    claim(db, row)
    claims.lose_expired(db, NOW + 200)
    doubted = Step(row.id, row.ticket_id, State.UNSURE, Move.ABSENT, "", {"due_at": NOW, "empty_since": NOW + 1})
    settling.settle_otherwise(db, row, doubted, NOW + 600)
    wiring = cast(Wiring, SimpleNamespace(policy=Policy()))
    for error in (Transient("busy", retry_after=1.0), Transient("busy", scope=Scope.ACCOUNT)):
        again = due(db, NOW + 9999)[0]
        assert claim(db, again, now=NOW + 601)
        settling.settle_otherwise(db, again, outcome(wiring, again, error, NOW + 602), NOW + 602)
        assert due(db, NOW + 9999)[0].empty_since == NOW + 1
