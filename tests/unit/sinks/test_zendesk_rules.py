"""Zendesk's pure rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sinks.zendesk import fields as tickets
from connector.sinks.zendesk.dialect import DIALECT, detail, whole
from connector.wire import Seen

TEXT = st.text(max_size=60)


@given(TEXT)
def test_a_tag_is_settled_after_one_pass(text: str) -> None:
    once = tickets.tag(text)
    assert tickets.tag(once) == once
    assert " " not in once


@given(st.lists(TEXT, max_size=5))
def test_tags_are_each_once(items: list[str]) -> None:
    found = tickets.tag_list(items)
    assert len(found) == len(set(found))
    assert "" not in found


@given(TEXT, TEXT)
def test_details_show_no_description(name: str, code: str) -> None:
    said = "Requester: Jane Q. Sample is suspended."
    body = {"error": "RecordInvalid", "details": {name: [{"description": said, "error": code}]}}
    assert "Sample" not in detail(json.dumps(body))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"details": {"requester": [{"error": "InvalidValue"}]}}', "requester: InvalidValue"),
        ('{"details": {"base": [{"error": null, "ticket_field_id": 36}]}}', "base: field 36"),
        ('{"details": {"base": "odd"}}', "base"),
        ('{"error": "RecordNotFound"}', "RecordNotFound"),
        ('{"error": {"title": "x"}}', ""),
        ("[]", ""),
        ("plain text", ""),
        ("[" * 5000, ""),
    ],
)
def test_details(text: str, told: str) -> None:
    assert detail(text) == told


@pytest.mark.parametrize(
    ("status", "text", "seen"),
    [
        (400, '{"error": "IdempotentRequestError"}', Seen.MAYBE_DONE),
        (409, "Requester creation collision - please try again", Seen.COLLISION),
        (422, '{"details": {"status": [{"description": "Status: closed prevents ticket update"}]}}', Seen.CLOSED),
        (404, '{"error": "InvalidEndpoint"}', Seen.NO_API),
    ],
)
def test_rows(status: int, text: str, seen: Seen) -> None:
    assert [row.seen for row in DIALECT.rows if row.fits(status, text)] == [seen]


@pytest.mark.parametrize("document", [[], None, "x", {"error": "no"}])
def test_answers_that_are_not_whole(document: Any) -> None:
    assert not whole(document)


@pytest.mark.parametrize(
    ("name", "sent", "held", "same"),
    [
        ("tags", ["a"], ["b", "a"], True),
        ("tags", {"add": ["a"], "remove": ["c"]}, ["a", "b"], True),
        ("tags", {"add": [], "remove": ["a"]}, ["a"], False),
        ("subject", "a\r\nb ", "a\nb", True),
        ("custom:x", 1.5, "1.50", True),
        ("custom:x", 15, None, False),
        ("custom:x", True, True, True),
        ("custom:x", ["a", "b"], ["b", "a"], True),
        ("custom:x", "a", None, False),
    ],
)
def test_sameness(name: str, sent: Any, held: Any, same: bool) -> None:
    assert tickets.same(name, sent, held) is same


def test_a_body_becomes_a_ticket() -> None:
    body = {
        "subject": "s",
        "group": 7,
        "requester": {"email": "a@b.example"},
        "assignee": "c@d.example",
        "custom:X": {"id": 3, "value": "v"},
        "tags": {"add": ["a"], "remove": []},
        "follow_up_of": 9,
        "reopen": True,
    }
    assert tickets.ticket(body) == {
        "subject": "s",
        "group_id": 7,
        "requester": {"email": "a@b.example"},
        "assignee_email": "c@d.example",
        "custom_fields": [{"id": 3, "value": "v"}],
        "via_followup_source_id": 9,
        "status": "open",
    }
