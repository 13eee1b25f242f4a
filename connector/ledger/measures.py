"""What reports are made of: columns of tickets and their records, read as a stream, and never a ticket's text."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select

from connector.clock import utc
from connector.ledger.database import Database
from connector.ledger.schema import link, measure, member, problem, rating, remote
from connector.report import SOLVED, Case, Sheet

# So many rows are held at once; so many analysts and problems are named.
HELD, NAMED = 5000, 50


def figures(db: Database, sheet: Sheet, people: bool) -> dict[str, Any]:
    """Everything that a report shows; `analysts` is None where people are left out."""
    fill(db, sheet)
    return {
        **sheet.document(),
        "analysts": solved_by(db, sheet.begin, sheet.end) if people else None,
        "problems": largest_problems(db, sheet.begin, sheet.end),
    }


def fill(db: Database, sheet: Sheet) -> None:
    """Add every ticket that was reported in the sheet's time, and every opinion on one."""
    with db.read() as connection:
        for row in _streamed(connection, _cases(sheet)):
            sheet.add(Case._make(row))
        for channel, reported_at, score in _streamed(connection, _scores(sheet)):
            sheet.score(channel, reported_at, score)


def _streamed(connection: Connection, query: Select[Any]) -> Any:
    return connection.execute(query, execution_options={"yield_per": HELD})


def _cases(sheet: Sheet) -> Select[Any]:
    seen = (remote.c.status, remote.c.answered_at, remote.c.resolved_at)
    counts = (remote.c.reassigned, remote.c.reopened, remote.c.replies)
    own = (measure.c.channel, measure.c.reported_at, measure.c.priority, measure.c.bypassed)
    return _within(select(*own, *seen, *counts).outerjoin(remote, remote.c.ticket_id == measure.c.ticket_id), sheet)


def _scores(sheet: Sheet) -> Select[Any]:
    said = select(measure.c.channel, measure.c.reported_at, rating.c.score)
    return _within(said.join(rating, rating.c.ticket_id == measure.c.ticket_id), sheet)


def _within(query: Select[Any], sheet: Sheet) -> Select[Any]:
    return query.where(measure.c.reported_at >= sheet.begin, measure.c.reported_at < sheet.end)


def solved_by(db: Database, begin: float, end: float) -> list[dict[str, Any]]:
    """Who has solved how many of the tickets whose solution falls in this time, most first; "" is nobody by name."""
    count = func.count().label("count")
    query = (
        select(remote.c.assignee, count)
        .join(measure, measure.c.ticket_id == remote.c.ticket_id)
        .where(remote.c.status.in_(SOLVED), remote.c.resolved_at >= begin, remote.c.resolved_at < end)
        .group_by(remote.c.assignee)
        .order_by(count.desc(), remote.c.assignee)
        .limit(NAMED)
    )
    with db.read() as connection:
        return [{"name": row.assignee, "closed": row.count} for row in connection.execute(query)]


def largest_problems(db: Database, begin: float, end: float) -> list[dict[str, Any]]:
    """The problems with most tickets among those that had reports in this time, named as the help desk names them."""
    children = func.count().label("children")
    members = (
        select(member.c.problem_id, children)
        .join(problem, problem.c.id == member.c.problem_id)
        .where(member.c.left_at.is_(None), problem.c.last_at >= begin, problem.c.first_at < end)
        .where(problem.c.state.not_in(("refused", "merged")))
        .group_by(member.c.problem_id)
        .order_by(children.desc(), member.c.problem_id)
        .limit(NAMED)
        .subquery()
    )
    query = (
        select(problem, members.c.children, link.c.number, link.c.url)
        .join(members, members.c.problem_id == problem.c.id)
        .outerjoin(link, (link.c.ticket_id == problem.c.ticket_id) & (link.c.sink == problem.c.sink))
        .order_by(members.c.children.desc(), problem.c.id)
    )
    with db.read() as connection:
        return [_problem(row) for row in connection.execute(query)]


def _problem(row: Any) -> dict[str, Any]:
    return {
        "problem": row.key,
        "number": row.number or "",
        "url": row.url or "",
        "sink": row.sink,
        "state": row.state,
        "children": row.children,
        "first_report": utc(row.first_at).isoformat(timespec="seconds"),
        "last_report": utc(row.last_at).isoformat(timespec="seconds"),
    }
