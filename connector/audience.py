"""Who is told of outages without having asked: by application, location or whatever else a ticket holds. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from connector import matching
from connector.answering import Event, Mailbox, Recipient, mailbox, person_at
from connector.escalation import faultless
from connector.ticket import Ticket

# What is said of an outage to those who did not report it.
WORDS = {
    Event.PROBLEM_OPENED: "known",
    Event.PROBLEM_CHANGED: "news",
    Event.PROBLEM_RESOLVED: "over",
    Event.PROBLEM_CLOSED: "closed",
    Event.DEFERRED: "known, no date",
    Event.DECLINED: "will not be changed",
}


class Audience(BaseModel):
    """People or lists who are told when an outage begins, changes and ends that one of its tickets' fields fits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, Any] = Field(
        default_factory=dict,
        description="plain matching of ticket fields; empty fits every ticket",
        examples=[{"context.application": "Willow*"}],
    )
    tell: tuple[Mailbox, ...] = Field(min_length=1, description="addresses of people or lists")
    _test: matching.Test = PrivateAttr()

    _faultless = field_validator("when")(faultless)

    def model_post_init(self, context: Any, /) -> None:
        self._test = matching.compiled(self.when)

    def fits(self, ticket: Ticket) -> bool:
        """Does the ticket meet every condition?"""
        return self._test(ticket)


def hears(audiences: Sequence[Audience], ticket: Ticket, reporters: Collection[str]) -> Iterator[Recipient]:
    """Who is told of the outage that the ticket is part of, each once; the persons in `reporters` are not."""
    seen = set(reporters)
    for audience in audiences:
        if not audience.fits(ticket):
            continue
        for named in audience.tell:
            name, address = mailbox(named)
            person = person_at(address)
            if person not in seen:
                seen.add(person)
                yield Recipient(name, address, person)
