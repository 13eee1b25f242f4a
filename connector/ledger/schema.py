"""The ledger's tables: the only memory. Times are seconds since the epoch, UTC; JSON is kept as text.

One schema for SQLite and PostgreSQL. `migrations/` builds the same tables step by step; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    or_,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Integer, Identity(), primary_key=True)


# Facts about the ledger itself: site, generation, since when records may have been sent by a lost ledger.
meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

ticket = Table(
    "ticket",
    metadata,
    _id(),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("sink", Text, nullable=False),
    Column("grp", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("source", "external_id"),
)

# What was read at each place of a source, so that the same bytes are not read twice and every outcome is a row.
record = Table(
    "record",
    metadata,
    Column("source", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("ticket_id", Integer, ForeignKey("ticket.id")),
    Column("finding", Text),
    Column("raw", Text),  # of what was rejected: its bytes, and the facts that came with them
    Column("facts", Text),
    Column("at", Double, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_record_not_ticket", record.c.source, record.c.outcome, sqlite_where=record.c.outcome != "ticket",
      postgresql_where=record.c.outcome != "ticket")  # fmt: skip

# The ids by which messages name a ticket.
thread = Table(
    "thread",
    metadata,
    Column("source", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False),
    sqlite_with_rowid=False,
)

# What was posted and, once a run has taken it in, its receipt and the places of the records that it became.
inbox = Table(
    "inbox",
    metadata,
    _id(),
    Column("receipt", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("key", Text),  # of the name that its sender gave it, a hash
    Column("size", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("places", Text),
    Column("data", LargeBinary),  # last: what stands behind a large value is slow to read; null once taken in
    UniqueConstraint("receipt"),
    UniqueConstraint("key"),
)
Index("ix_inbox_digest", inbox.c.digest)
Index("ix_inbox_waiting", inbox.c.source, inbox.c.id, sqlite_where=inbox.c.places.is_(None),
      postgresql_where=inbox.c.places.is_(None))  # fmt: skip

# Replies that came before what they answer.
pending = Table(
    "pending",
    metadata,
    _id(),
    Column("source", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("record_at", Double),
    Column("due_at", Double, nullable=False),
    UniqueConstraint("source", "place"),
)
Index("ix_pending_due", pending.c.source, pending.c.due_at)
pending_ref = Table(
    "pending_ref",
    metadata,
    Column("source", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("pending_id", Integer, ForeignKey("pending.id", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)
Index("ix_pending_ref_pending", pending_ref.c.pending_id)

# File contents, each stored once.
blob = Table(
    "blob",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False),
    Column("sink", Text, nullable=False),
    Column("do", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("what", Text),  # the comment or file; a ticket's own content is in ticket.body
    Column("payload", Text),  # what the mapping rendered; null until planned
    Column("remote_id", Text),  # the record written to, or made
    Column("body", Text),  # what is sent, frozen at the first claim
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("lease_until", Double),
    Column("holder", Text),
    Column("sent_at", Double),  # when the latest attempt began
    Column("job", Text),  # null: sent by itself; "": with others; else the remote's name for that call
    Column("place", Integer),  # its place among those that went in one call
    Column("empty_since", Double),  # the remote's time of the first look that found nothing
    Column("finding", Text),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("ticket_id", "sink", "part"),
)
_queued = text("state = 'queued'")
_unplanned = text("state = 'queued' AND payload IS NULL")
_sending = text("state = 'sending'")
_in_a_job = text("job <> ''")
# Spelt out: SQLite would not take an index over a list of states for a query of one of them.
_waiting = text("state = 'sending' OR state = 'unsure' OR state = 'blocked'")
Index("ix_delivery_due", delivery.c.sink, delivery.c.due_at, delivery.c.id,
      sqlite_where=_queued, postgresql_where=_queued)  # fmt: skip
Index("ix_delivery_unplanned", delivery.c.sink, delivery.c.id,
      sqlite_where=_unplanned, postgresql_where=_unplanned)  # fmt: skip
Index("ix_delivery_waiting", delivery.c.sink, delivery.c.state, delivery.c.due_at,
      sqlite_where=_waiting, postgresql_where=_waiting)  # fmt: skip
Index("ix_delivery_job", delivery.c.sink, delivery.c.job,
      sqlite_where=_in_a_job, postgresql_where=_in_a_job)  # fmt: skip
# One open send per ticket and sink, whatever the code above believes.
Index("uq_delivery_sending", delivery.c.ticket_id, delivery.c.sink, unique=True,
      sqlite_where=_sending, postgresql_where=_sending)  # fmt: skip

# Which record at a sink a ticket is, and what it holds of ours.
link = Table(
    "link",
    metadata,
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    Column("sink", Text, primary_key=True),
    Column("remote_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("sent", Text, nullable=False),
    Column("echo", Text, nullable=False),
    Column("notes", Text, nullable=False),  # per field: not kept, left alone
    Column("linked_at", Double, nullable=False),
)
Index("ix_link_remote", link.c.sink, link.c.remote_id)
Index("ix_link_number", link.c.number)

event = Table(
    "event",
    metadata,
    _id(),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False),
    Column("delivery_id", Integer),
    Column("at", Double, nullable=False),
    Column("was", Text, nullable=False),
    Column("now", Text, nullable=False),
    Column("note", Text, nullable=False),
)
Index("ix_event_ticket", event.c.ticket_id)
_blocked = text("now = 'blocked'")
Index("ix_event_blocked", event.c.at, sqlite_where=_blocked, postgresql_where=_blocked)

cursor = Table(
    "cursor",
    metadata,
    Column("source", Text, primary_key=True),
    Column("entry", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Double, nullable=False),
    Column("fence", Integer, nullable=False),
)

# Request budgets of a remote account, one for each class of request ("" is the account, `update_each/35` one record's
# updates): GCRA's theoretical arrival time or each use, a hold while Retry-After runs, and what the remote allows.
budget = Table(
    "budget",
    metadata,
    Column("account", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("tat", Double, nullable=False),
    Column("held_until", Double, nullable=False),
    Column("allowed", Integer),
    Column("seconds", Double),
    Column("heard_at", Double),
    Column("uses", Text, nullable=False),
    Column("written_at", Double, nullable=False),
)

# What a sink learned about its account.
memory = Table(
    "memory",
    metadata,
    Column("sink", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# When each source was last read, and last read to its end.
reading = Table(
    "reading",
    metadata,
    Column("source", Text, primary_key=True),
    Column("read_at", Double, nullable=False),
    Column("end_at", Double),
    Column("error", Text, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started_at", Double, nullable=False),
    Column("document", Text, nullable=False),
)
Index("ix_run_started", run.c.started_at)

# ── outages, and what the help desks say ─────────────────────────────────────────────────────────────────────────

# A cluster of tickets: suggested to a person, or opened. Its parent is a ticket of our own, of the source `problem`.
problem = Table(
    "problem",
    metadata,
    _id(),
    Column("key", Text, nullable=False),  # minted in the commit that makes the row
    Column("sink", Text, nullable=False),
    Column("state", Text, nullable=False),  # suggested, open, resolved, closed, refused, merged
    Column("ticket_id", Integer, ForeignKey("ticket.id")),  # the parent, once there is one
    Column("title", Text, nullable=False),
    Column("binds", Text, nullable=False),  # what its tickets have in common
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),  # of its latest report
    Column("opened_at", Double),
    Column("ended_at", Double),
    Column("ending", Text),  # how it ended, in the help desk's words
    Column("merged_into", Integer, ForeignKey("problem.id")),
    UniqueConstraint("key"),
)
# Which go on; queries say it in the same words, or SQLite would not take the index.
LIVE = ("suggested", "open")
live = or_(*(problem.c.state == literal_column(f"'{state}'", Text) for state in LIVE))
Index("ix_problem_live", problem.c.sink, problem.c.last_at, sqlite_where=live, postgresql_where=live)
Index("ix_problem_ticket", problem.c.ticket_id)

# Which ticket belongs to which problem, and why; a ticket belongs to one at most.
member = Table(
    "member",
    metadata,
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    Column("problem_id", Integer, ForeignKey("problem.id"), nullable=False),
    Column("why", Text, nullable=False),
    Column("joined_at", Double, nullable=False),
    Column("left_at", Double),  # unlinked by a person: it stays so
)
Index("ix_member_problem", member.c.problem_id)

# By what a ticket is found as like another one, while it may still join or open a cluster.
trait = Table(
    "trait",
    metadata,
    Column("word", Text, primary_key=True),
    Column("at", Double, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    sqlite_with_rowid=False,
)
Index("ix_trait_ticket", trait.c.ticket_id)

# What a ticket's record was when the help desk was last read.
remote = Table(
    "remote",
    metadata,
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    Column("sink", Text, primary_key=True),
    Column("remote_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("stamp", Text, nullable=False),  # names this version of the record
    Column("assignee", Text, nullable=False),
    Column("grp", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("resolution", Text, nullable=False),
    Column("reassigned", Integer, nullable=False),
    Column("reopened", Integer, nullable=False),
    Column("replies", Integer, nullable=False),
    Column("updated_at", Double, nullable=False),  # by the remote's clock
    Column("answered_at", Double),
    Column("resolved_at", Double),
    Column("closed_at", Double),
)
Index("ix_remote_record", remote.c.sink, remote.c.remote_id)

# Whose record is still to be read: since when it is what the ticket is, 0 where it is to be read at once.
unseen = Table(
    "unseen",
    metadata,
    Column("sink", Text, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    Column("since", Double, nullable=False),
    sqlite_with_rowid=False,
)

# What was said at the help desk, by the remote's own id, so that nothing is heard twice.
heard = Table(
    "heard",
    metadata,
    Column("sink", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("author", Text, nullable=False),
    Column("public", Integer, nullable=False),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_heard_ticket", heard.c.ticket_id)

# What happened to a ticket that people may be told of, in order; each is written once, in the commit that makes it so.
happening = Table(
    "happening",
    metadata,
    _id(),
    Column("key", Text, nullable=False),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False),
    Column("problem_id", Integer, ForeignKey("problem.id")),
    Column("what", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("detail", Text, nullable=False),
    UniqueConstraint("key"),
)
Index("ix_happening_ticket", happening.c.ticket_id)

# How content people were: a rating at the help desk, or the survey link's answer.
rating = Table(
    "rating",
    metadata,
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    Column("via", Text, primary_key=True),
    Column("score", Text, nullable=False),
    Column("at", Double, nullable=False),
)

# What reports count of a request, so that they read no ticket's body. A parent of an outage is no request.
measure = Table(
    "measure",
    metadata,
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("reported_at", Double, nullable=False),  # never later than it was read
    Column("priority", Integer),  # 1 to 5; null for what was read before this was kept
    Column("bypassed", Integer, nullable=False),  # sent to a person, who forwarded it to the desk
)
Index("ix_measure_reported", measure.c.reported_at)
