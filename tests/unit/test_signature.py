"""What opens nothing by itself, and what does though it sounds alike."""

from __future__ import annotations

import pytest

from connector.problems.signature import signature
from connector.ticket import Ticket


def aside(text: str) -> bool:
    ticket = Ticket(source="mail", external_id="1", channel="email", summary=text)
    return signature(ticket, "mail:1", 0.0).aside


@pytest.mark.parametrize(
    "text", ["the printer is out of paper", "paper jam in 4 West", "please reset my password", "my mouse is broken"]
)
def test_what_comes_in_every_day_opens_nothing(text: str) -> None:
    assert aside(text)


@pytest.mark.parametrize(
    "text",
    [
        "Login is down, medications are charted on paper",
        "Nobody can reset a password today",
        "We cannot reach the server on any workstation, my screen says try again",
        "The whole clinic cannot log in with their badge",
    ],
)
def test_what_befalls_all_is_no_everyday_matter(text: str) -> None:
    assert not aside(text)
