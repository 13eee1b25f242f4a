"""ServiceNow's pure rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Finding
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.dialect import detail, whole
from connector.sinks.servicenow.people import Asked, chosen, term

TEXT = st.text(max_size=60)


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=3)))
def test_plain_is_a_string_and_stable(value: Any) -> None:
    once = columns.plain(value)
    assert isinstance(once, str)
    assert columns.plain(once) == once


@given(TEXT)
def test_a_value_is_the_same_as_itself(text: str) -> None:
    assert columns.same("description", text, text)
    lines = text.replace("\r", "")
    assert columns.same("description", lines.replace("\n", "\r\n"), lines)


@given(TEXT)
def test_a_term_holds_no_lone_caret(text: str) -> None:
    assert "^" not in term(text).replace("^^", "")


@given(TEXT)
def test_journals_keep_no_code_tags(text: str) -> None:
    for each in (text, f"[code]{text}[/code]", f"[CO[code]DE]{text}"):
        shown = columns.journal(each).lower()
        assert "[code]" not in shown
        assert "[/code]" not in shown


@pytest.mark.parametrize(
    ("value", "plain"),
    [({"link": "x", "value": "abc"}, "abc"), ({}, ""), (None, ""), (True, "true"), (3, "3"), (["a", "b"], "a,b")],
)
def test_values_on_the_wire(value: Any, plain: str) -> None:
    assert columns.plain(value) == plain


def test_lists_are_compared_without_their_order() -> None:
    assert columns.same("watch_list", "a,b", "b, a")
    assert not columns.same("description", "a,b", "b,a")


def test_a_priority_sent_alone_counts() -> None:
    assert columns.unkept({"priority": "1"}, {"priority": "4"}) == {"priority": ("1", "4")}
    assert columns.unkept({"priority": "1", "impact": "3"}, {"priority": "4", "impact": "3"}) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Data Policy Exception: The following fields are mandatory: Resolution code, Close notes", "Resolution code"),
        ("aborted by Business Rule 'Check VIP^abc'. Business Rule Stack: Mrs Sample", "business rule Check VIP"),
        ("ACL Exception Insert Failed due to security constraints", "insert"),
        ("Mrs Sample cannot log in", ""),
    ],
)
def test_refusals_name_fields_and_rules_only(text: str, told: str) -> None:
    assert told in detail(text)
    assert "Sample" not in detail(text)


@pytest.mark.parametrize("document", [[], None, {}, {"error": {}}, {"result": [], "error": {}}, "result"])
def test_answers_that_are_not_whole(document: Any) -> None:
    assert not whole(document)


def row(login: str, email: str = "a@x.example", active: str = "true") -> dict[str, str]:
    return {"sys_id": login, "user_name": login, "email": email, "active": active}


@pytest.mark.parametrize(
    ("asked", "rows", "answer"),
    [
        (Asked("a@x.example"), [row("one")], "one"),
        (Asked("A@X.example"), [row("one")], "one"),
        (Asked("a@x.example"), [row("one"), row("gone", active="false")], "one"),
        (Asked("a@x.example"), [row("gone", active="false")], "gone"),
        (Asked("a@x.example"), [row("one"), row("two")], "ambiguous-person"),
        (Asked("a@x.example", "two"), [row("one"), row("two")], "two"),
        (Asked("a@x.example", "three"), [row("one"), row("two"), row("three", "c@x.example")], "ambiguous-person"),
        (Asked("a@x.example"), [row("other", "b@x.example")], "unknown-person"),
        (Asked(login="one"), [row("one"), row("two")], "one"),
        (Asked("b@x.example", "one"), [row("one")], "one"),
        (Asked("a@x.example"), [], "unknown-person"),
    ],
)
def test_whom_an_address_means(asked: Asked, rows: list[dict[str, str]], answer: str) -> None:
    found = chosen(asked, rows)
    assert (found.code if isinstance(found, Finding) else found) == answer
