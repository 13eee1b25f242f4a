"""Escalate: what nobody answered or solved in time is said again, louder; once at each moment."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from connector.answering import mailbox, person_at
from connector.clock import utc
from connector.engine.answer import STAFF, sink_of
from connector.engine.wiring import Outlet, Tally, Wiring
from connector.escalation import Escalation, Standing, due, windows
from connector.ledger import escalating
from connector.ledger.escalating import PART, RAISE, Open, Raised
from connector.plugins import Do
from connector.priority import weigh
from connector.service_levels import grade
from connector.ticket import Ticket

BATCH = 200
log = structlog.get_logger("connector.escalate")

_TIMES = {"respond": "answered", "resolve": "resolved"}


def escalate(wiring: Wiring, outlet: Outlet, tally: Tally) -> int:
    """Queue what follows from times that have come since the last look, once in a run; returns how many deliveries."""
    if not wiring.escalations or tally.escalated or tally.error is not None or wiring.stop():
        return 0
    tally.escalated = True
    now = wiring.clock.wall()
    spans = list(windows(wiring.escalations, wiring.levels, 0.0, 0.0))
    ids, after = escalating.near(wiring.db, outlet.name, spans, now)
    queued = 0
    for start in range(0, max(len(ids), 1), BATCH):
        some = ids[start : start + BATCH]
        raised = [one for own in escalating.standing(wiring.db, outlet.name, some) for one in _raised(wiring, own, now)]
        last = start + BATCH >= len(ids)
        queued += escalating.commit(wiring.db, outlet.name, raised, after if last else {}, now)
    if queued:
        log.info("escalated", sink=outlet.name, deliveries=queued)
    return queued


def _raised(wiring: Wiring, own: Open, now: float) -> Iterator[Raised]:
    ticket = Ticket.model_validate_json(own.body)
    priority = weigh(ticket, wiring.weighing).priority
    standing = Standing(own.reported_at, priority, own.answered, own.resolved)
    for rule in due(wiring.escalations, ticket, standing, wiring.levels, now):
        yield from _steps(wiring, rule, own, priority)


def _steps(wiring: Wiring, rule: Escalation, own: Open, priority: int) -> Iterator[Raised]:
    by = rule.moment(wiring.levels.of(grade(priority)), own.reported_at) or 0.0
    time = utc(by + rule.before).isoformat(timespec="minutes").replace("+00:00", "Z")
    part = f"{PART}:{rule.name}"
    if rule.note:
        said = {"text": f"{rule.note} (to be {_TIMES[rule.on]} by {time})", "public": False}
        yield Raised(own.id, own.version, Do.COMMENT, f"{part}:note", said, by)
    if rule.urgency or rule.group:
        what = {"urgency": rule.urgency.value if rule.urgency else "", "group": rule.group or ""}
        yield Raised(own.id, own.version, Do.UPDATE, f"{part}:{RAISE}", {"escalate": what}, by)
    for told in rule.tell:
        name, address = mailbox(told)
        person = person_at(address)
        what = {"event": "escalation", "to": address, "name": name, "person": person, "text": _headline(rule)}
        detail = {"number": own.number, "url": own.url}
        said = {**what, "detail": detail}
        yield Raised(own.id, own.version, Do.NOTIFY, f"notice:{part}:{person}", said, by, sink_of(STAFF))


def _headline(rule: Escalation) -> str:
    if rule.before:
        return f"To be {_TIMES[rule.on]} within {rule.before / 60:.0f} minutes"
    return f"Not {_TIMES[rule.on]} in time"
