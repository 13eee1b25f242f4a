"""Taking records in: versions, replies before their original, files, cursors, rejections."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from connector.delivery import Move, State
from connector.errors import Busy, Finding
from connector.ledger import claims, deliveries, leases, planning, records, settling, views
from connector.ledger.claims import Claim, Terms
from connector.ledger.database import Database
from connector.ledger.planning import Planned
from connector.ledger.schema import blob, delivery, record, thread
from connector.ledger.schema import ticket as tickets
from connector.plugins import Counted, Receipt, Record, Rejected
from connector.ticket import Attachment, Comment
from tests.unit.ledger.rows import SOURCE, promote, reply, take, taken, ticket


def parts(db: Database) -> list[tuple[str, str]]:
    with db.read() as connection:
        return [(row.part, row.state) for row in connection.execute(select(delivery).order_by(delivery.c.id))]


def plan_all(db: Database) -> None:
    rows = deliveries.unplanned(db, ["servicenow"], 100)
    planning.plan(db, [Planned(row, {"short_description": row.part}) for row in rows], 1000.0)


def send_first(db: Database, remote_id: str = "sys1", now: float = 1000.0) -> None:
    plan_all(db)
    row = deliveries.due(db, "servicenow", now, 1)[0]
    assert claims.claim(db, [Claim(row, row.payload or {})], Terms("me", now, 100.0))
    settling.settle(db, row, Move.ACCEPTED, settling.Done(Receipt(remote_id), row.payload or {}), now)


def test_a_new_ticket_is_one_create_with_its_comments_and_files_behind_it(db: Database) -> None:
    file = Attachment.of("screen.png", b"png")
    own = ticket(comments=(Comment(id="c1", text="more"),), attachments=(file,))
    counts = take(db, [taken(own)])
    assert (counts.read, counts.new) == (1, 1)
    assert parts(db) == [
        ("ticket", "queued"),
        ("comment:c1", "queued"),
        (f"file:-:screen.png:{file.sha256}", "queued"),
    ]
    assert deliveries.content(db, file.sha256) == b"png"


def test_a_sink_that_takes_no_files_gets_no_file_deliveries_but_the_ledger_keeps_them(db: Database) -> None:
    file = Attachment.of("screen.png", b"png")
    take(db, [taken(ticket(attachments=(file,)))], files=())
    assert parts(db) == [("ticket", "queued")]
    assert deliveries.content(db, file.sha256) == b"png"


def test_the_same_ticket_read_again_changes_nothing(db: Database) -> None:
    take(db, [taken(ticket())])
    counts = take(db, [taken(ticket(), place="copy.eml")])
    assert counts.unchanged == 1
    assert parts(db) == [("ticket", "queued")]


def test_a_b_a_is_three_versions(db: Database) -> None:
    take(db, [taken(ticket(summary="A"))])
    send_first(db)
    take(db, [taken(ticket(summary="B"), data=b"B")])
    take(db, [taken(ticket(summary="A"), data=b"A")])
    assert parts(db) == [("ticket", "sent"), ("update:2", "dropped"), ("update:3", "queued")]


def test_a_create_never_claimed_is_rendered_again_instead_of_updated(db: Database) -> None:
    take(db, [taken(ticket(summary="A"))])
    plan_all(db)
    take(db, [taken(ticket(summary="B"), data=b"B")])
    assert parts(db) == [("ticket", "queued")]
    assert [row.version for row in deliveries.unplanned(db, ["servicenow"], 10)] == [2]


def test_a_create_in_flight_keeps_its_bytes_and_the_newer_version_waits_behind_it(db: Database) -> None:
    take(db, [taken(ticket(summary="A"))])
    plan_all(db)
    row = deliveries.due(db, "servicenow", 1000.0, 1)[0]
    assert claims.claim(db, [Claim(row, {"x": "A"})], Terms("me", 1000.0, 100.0))
    take(db, [taken(ticket(summary="B"), data=b"B")])
    plan_all(db)
    assert parts(db) == [("ticket", "sending"), ("update:2", "queued")]
    assert deliveries.due(db, "servicenow", 2000.0, 10) == []
    assert deliveries.one(db, row.id).body == {"x": "A"}


def test_a_blocked_create_is_tried_again_with_the_newer_version(db: Database) -> None:
    take(db, [taken(ticket(summary="A"))])
    row = deliveries.unplanned(db, ["servicenow"], 10)[0]
    planning.plan(db, [Planned(row, finding=Finding("bad", "x", "y"))], 1000.0)
    assert parts(db) == [("ticket", "blocked")]
    take(db, [taken(ticket(summary="B"), data=b"B")])
    assert parts(db) == [("ticket", "queued")]


def test_what_a_person_dropped_stays_dropped(db: Database) -> None:
    from connector.ledger import people

    take(db, [taken(ticket(summary="A"))])
    people.drop(db, 1, 1000.0)
    take(db, [taken(ticket(summary="B"), data=b"B")])
    assert parts(db) == [("ticket", "dropped")]


def test_two_versions_in_one_page(db: Database) -> None:
    counts = take(db, [taken(ticket(summary="A"), "a"), taken(ticket(summary="B"), "b")])
    assert (counts.new, counts.changed) == (1, 1)
    assert parts(db) == [("ticket", "queued")]


# ── replies ──


def test_a_reply_becomes_one_comment_with_its_files(db: Database) -> None:
    take(db, [taken(ticket(thread=("<1@x>",)))])
    file = Attachment.of("log.txt", b"log")
    counts = take(db, [taken(reply("<2@x>", ["<1@x>"], files=[file]), "two.eml")])
    assert counts.changed == 1
    assert parts(db)[1:] == [("comment:<2@x>", "queued"), (f"file:<2@x>:log.txt:{file.sha256}", "queued")]


def test_a_reply_to_a_reply_finds_the_ticket(db: Database) -> None:
    take(db, [taken(ticket(thread=("<1@x>",)))])
    take(db, [taken(reply("<2@x>", ["<1@x>"]), "two.eml"), taken(reply("<3@x>", ["<2@x>"]), "three.eml")])
    assert [part for part, _ in parts(db)] == ["ticket", "comment:<2@x>", "comment:<3@x>"]


def test_the_same_reply_from_another_place_is_not_said_twice(db: Database) -> None:
    take(db, [taken(ticket(thread=("<1@x>",)))])
    take(db, [taken(reply("<2@x>", ["<1@x>"]), "two.eml")])
    counts = take(db, [taken(reply("<2@x>", ["<1@x>"]), "copy.eml")])
    assert counts.unchanged == 1
    assert len(parts(db)) == 2


def test_a_reply_that_comes_first_waits_and_joins_its_original(db: Database) -> None:
    take(db, [taken(reply("<2@x>", ["<1@x>"], files=[Attachment.of("a.png", b"a")]), "two.eml")])
    assert parts(db) == []
    assert views.status(db, {SOURCE: SOURCE}, [])["sources"][SOURCE]["records"]["pending"] == 1
    take(db, [taken(ticket("<1@x>", thread=("<1@x>",)))])
    assert [part for part, _ in parts(db)][:2] == ["ticket", "comment:<2@x>"]
    assert len(parts(db)) == 3
    assert promote(db, 1e9) == 0


def test_both_in_one_page_in_the_wrong_order(db: Database) -> None:
    take(db, [taken(reply("<2@x>", ["<1@x>"]), "two.eml"), taken(ticket("<1@x>", thread=("<1@x>",)))])
    assert [part for part, _ in parts(db)] == ["ticket", "comment:<2@x>"]


def test_a_reply_whose_original_never_comes_becomes_the_ticket_and_the_original_joins_it(db: Database) -> None:
    take(db, [taken(reply("<2@x>", ["<1@x>"]), "two.eml")], now=1000.0)
    assert promote(db, 1899.0) == 0
    assert promote(db, 1900.0) == 1
    assert parts(db) == [("ticket", "queued")]
    counts = take(db, [taken(ticket("<1@x>", thread=("<1@x>",)), "one.eml")], now=2000.0)
    assert counts.changed == 1
    assert [part for part, _ in parts(db)] == ["ticket", "comment:<1@x>"]


def test_a_promoted_reply_read_again_is_unchanged(db: Database) -> None:
    take(db, [taken(reply("<2@x>", ["<1@x>"]), "two.eml")])
    promote(db, 1e9)
    assert take(db, [taken(reply("<2@x>", ["<1@x>"]), "copy.eml")]).unchanged == 1
    assert records.unchanged(db, SOURCE, [taken(reply("<2@x>", []), "two.eml").record]) == {"two.eml"}


def test_two_replies_to_a_mail_never_seen_make_one_ticket(db: Database) -> None:
    page = [taken(reply("<2@x>", ["<1@x>"]), "two.eml"), taken(reply("<3@x>", ["<1@x>"]), "three.eml")]
    take(db, page)
    promote(db, 1e9)
    assert [part for part, _ in parts(db)] == ["ticket", "comment:<3@x>"]


# ── what makes no ticket ──


def test_a_rejected_record_is_kept_and_named(db: Database) -> None:
    finding = Finding("bad-json", "b.json", "it is not JSON", "mend it")
    counts = take(db, [taken(Rejected(finding), "b.json", b"{oops")])
    assert counts.rejected == 1
    shown = views.status(db, {SOURCE: SOURCE}, [])["rejected"]
    assert shown[0]["place"] == "b.json"
    assert shown[0]["what"] == "it is not JSON"
    with db.read() as connection:
        assert connection.execute(select(blob.c.content)).scalar() == b"{oops"


def test_a_mended_record_is_no_longer_rejected(db: Database) -> None:
    take(db, [taken(Rejected(Finding("x", "y", "z")), "b.json", b"{oops")])
    take(db, [taken(ticket(), "b.json", b"{}")])
    assert views.status(db, {SOURCE: SOURCE}, [])["rejected"] == []


def test_counted_records_are_rows_too(db: Database) -> None:
    assert take(db, [taken(Counted("the bot solved it"), "c.json")]).counted == 1
    with db.read() as connection:
        assert connection.execute(select(record.c.outcome)).scalar() == "counted"


# ── cursors and leases ──


def test_cursor_entries_move_and_end_with_the_page(db: Database) -> None:
    take(db, [], cursor={"a": "1", "b": "2"})
    take(db, [], cursor={"a": None, "b": "3"})
    assert records.cursor_of(db, SOURCE) == {"b": "3"}


def test_a_page_is_all_or_nothing(db: Database) -> None:
    broken = taken("not a reading")
    with pytest.raises(TypeError):
        take(db, [taken(ticket()), broken], cursor={"a": "1"})
    assert records.cursor_of(db, SOURCE) == {}
    with db.read() as connection:
        assert connection.execute(select(tickets)).all() == []
        assert connection.execute(select(thread)).all() == []


def test_a_lease_that_was_taken_over_stops_the_commit(db: Database) -> None:
    first = leases.take(db, "collect:mail", "other-host|b|n|1|2|x", 1000.0)
    assert first is not None
    second = leases.take(db, "collect:mail", leases.holder(), 1031.0)
    assert second is not None
    with pytest.raises(Busy):
        records.take(
            db, first, SOURCE, [taken(ticket())], {}, now=1031.0, complete=True, patience=0, takes_files=frozenset()
        )
    assert parts(db) == []


def test_only_what_a_lost_ledger_may_have_sent_is_born_unsure(db: Database) -> None:
    from connector.ledger.rows import put
    from connector.ledger.schema import meta

    with db.write() as connection:
        put(connection, meta, [{"name": "restored_until", "value": "5000.0"}])
    take(db, [taken(ticket("grown"), "grown.ndjson:1", at=5001.0)])  # before the source was read to its end
    page = [taken(ticket("old"), "old.eml", at=4999.0), taken(ticket("new"), "new.eml", at=5001.0)]
    take(db, [*page, taken(ticket("undated"), "undated.eml")])
    assert [state for _, state in parts(db)] == ["unsure", "unsure", "queued", "unsure"]


def test_unchanged_asks_for_place_and_bytes(db: Database) -> None:
    take(db, [taken(ticket(), "a", b"1")])
    same = records.unchanged(db, SOURCE, [Record("a", b"1"), Record("b", b"1")])
    assert same == {"a"}
    assert records.unchanged(db, SOURCE, [Record("a", b"2")]) == set()


def test_states_are_written_by_moves_alone(db: Database) -> None:
    take(db, [taken(ticket())])
    from connector.errors import StaleRow
    from connector.ledger.moves import Step, move

    with db.write() as connection:
        assert move(connection, Step(1, 1, State.QUEUED, Move.CLAIMED), 1.0) is State.SENDING
    with pytest.raises(StaleRow), db.write() as connection:
        move(connection, Step(1, 1, State.QUEUED, Move.CLAIMED), 1.0)


def test_a_ticket_that_joins_an_older_one_brings_its_own_comments(db: Database) -> None:
    """A mail that an agent forwarded carries what the agent said as a comment."""
    take(db, [taken(reply("two", ["one"]), "two.eml")], patience=0.0)
    note = Comment(id="one:note", text="please look", public=False)
    take(db, [taken(ticket("one", thread=("one",), comments=(note,)), "one.eml")])
    assert [part for part, _ in parts(db)] == ["ticket", "comment:one", "comment:one:note"]
