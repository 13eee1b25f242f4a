"""What a person may do with outages, and how a person names one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, insert, or_, select, update

from connector.clock import utc
from connector.delivery import Move, State
from connector.errors import NoSuchTicket
from connector.ledger.moves import Step, move
from connector.ledger.problems import Belongs, delivery_row, event_row, join, tickets
from connector.ledger.rows import add_missing, dump
from connector.ledger.schema import LIVE, delivery, event, link, live, member, problem, ticket
from connector.plugins import PROBLEM, Do
from connector.problems.likeness import Profile
from connector.problems.signature import signature, whole
from connector.ticket import Ticket

# Of so many tickets is read how people wrote the words that bind them.
LOOKED_AT = 50
_WAITS = (State.QUEUED.value, State.BLOCKED.value)
_OVER = (State.SENT.value, State.DROPPED.value)


class NoSuchProblem(NoSuchTicket):
    """No problem, or more than one, answers to the name given; or it cannot do what was asked."""


def find(connection: Connection, name: str) -> dict[str, Any]:
    """The problem with this key, with a key that begins so, or whose record has this number. Raises NoSuchProblem."""
    name = name.removeprefix(f"{PROBLEM}:")
    begins = problem.c.key.startswith(name, autoescape=True)
    rows = connection.execute(select(problem).where(begins).limit(6)).all() if name else []
    exact = [row for row in rows if row.key == name]
    if not rows:
        numbered = select(problem).join(link, link.c.ticket_id == problem.c.ticket_id)
        rows = connection.execute(numbered.where(or_(link.c.number == name, link.c.remote_id == name)).limit(6)).all()
    found = exact or rows
    if len(found) == 1:
        return dict(found[0]._mapping)
    if found:
        keys = ", ".join(row.key for row in found[:5])
        raise NoSuchProblem(f"{name} fits several problems: {keys}", "write more of the key")
    raise NoSuchProblem(f"there is no problem {name}", "see: connector problems list --all")


def listed(connection: Connection, everything: bool, limit: int) -> list[dict[str, Any]]:
    """Problems, the latest first, and why the tickets of each belong together; those that are over where asked for."""
    query = select(problem, link.c.number, link.c.url).outerjoin(
        link, and_(link.c.ticket_id == problem.c.ticket_id, link.c.sink == problem.c.sink)
    )
    if not everything:
        query = query.where(live)
    rows = connection.execute(query.order_by(problem.c.last_at.desc(), problem.c.id.desc()).limit(limit)).all()
    return [_told(connection, row) for row in rows]


def _told(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    belonging = _members(connection, row.id)
    reports = tickets(connection, [each.ticket_id for each in belonging[:LOOKED_AT]]).values()
    binds = _binds(row, reports)
    said = whole({*binds, *(word for each in belonging for word in _why(each))}, reports)
    into = connection.execute(select(problem.c.key).where(problem.c.id == row.merged_into)).scalar()
    return {
        "problem": row.key,
        "state": "merged" if row.merged_into is not None else row.state,
        "sink": row.sink,
        "number": row.number or "",
        "url": row.url or "",
        "title": row.title,
        "first": _moment(row.first_at),
        "last": _moment(row.last_at),
        "why": [said[word] for word in binds],
        "ending": row.ending or "",
        "merged_into": into or "",
        "tickets": [_belongs(each, said) for each in belonging],
    }


def _moment(at: float) -> str:
    return utc(at).isoformat(timespec="seconds").replace("+00:00", "Z")


def _binds(row: Row[Any], reports: Iterable[Ticket]) -> list[str]:
    """The words that are said most, of those that its tickets still say: some may have left it since."""
    words = json.loads(row.binds).get("words", {})
    said = frozenset[str]().union(*(signature(each, "", row.last_at).words for each in reports))
    return sorted(said & words.keys(), key=lambda word: (-words[word], word))[:8]


def _why(row: Row[Any]) -> list[str]:
    return list(row.why.split(", "))


def _belongs(row: Row[Any], said: Mapping[str, str]) -> dict[str, Any]:
    why = ", ".join(said[word] for word in _why(row))
    return {"ticket": f"{row.source}:{row.external_id}", "number": row.number or "", "why": why}


def _members(connection: Connection, problem_id: int) -> list[Row[Any]]:
    query = (
        select(member.c.ticket_id, member.c.why, ticket.c.source, ticket.c.external_id, link.c.number)
        .join(ticket, ticket.c.id == member.c.ticket_id)
        .outerjoin(link, and_(link.c.ticket_id == ticket.c.id, link.c.sink == ticket.c.sink))
        .where(member.c.problem_id == problem_id, member.c.left_at.is_(None))
    )
    return list(connection.execute(query.order_by(member.c.ticket_id)))


# ── belonging ────────────────────────────────────────────────────────────────────────────────────────────────────


def add(connection: Connection, row: Mapping[str, Any], ticket_ids: Sequence[int], now: float) -> None:
    """These tickets belong to it, wherever they belonged before. Raises NoSuchProblem where it is over or elsewhere."""
    if row["state"] not in LIVE or row["merged_into"] is not None:
        raise NoSuchProblem(f"problem {row['key']} takes in no more", "see: connector problems list --all")
    for ticket_id in ticket_ids:
        _refuse_other(connection, row["sink"], ticket_id)
        before = connection.execute(select(member).where(member.c.ticket_id == ticket_id)).first()
        if before is not None and before.problem_id != row["id"] and before.left_at is None:
            remove(connection, ticket_id, now, ends_link=False)
        if before is None:
            join(connection, row, [Belongs(ticket_id, "a person says so")], now)
            continue
        values = {"problem_id": row["id"], "why": "a person says so", "joined_at": now, "left_at": None}
        connection.execute(update(member).where(member.c.ticket_id == ticket_id).values(**values))
        connection.execute(insert(event), [event_row(ticket_id, f"linked to problem {row['key']} by a person", now)])
        hang(connection, row, ticket_id, now)


def _refuse_other(connection: Connection, sink: str, ticket_id: int) -> None:
    own = connection.execute(select(ticket).where(ticket.c.id == ticket_id)).one()
    if own.source == PROBLEM:
        what, remedy = "a problem cannot belong to another", "to make one of two, use: connector problems merge"
        raise NoSuchProblem(what, remedy)
    if own.sink != sink:
        name = f"{own.source}:{own.external_id}"
        raise NoSuchProblem(f"{name} goes to {own.sink}, and the problem is at {sink}", "each help desk has its own")


def hang(connection: Connection, row: Mapping[str, Any], ticket_id: int, now: float) -> None:
    """Hang a ticket on its parent again, where it hung there once; the first time comes by itself."""
    links = _links(connection, row, ticket_id, "link")
    if not links or links[-1].state not in _OVER:
        return
    there = select(link.c.remote_id).where(link.c.ticket_id == row["ticket_id"], link.c.sink == row["sink"])
    parent = connection.execute(there).scalar()
    if parent is not None:
        part = f"link:{row['key']}:{len(links) + 1}"
        _queue(connection, row, ticket_id, Do.LINK, part, {"problem": parent}, now)


def remove(connection: Connection, ticket_id: int, now: float, ends_link: bool = True) -> dict[str, Any]:
    """The ticket stays out from now on, whatever it says; returns the problem. Raises NoSuchProblem."""
    query = select(problem).join(member, member.c.problem_id == problem.c.id)
    found = connection.execute(query.where(member.c.ticket_id == ticket_id, member.c.left_at.is_(None))).first()
    if found is None:
        raise NoSuchProblem("the ticket belongs to no problem", "see: connector problems list")
    row = dict(found._mapping)
    connection.execute(update(member).where(member.c.ticket_id == ticket_id).values(left_at=now))
    connection.execute(insert(event), [event_row(ticket_id, f"unlinked from problem {row['key']} by a person", now)])
    sent = False
    for each in _links(connection, row, ticket_id, "link"):
        if each.state in _WAITS:
            step = Step(each.id, ticket_id, State(each.state), Move.ENDED, "unlinked by a person")
            move(connection, step, now)
        else:
            sent = sent or each.state != State.DROPPED.value
    if sent and ends_link:
        ends = len(_links(connection, row, ticket_id, "unlink"))
        part = f"unlink:{row['key']}" + (f":{ends + 1}" if ends else "")
        _queue(connection, row, ticket_id, Do.LINK, part, {"problem": ""}, now)
    return row


def _links(connection: Connection, row: Mapping[str, Any], ticket_id: int, kind: str) -> list[Row[Any]]:
    mine = (delivery.c.ticket_id == ticket_id, delivery.c.sink == row["sink"])
    named = delivery.c.part.startswith(f"{kind}:{row['key']}", autoescape=True)
    return list(connection.execute(select(delivery).where(*mine, named).order_by(delivery.c.id)))


def _queue(
    connection: Connection,
    row: Mapping[str, Any],
    ticket_id: int,
    do: Do,
    part: str,
    said: Mapping[str, Any],
    now: float,
) -> None:
    version = connection.execute(select(ticket.c.version).where(ticket.c.id == ticket_id)).scalar_one()
    add_missing(connection, delivery, [delivery_row(ticket_id, row["sink"], do, part, now, said, said, version)])


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def refuse(connection: Connection, row: Mapping[str, Any], now: float) -> None:
    """What was suggested is no outage; what comes in like it is not suggested again. Raises NoSuchProblem."""
    if row["state"] != "suggested":
        raise NoSuchProblem(f"problem {row['key']} is {row['state']}", "only what is suggested can be refused")
    values = {"state": "refused", "ended_at": now}
    connection.execute(update(problem).where(problem.c.id == row["id"]).values(**values))


def resolve(connection: Connection, row: Mapping[str, Any], said: Mapping[str, str], now: float) -> None:
    """Its record will be resolved; what follows from that follows when the help desk says so. Raises NoSuchProblem."""
    if row["state"] != "open" or row["ticket_id"] is None:
        raise NoSuchProblem(f"problem {row['key']} is {row['state']}", "only an open one can be resolved")
    before = func.count().filter(delivery.c.part.startswith("solve:"))
    times = connection.execute(select(before).where(delivery.c.ticket_id == row["ticket_id"])).scalar_one()
    _queue(connection, row, row["ticket_id"], Do.SOLVE, f"solve:{times + 1}", {**said, "problem": row["key"]}, now)


def merge(connection: Connection, loser: Mapping[str, Any], winner: Mapping[str, Any], now: float) -> int:
    """Who belongs to one belongs to the other from now on; returns how many. Raises NoSuchProblem."""
    if loser["id"] == winner["id"] or loser["sink"] != winner["sink"]:
        raise NoSuchProblem("these two cannot be one problem", "name two problems at one help desk")
    if winner["state"] not in LIVE or winner["merged_into"] is not None or loser["state"] not in LIVE:
        raise NoSuchProblem("one of the two is over", "see: connector problems list --all")
    moved = [row.ticket_id for row in _members(connection, loser["id"])]
    for ticket_id in moved:
        for each in _links(connection, loser, ticket_id, "link"):
            if each.state in _WAITS:
                step = Step(each.id, ticket_id, State(each.state), Move.ENDED, f"goes to problem {winner['key']}")
                move(connection, step, now)
    values = {"problem_id": winner["id"], "joined_at": now}
    connection.execute(update(member).where(member.c.problem_id == loser["id"]).values(**values))
    # One without a record is over at once; the other stays open until its incidents have left it.
    over = {"state": "merged", "ended_at": now} if loser["ticket_id"] is None else {}
    ended = {"merged_into": winner["id"], **over}
    connection.execute(update(problem).where(problem.c.id == loser["id"]).values(**ended))
    times = {
        "first_at": min(loser["first_at"], winner["first_at"]),
        "last_at": max(loser["last_at"], winner["last_at"]),
    }
    connection.execute(
        update(problem).where(problem.c.id == winner["id"]).values(**times, binds=_joined(loser, winner))
    )
    return len(moved)


def _joined(loser: Mapping[str, Any], winner: Mapping[str, Any]) -> str:
    """What the tickets of both have in common."""
    one, two = (Profile.read(json.loads(row["binds"])) for row in (winner, loser))
    one.plus(two)
    return dump(one.document())


def close_merged(connection: Connection, sink: str, now: float) -> int:
    """Records of problems that were merged are resolved as duplicates once no incident hangs on them any more: a help
    desk may resolve what does. Returns how many."""
    leaving = delivery.alias("leaving")
    after = exists().where(
        *(delivery.c.ticket_id == leaving.c.ticket_id, delivery.c.sink == sink, delivery.c.id > leaving.c.id),
        *(delivery.c.do == Do.LINK.value, delivery.c.state.in_(_OVER)),
    )
    held = exists().where(
        *(leaving.c.ticket_id == member.c.ticket_id, member.c.problem_id == problem.c.merged_into),
        *(leaving.c.sink == sink, leaving.c.do == Do.LINK.value, leaving.c.state != State.DROPPED.value),
        *(leaving.c.part.startswith("link:" + problem.c.key), ~after),
    )
    rows = connection.execute(
        select(problem).where(
            problem.c.sink == sink, problem.c.state == "open", problem.c.merged_into.is_not(None), ~held
        )
    ).all()
    for row in rows:
        _close(connection, dict(row._mapping), now)
    return len(rows)


def _close(connection: Connection, row: dict[str, Any], now: float) -> None:
    other = connection.execute(
        select(problem.c.key, link.c.number, link.c.remote_id)
        .outerjoin(link, and_(link.c.ticket_id == problem.c.ticket_id, link.c.sink == problem.c.sink))
        .where(problem.c.id == row["merged_into"])
    ).one()
    create = delivery.c.part == "ticket"
    made = connection.execute(select(delivery).where(delivery.c.ticket_id == row["ticket_id"], create)).one()
    if made.state in _WAITS and made.body is None:
        note = f"merged into problem {other.key}"
        move(connection, Step(made.id, row["ticket_id"], State(made.state), Move.ENDED, note), now)
    else:
        said = {"notes": f"Duplicate of {other.number or other.key}", "code": "duplicate"}
        resolve(connection, row, said | ({"duplicate_of": other.remote_id} if other.remote_id else {}), now)
    values = {"state": "merged", "ended_at": now, "ending": "duplicate"}
    connection.execute(update(problem).where(problem.c.id == row["id"]).values(**values))
