"""Encoded queries, and how they fail to fail."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sandbox.clock import Clock
from connector.sandbox.servicenow import ServiceNow
from connector.sandbox.servicenow.query import parse, select


@pytest.fixture
def ask(box, sn):
    (caller,) = box.servicenow.rows("sys_user", user_name="kbrandt")
    rows = [
        {"short_description": "Alpha", "category": "network", "impact": "1", "urgency": "1", "correlation_id": "s:1"},
        {"short_description": "beta", "category": "hardware", "caller_id": caller["sys_id"], "correlation_id": "s:2"},
        {"short_description": "Gamma^delta", "category": "software", "impact": "2", "description": "beta"},
    ]
    for row in rows:
        box.clock.advance(10)
        assert sn.post("/table/incident", json=row).status_code == 201

    def run(query, **params):
        answer = sn.get("/table/incident", params={"sysparm_query": query, **params})
        return [row["short_description"][0].lower() for row in answer.json()["result"]]

    return run


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abg"),
        ("category=network", "a"),
        ("category!=network", "bg"),
        ("short_description=ALPHA", "a"),
        ("categoryINnetwork,hardware", "ab"),
        ("categoryNOT INnetwork,hardware", "g"),
        ("short_descriptionLIKEet", "b"),
        ("short_descriptionNOT LIKEet", "ag"),
        ("short_descriptionSTARTSWITHal", "a"),
        ("short_descriptionENDSWITHta", "bg"),
        ("caller_idISEMPTY", "ag"),
        ("caller_idISNOTEMPTY", "b"),
        ("correlation_idEMPTYSTRING", "g"),
        ("categoryANYTHING", "abg"),
        ("priority>2", "bg"),
        ("priority>=1^priority<5", "ag"),
        ("priority<=1", "a"),
        ("priorityBETWEEN1@4", "ag"),
        ("impactSAMEASurgency", "ab"),
        ("impactNSAMEASurgency", "g"),
        ("caller_id.email=karen.brandt@northfield-hospital.example", "b"),
        ("caller_id.department.nameSTARTSWITHemergency", "b"),
        ("category=network^ORcategory=hardware", "ab"),
        ("category=network^ORcategory=hardware^impact=3", "b"),
        ("category=network^NQcategory=hardware^impact=3", "ab"),
        ("category=network^NQcategory=hardware^impact=1", "a"),
        ("ORDERBYDESCshort_description", "gba"),
        ("category!=x^ORDERBYDESCpriority", "bga"),
        ("correlation_id=s:2", "b"),
        ("correlation_id=S:2^category=hardware", "b"),
        ("correlation_id=s:2^category=network", ""),
        ("short_description=Gamma^^delta", "g"),
        ("sys_created_on>javascript:gs.dateGenerate('2001-01-01','00:00:00')", "abg"),
        ("^EQ", "abg"),
    ],
)
def test_conditions(ask, query, found):
    assert "".join(ask(query)) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("u_external=42", "abg"),  # nothing is left, so everything matches
        ("u_external=42^category=network", "a"),
        ("category=network^u_external=42", "a"),
        ("category=network^ORu_external=42", "a"),
        ("u_external=42^ORcategory=network", "a"),
        ("caller_id.nothing=x", "abg"),
        ("total nonsense", "abg"),
        ("ORDERBYu_external", "abg"),
        ("category=network^NQu_external=42", "abg"),
    ],
)
def test_conditions_on_unknown_columns_vanish(box, ask, query, found):
    assert "".join(ask(query)) == found
    box.servicenow.invalid_query_returns_no_rows = True
    assert "".join(ask(query)) == (found if query.startswith("ORDERBY") else "")


def test_keyset_pages_repeat_nothing(ask):
    assert ask("ORDERBYsys_updated_on^ORDERBYsys_id", sysparm_limit="2") == ["a", "b"]


_LOCK = threading.RLock()
_TABLES = ServiceNow(Clock(_LOCK), _LOCK)
_WORDS = st.sampled_from(
    ["number", "=", "^", "^OR", "^NQ", "ORDERBY", "IN", "caller_id.name", "u_x", "1", ",", "BETWEEN"]
)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_WORDS, max_size=12).map("".join)))
def test_no_query_breaks_it(text):
    query = parse(text, "incident", _TABLES.reader)
    assert select(query, _TABLES.tables["incident"], _TABLES.reader) == []
