"""Reading what changed at Zendesk loses nothing and repeats nothing."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
import requests

from connector.errors import Permanent, RemoteError
from connector.plugins import Status
from connector.sandbox import Sandbox
from connector.sinks.zendesk import changes
from tests.unit.sinks.conftest import Built, created
from tests.unit.sinks.listening import Listener

WHO = {"email": "ann@ward.example", "name": "Ann", "login": ""}
ADMIN = ("sync@northfield-hospital.example/token", "sandbox")


class Account:
    """The account, and an agent who works at it."""

    def __init__(self, box: Sandbox) -> None:
        self.box, self.desk = box, box.zendesk
        self.desk.export_delay = 0.0
        self.agent = next(user for user in self.desk.users.values() if user["role"] == "agent")

    def ticket(self, zen: Any, name: str = "T") -> str:
        return created(zen, {"subject": name, "comment": "Help.", "requester": WHO}, name).remote_id

    def put(self, number: str, **values: Any) -> None:
        url = f"{self.box.url}/api/v2/tickets/{number}.json"
        requests.put(url, json={"ticket": values}, auth=ADMIN, timeout=5).raise_for_status()

    def says(self, number: str, text: str, public: bool = True, author: int | None = None, **more: Any) -> None:
        comment = {"body": text, "public": public, "author_id": author or self.agent["id"]}
        self.put(number, comment=comment, **more)


@pytest.fixture
def account(box: Sandbox) -> Account:
    return Account(box)


def test_a_change_is_heard_once_with_what_was_said(account: Account, zen: Any) -> None:
    number = account.ticket(zen)
    ears = Listener(zen, number)
    [new] = ears.listen()
    assert (new.status, new.ours, new.said) == (Status.NEW, True, ())
    account.box.clock.advance(5)
    account.says(number, "Which printer?", status="pending", assignee_id=account.agent["id"])
    account.says(number, "Toner?", public=False)
    account.box.clock.advance(5)
    [change] = ears.listen()
    assert (change.status, change.assignee) == (Status.PENDING, account.agent["name"])
    assert [(said.text, said.public, said.desk, said.author) for said in change.said] == [
        ("Which printer?", True, True, account.agent["name"]),
        ("Toner?", False, True, account.agent["name"]),
    ]
    assert (change.replies, change.answered_at is not None) == (1, True)
    assert ears.listen() == []
    assert ears.once


def test_the_requester_is_not_the_desk_and_comes_back(account: Account, zen: Any) -> None:
    number = account.ticket(zen)
    ears = Listener(zen, number)
    account.put(number, status="solved", assignee_id=account.agent["id"])
    account.box.clock.advance(5)
    assert [change.status for change in ears.listen()] == [Status.RESOLVED]
    requester = account.desk.tickets[int(number)]["requester_id"]
    account.says(number, "Still blank.", author=requester)
    account.box.clock.advance(5)
    [change] = ears.listen()
    assert (change.status, change.reopened, change.replies) == (Status.OPEN, 1, 0)
    assert [said.desk for said in change.said] == [False]


def test_a_thousand_tickets_of_one_second_page_by_page(
    account: Account, zen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "PAGE", 300)
    first = account.ticket(zen)
    for number in range(2, 1101):
        account.desk.tickets[number] = {**account.desk.tickets[int(first)], "id": number}
    ears = Listener(zen, *map(str, account.desk.tickets))
    for _ in range(40):  # an answer is cut now and then
        account.box.faults.add("GET /api/v2/incremental/*", "cut", after=1, times=4)
        with contextlib.suppress(RemoteError):
            ears.listen()
            break
        account.box.faults.clear()
    account.box.faults.clear()
    ears.listen()
    assert {key for key, _ in ears.heard} == set(map(str, account.desk.tickets))
    assert ears.once


def test_a_token_that_ends_between_two_pages(account: Account, zen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "PAGE", 2)
    numbers = [account.ticket(zen, f"T{place}") for place in range(5)]
    ears = Listener(zen, *numbers)
    pages = zen.changes({}, ears.known)
    ears._keep(next(pages))
    account.box.clock.advance(90_000)
    for page in pages:
        ears._keep(page)
    assert {key for key, _ in ears.heard} == set(numbers)
    assert ears.once


def test_deleted_and_merged(account: Account, zen: Any) -> None:
    gone, source, target = (account.ticket(zen, name) for name in ("a", "b", "c"))
    ears = Listener(zen, gone, source, target)
    ears.listen()
    account.box.clock.advance(5)
    requests.delete(f"{account.box.url}/api/v2/tickets/{gone}.json", auth=ADMIN, timeout=5)
    merge = f"{account.box.url}/api/v2/tickets/{target}/merge.json"
    requests.post(merge, json={"ids": [int(source)]}, auth=ADMIN, timeout=5).raise_for_status()
    account.box.clock.advance(5)
    ears.listen()
    assert ears.latest[gone].status is Status.GONE
    assert (ears.latest[source].status, ears.latest[source].merged_into) == (Status.MERGED, target)
    assert ears.latest[target].status is not Status.MERGED
    assert zen.observe([gone])[0].status is Status.GONE


def test_ratings_and_endings(account: Account, zen: Any) -> None:
    number = account.ticket(zen)
    account.put(number, status="solved", assignee_id=account.agent["id"], additional_tags=["wont_fix"])
    account.desk.rate(int(number), "good")
    account.box.clock.advance(5)
    [change] = Listener(zen, number).listen()
    assert (change.rating, change.resolution) == ("good", "wont_fix")


def test_tickets_of_others_are_not_asked_about(account: Account, zen: Any) -> None:
    ours, _ = account.ticket(zen, "a"), account.ticket(zen, "b")
    for number in account.desk.tickets:
        account.put(str(number), status="open", assignee_id=account.agent["id"])
    account.box.clock.advance(5)
    before = len(account.box.requests)
    Listener(zen, ours).listen()
    asked = [entry.path for entry in account.box.requests[before:] if entry.path.endswith("/audits.json")]
    assert asked == [f"/api/v2/tickets/{ours}/audits.json"]


def test_a_cursor_that_is_not_known_any_more_begins_where_it_was_last_at_the_end(account: Account, zen: Any) -> None:
    number = account.ticket(zen)
    ears = Listener(zen, number)
    ears.cursor = {"tickets": "no cursor at all", "since": "1000000000"}
    account.box.faults.add("GET /api/v2/incremental/*", "status", status=422)
    assert [change.remote_id for change in ears.listen()] == [number]


def test_an_agent_may_not_read_the_export(account: Account, zen: Any) -> None:
    account.box.faults.add("GET /api/v2/incremental/*", "status", status=403, times=None)
    with pytest.raises(Permanent) as caught:
        Listener(zen, "1").listen()
    assert re.fullmatch("forbidden|refused", caught.value.code)


def test_only_what_was_seen_can_be_gone(account: Account, zen_built: Built) -> None:
    assert zen_built().observe(["777"]) == []
