"""The line in which a ticket's deliveries wait."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_

from connector.delivery import State
from connector.ledger.schema import delivery
from connector.plugins import Do


def nothing_earlier() -> ColumnElement[bool]:
    """No earlier delivery of this ticket stands in the way. A blocked create does; a blocked comment does not, nor does
    a message of which nobody knows whether it arrived."""
    earlier = delivery.alias("earlier")
    # Spelt out, not as a list: a list has a length of its own in every statement, and many rows take one statement.
    is_open = or_(
        *(earlier.c.state == state.value for state in (State.QUEUED, State.SENDING)),
        and_(earlier.c.state == State.UNSURE.value, earlier.c.do != Do.NOTIFY.value),
    )
    return ~exists().where(
        earlier.c.ticket_id == delivery.c.ticket_id,
        earlier.c.sink == delivery.c.sink,
        earlier.c.id < delivery.c.id,
        or_(is_open, and_(earlier.c.state == State.BLOCKED.value, earlier.c.do == Do.CREATE.value)),
    )
