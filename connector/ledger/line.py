"""The line in which a ticket's deliveries wait."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_

from connector.delivery import State
from connector.ledger.schema import delivery
from connector.ledger.states import stands
from connector.plugins import Do


def nothing_earlier() -> ColumnElement[bool]:
    """No earlier delivery of this ticket stands in the way. A blocked create does; a blocked comment does not, nor does
    a message of which nobody knows whether it arrived."""
    earlier = delivery.alias("earlier")
    is_open = or_(
        stands(State.QUEUED, State.SENDING, of=earlier),
        and_(stands(State.UNSURE, of=earlier), earlier.c.do != Do.NOTIFY.value),
    )
    return ~exists().where(
        earlier.c.ticket_id == delivery.c.ticket_id,
        earlier.c.sink == delivery.c.sink,
        earlier.c.id < delivery.c.id,
        or_(is_open, and_(stands(State.BLOCKED, of=earlier), earlier.c.do == Do.CREATE.value)),
    )
