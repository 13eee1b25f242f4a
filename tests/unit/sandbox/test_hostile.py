"""Nothing that a client sends breaks the sandbox: it answers, and below 500."""

from __future__ import annotations

import base64
import json
import threading

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connector.sandbox.clock import Clock
from connector.sandbox.messages import Call
from connector.sandbox.servicenow import ServiceNow
from connector.sandbox.zendesk import Zendesk

_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), st.text(max_size=8))
_ANY = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
_TICKET_KEYS = [
    "subject", "comment", "description", "requester_id", "requester", "submitter_id", "assignee_id",
    "assignee_email", "group_id", "type", "problem_id", "priority", "status", "tags", "custom_fields",
    "external_id", "due_at", "email_ccs", "followers", "collaborators", "via_followup_source_id", "metadata",
    "safe_update", "updated_stamp", "additional_tags", "remove_tags", "comments", "created_at", "id",
    "organization_id",
]  # fmt: skip
_ROW_KEYS = [
    "sys_id", "number", "short_description", "caller_id", "category", "subcategory", "state", "incident_state",
    "impact", "urgency", "hold_reason", "close_code", "close_notes", "comments", "work_notes", "parent_incident",
    "problem_id", "active", "opened_at", "due_date", "watch_list",
]  # fmt: skip
_PARTS = dict.fromkeys(("email", "name", "body", "uploads", "html_body", "author_id", "id", "value"), _ANY)
_OBJECT = st.fixed_dictionaries({}, optional=_PARTS)
_SHAPED = st.one_of(_ANY, _OBJECT, st.lists(_OBJECT, max_size=2))
_TICKET = st.dictionaries(st.sampled_from(_TICKET_KEYS), _SHAPED, max_size=6)
_ROW = st.dictionaries(st.sampled_from(_ROW_KEYS), _ANY, max_size=6)
_MODEST = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def head(user):
    token = base64.b64encode(f"{user}:sandbox".encode()).decode()
    return {"authorization": f"Basic {token}", "accept": "*/*", "content-type": "application/json", "host": "h"}


SNOW, ZEN = head("sync"), head("sync@northfield-hospital.example/token")


@pytest.fixture
def account():
    lock = threading.RLock()
    account = Zendesk(Clock(lock), lock)
    for kind in ("problem", "incident"):
        ask(account, "POST", "/api/v2/tickets", {"ticket": {"comment": {"body": "x"}, "type": kind}})
    return account


@pytest.fixture
def instance():
    lock = threading.RLock()
    instance = ServiceNow(Clock(lock), lock)
    instance.answer(Call("POST", "/api/now/table/incident", "", SNOW, b'{"sys_id": "1"}'))
    instance.answer(Call("POST", "/api/now/table/problem", "", SNOW, b'{"sys_id": "1"}'))
    return instance


def ask(system, method, path, document, query=""):
    headers = ZEN if isinstance(system, Zendesk) else SNOW
    answer = system.answer(Call(method, path, query, headers, json.dumps(document).encode()))
    assert answer.status < 500
    return answer


@_MODEST
@given(values=_TICKET, body=_ANY)
def test_tickets(account, values, body):
    ask(account, "POST", "/api/v2/tickets", {"ticket": {"comment": {"body": "x"}, **values}})
    ask(account, "POST", "/api/v2/imports/tickets", {"ticket": values})
    ask(account, "PUT", "/api/v2/tickets/2", {"ticket": values})
    ask(account, "POST", "/api/v2/tickets/create_many", {"tickets": [values, body]})
    ask(account, "PUT", "/api/v2/tickets/update_many", {"tickets": [{**values, "id": 2}, values]})
    ask(account, "PUT", "/api/v2/tickets/update_many", {"ticket": body}, "ids=1,2")
    ask(account, "PUT", "/api/v2/tickets/1/tags", {"tags": body})
    ask(account, "POST", "/api/v2/tickets", body)
    ask(account, "POST", "/oauth/tokens", body)


@_MODEST
@given(values=st.fixed_dictionaries({}, optional={**_PARTS, "external_id": _ANY, "tags": _ANY}))
def test_users(account, values):
    ask(account, "POST", "/api/v2/users", {"user": values})
    ask(account, "POST", "/api/v2/users/create_or_update", {"user": values})
    ask(account, "GET", "/api/v2/users/search", {}, "query=x")


@_MODEST
@given(query=st.text(max_size=40))
@example(query="0\x1f")
def test_queries(account, instance, query):
    for path in (
        "search",
        "search/export",
        "tickets",
        "users/search",
        "incremental/tickets/cursor",
        "tickets/show_many",
    ):
        for name in ("query", "external_id", "cursor", "start_time", "ids", "page[after]", "page", "per_page"):
            ask(account, "GET", f"/api/v2/{path}", {}, f"{name}={query}")
    for name in ("sysparm_query", "sysparm_limit", "sysparm_offset", "sysparm_fields", "number"):
        ask(instance, "GET", "/api/now/table/incident", {}, f"{name}={query}")


@_MODEST
@given(values=_ROW, body=_ANY)
def test_rows(instance, values, body):
    for table in ("incident", "problem"):
        ask(instance, "POST", f"/api/now/table/{table}", values)
        ask(instance, "PATCH", f"/api/now/table/{table}/1", values)
        ask(instance, "POST", f"/api/now/table/{table}", values, "sysparm_input_display_value=true")
        ask(instance, "GET", f"/api/now/table/{table}/1", {}, "sysparm_display_value=all")
    ask(instance, "POST", "/api/now/table/incident", body)
    ask(instance, "POST", "/api/now/v1/batch", {"rest_requests": [body, values]})
    ask(instance, "POST", "/api/now/v1/batch", body)
