"""A remote that ignores what it was asked, as ServiceNow does with conditions that it does not understand: every row
is checked again, and absence counts from the first look."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import responses

from connector.errors import RemoteError, Transient, Uncertain
from connector.plugins import Do, Key, SinkTools, Write
from connector.sinks.servicenow import ServiceNow
from connector.sinks.servicenow import Settings as ServiceNowSettings
from connector.sinks.zendesk import Settings as ZendeskSettings
from connector.sinks.zendesk import Zendesk
from tests.conftest import FakeClock

URL = "https://desk.example"
RECORD = "0123456789abcdef0123456789abcdef"
EARLY, LATE = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:59:37 GMT"
GONE = {"error": {"message": "No Record found", "detail": ""}, "status": "failure"}


@pytest.fixture(autouse=True)
def remote() -> Iterator[None]:
    with responses.mock:
        yield


@pytest.fixture
def tools(tmp_path: Path, clock: FakeClock) -> SinkTools:
    (tmp_path / "secret").write_text("x")
    return SinkTools(base=tmp_path, clock=clock)


@pytest.fixture
def snow(tools: SinkTools) -> ServiceNow:
    auth = {"username": "u", "password": "file:secret"}
    given = {"type": "servicenow", "url": URL, "mapping": "m", "auth": auth}
    return ServiceNow("snow", ServiceNowSettings.model_validate(given), tools)


@pytest.fixture
def zen(tools: SinkTools) -> Zendesk:
    auth = {"email": "e@desk.example", "token": "file:secret"}
    return Zendesk(
        "zen", ZendeskSettings.model_validate({"type": "zendesk", "url": URL, "mapping": "m", "auth": auth}), tools
    )


def asked(do: Do, table: str, remote_id: str = "", body: Mapping[str, Any] | None = None) -> Write:
    return Write(do, Key("unit-1", "s", "Ticket-1", table, "ticket"), body or {}, {}, remote_id)


def snow_row(write: Write, **other: str) -> dict[str, str]:
    mine = {"correlation_id": write.key.remote, "correlation_display": "connector"}
    return {"sys_id": RECORD, "number": "INC1", "sys_created_on": "2026-01-02 00:00:00", **mine, **other}


def test_servicenow_rows_that_do_not_carry_the_key(snow: ServiceNow) -> None:
    write = asked(Do.CREATE, "incident")
    strangers = [
        snow_row(write, correlation_id=""),
        snow_row(write, correlation_id=write.key.remote.lower()),
        snow_row(write, correlation_display="another system"),
        {"sys_id": RECORD},
    ]
    responses.get(f"{URL}/api/now/table/incident", json={"result": strangers}, headers={"Date": EARLY})
    responses.get(f"{URL}/api/now/table/incident/{write.key.uuid}", status=404, json=GONE, headers={"Date": LATE})
    look = snow.find(write, None)
    assert not look.found
    assert look.date is not None
    assert look.date.minute == 49, "absence counts from the first of the two looks"


def test_servicenow_finds_its_own_id_where_somebody_changed_the_correlation(snow: ServiceNow) -> None:
    write = asked(Do.CREATE, "incident")
    responses.get(f"{URL}/api/now/table/incident", json={"result": []})
    row = snow_row(write, sys_id=write.key.uuid, correlation_id="changed")
    responses.get(f"{URL}/api/now/table/incident/{write.key.uuid}", json={"result": row})
    assert [found.remote_id for found in snow.find(write, None).found] == [write.key.uuid]


def test_servicenow_several_records_come_oldest_first(snow: ServiceNow) -> None:
    write = asked(Do.CREATE, "incident")
    new, old = snow_row(write), snow_row(write, sys_id="f" * 32, sys_created_on="2026-01-01 00:00:00")
    responses.get(f"{URL}/api/now/table/incident", json={"result": [new, old]})
    responses.get(f"{URL}/api/now/table/incident/{write.key.uuid}", status=404, json=GONE)
    assert [found.remote_id for found in snow.find(write, None).found] == ["f" * 32, RECORD]


@pytest.mark.parametrize("broken", ["marker", "record"])
def test_servicenow_comments_of_others(snow: ServiceNow, broken: str) -> None:
    write = asked(Do.COMMENT, "incident", RECORD)
    line = f"[connector {write.key.marker}]"
    row = {"element_id": RECORD, "element": "comments", "value": f"hello\n\n{line}"}
    wrong = {"marker": {"value": "hello"}, "record": {"element_id": "f" * 32}}[broken]
    responses.get(f"{URL}/api/now/table/sys_journal_field", json={"result": [row | wrong]})
    responses.get(f"{URL}/api/now/table/incident/{RECORD}", json={"result": {"sys_id": RECORD, "comments": ""}})
    assert not snow.find(write, None).found


def test_servicenow_files_of_others(snow: ServiceNow) -> None:
    body = {"name": "a.png", "sha256": "0" * 64, "size": 3}
    write = asked(Do.ATTACH, "incident", RECORD, body)
    mine = {"sys_id": "1" * 32, "table_sys_id": RECORD, "file_name": "a.png", "hash": "0" * 64, "size_bytes": "3"}
    others = [mine | {"table_sys_id": "f" * 32}, mine | {"file_name": "A.png"}, mine | {"hash": "1" * 64}]
    responses.get(f"{URL}/api/now/attachment", json={"result": others})
    assert not snow.find(write, None).found
    responses.replace("GET", f"{URL}/api/now/attachment", json={"result": [*others, mine | {"hash": ""}]})
    assert len(snow.find(write, None).found) == 1, "not hashed yet: name and size decide"


def test_servicenow_users_that_were_not_asked_for(snow: ServiceNow) -> None:
    row = {"sys_id": RECORD, "user_name": "somebody", "email": "else@desk.example", "active": "true"}
    responses.get(f"{URL}/api/now/table/sys_user", json={"result": [row]})
    assert "caller_id" not in snow.resolve(Do.CREATE, {"caller_id": {"email": "me@desk.example"}}).body


def zen_row(write: Write, number: int, day: int, **other: Any) -> dict[str, Any]:
    created = f"2026-01-0{day}T00:00:00Z"
    return {"id": number, "external_id": write.key.remote, "created_at": created, "status": "new", **other}


def test_zendesk_rows_that_do_not_carry_the_key_and_their_order(zen: Zendesk) -> None:
    write = asked(Do.CREATE, "tickets")
    rows = [
        zen_row(write, 9, 2),
        zen_row(write, 12, 1),
        zen_row(write, 3, 1, external_id=None),
        zen_row(write, 4, 1, external_id=write.key.remote.lower()),
    ]
    responses.get(f"{URL}/api/v2/tickets.json", json={"tickets": rows, "meta": {"has_more": False}})
    assert [found.remote_id for found in zen.find(write, None).found] == ["12", "9"]


def test_zendesk_reads_every_page(zen: Zendesk) -> None:
    write = asked(Do.CREATE, "tickets")
    more = {"tickets": [], "meta": {"has_more": True, "after_cursor": "c"}}
    responses.get(f"{URL}/api/v2/tickets.json", json=more, headers={"Date": EARLY})
    responses.get(f"{URL}/api/v2/tickets.json", json={"tickets": [zen_row(write, 9, 2)]}, headers={"Date": LATE})
    look = zen.find(write, None)
    assert [found.remote_id for found in look.found] == ["9"]
    assert look.date is not None
    assert look.date.minute == 49


def test_zendesk_pages_without_end_prove_nothing(zen: Zendesk) -> None:
    more = {"tickets": [], "meta": {"has_more": True, "after_cursor": "c"}}
    responses.get(f"{URL}/api/v2/tickets.json", json=more)
    with pytest.raises(Transient):
        zen.find(asked(Do.CREATE, "tickets"), None)
    assert len(responses.calls) < 100


@pytest.mark.parametrize(
    "audit", [{}, {"metadata": None}, {"metadata": {"custom": []}}, {"metadata": {"custom": {"connector": "x"}}}]
)
def test_zendesk_audits_of_others(zen: Zendesk, audit: dict[str, Any]) -> None:
    responses.get(f"{URL}/api/v2/tickets/5/audits.json", json={"audits": [audit | {"id": 1}]})
    assert not zen.find(asked(Do.COMMENT, "tickets", "5"), None).found


ODD = (None, "text", [], {}, [None], {"sys_id": None}, [{"id": "x", "sys_id": {}}])


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("do", [Do.CREATE, Do.UPDATE, Do.COMMENT, Do.ATTACH])
@pytest.mark.parametrize("name", ["snow", "zen"])
def test_answers_of_another_shape_are_errors_of_the_remote(
    name: str, do: Do, odd: Any, request: pytest.FixtureRequest
) -> None:
    sink: Any = request.getfixturevalue(name)
    remote_id = RECORD if name == "snow" else "5"
    document = dict.fromkeys(
        ("result", "tickets", "ticket", "audits", "audit", "upload", "user", "meta", "groups"), odd
    )
    for method in ("GET", "POST", "PUT", "PATCH"):
        responses.add(method, re.compile(f"{URL}/.*"), json=document)
    body = {"name": "a", "sha256": "0", "size": 1, "text": "t", "subject": "s", "short_description": "s"}
    write = asked(do, sink.table, remote_id, body)
    with contextlib.suppress(RemoteError):
        sink.find(write, None)
    with contextlib.suppress(RemoteError):
        sink.read(remote_id, ("subject",))
    with contextlib.suppress(RemoteError):
        sink.resolve(Do.CREATE, {"group": "x", "assignment_group": "x", "custom:x": "y", "caller_id": "x"})
    sink.planned = {"group": frozenset({"x"}), "custom:x": frozenset(), "impact": frozenset({"1"})}
    assert sink.check()
    with contextlib.suppress(Uncertain):
        assert getattr(sink, do.value)(write).remote_id
