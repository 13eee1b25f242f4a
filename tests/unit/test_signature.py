"""What opens nothing by itself, and what does though it sounds alike."""

from __future__ import annotations

import pytest

from connector.problems.signature import BROKEN, signature
from connector.ticket import Context, Ticket


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
        "Badge system is down",
    ],
)
def test_what_befalls_all_is_no_everyday_matter(text: str) -> None:
    assert not aside(text)


@pytest.mark.parametrize(
    ("text", "application", "daily"),
    [
        ("badge readers stay red and do not open", "OnGuard", False),
        ("badge readers stay red and do not open", "", True),
        ("badge readers stay red and do not open", "Hyperspace", True),
        ("please reset my password", "OnGuard", True),
    ],
)
def test_an_application_that_a_field_names_and_that_fails_is_no_everyday_matter(
    text: str, application: str, daily: bool
) -> None:
    context = Context(application=application)
    ticket = Ticket(source="button", external_id="1", channel="button", summary=text, context=context)
    assert signature(ticket, "button:1", 0.0).aside is daily


@pytest.mark.parametrize(
    "text", ["Payroll is down", "payroll hangs at login", "I can’t open payroll", "no images since 8", "it says locked"]
)
def test_whatever_says_that_it_does_not_work_is_one_word(text: str) -> None:
    assert BROKEN in words(text)


@pytest.mark.parametrize("text", ["please move my preference list in payroll", "who owns the payroll dashboard?"])
def test_a_wish_says_nothing_of_the_kind(text: str) -> None:
    assert BROKEN not in words(text)


def words(text: str) -> frozenset[str]:
    ticket = Ticket(source="mail", external_id="1", channel="email", summary=text)
    return signature(ticket, "mail:1", 0.0).words
