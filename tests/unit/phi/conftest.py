"""Invented people only. The address and phone ranges are reserved for examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.ticket import Channel, Person, PersonKind, Ticket

CALLER = Person(
    kind=PersonKind.STAFF, name="Karen Brandt", email="k.brandt@northfield-hospital.example", phone="608-555-0142"
)


@pytest.fixture
def ticket() -> Callable[..., Ticket]:
    """A ticket from a nurse, with whatever fields the test gives."""

    def make(**fields: Any) -> Ticket:
        return Ticket(
            **{
                "source": "button",
                "external_id": "1",
                "channel": Channel.BUTTON,
                "summary": "Help",
                "requester": CALLER,
                **fields,
            }
        )

    return make
