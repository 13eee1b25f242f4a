"""Historic loads through the Import Set API, each met over real HTTP in the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connector.errors import Permanent, RemoteError, Uncertain
from connector.plugins import Do, Write
from connector.sandbox import Sandbox
from connector.sinks.servicenow import ServiceNow, Settings
from connector.sinks.servicenow.ways import imported, staged
from tests.unit.sinks.conftest import Built, write

LONG_AGO = "2019-03-04 05:06:07"
OLD = {
    "short_description": "Screen stayed dark",
    "impact": "2",
    "urgency": "2",
    "opened_at": LONG_AGO,
    "sys_created_on": LONG_AGO,
    "state": "7",
    "close_code": "Solution provided",
    "close_notes": "Replaced",
}
STAGING = {"mode": "import", "import_table": "u_connector_incident"}


@pytest.fixture
def snow(snow_built: Built) -> ServiceNow:
    sink: ServiceNow = snow_built(**STAGING)
    return sink


def old(snow: ServiceNow, name: str = "T", **more: str) -> Write:
    return write(snow, Do.CREATE, {**OLD, **more}, name=name)


def test_a_record_keeps_its_times(box: Sandbox, snow: ServiceNow) -> None:
    receipt = snow.create(old(snow))
    [row] = box.servicenow.rows("incident")
    assert (row["sys_created_on"], row["opened_at"], row["state"]) == (LONG_AGO, LONG_AGO, "7")
    assert (receipt.remote_id, receipt.number, receipt.unkept) == (row["sys_id"], row["number"], {})
    assert receipt.created_at == LONG_AGO
    assert receipt.learned == {"import_sys_id": "no"}


def test_the_times_may_be_mapped_for_an_import_alone(snow: ServiceNow, snow_built: Built) -> None:
    assert "sys_created_on" in {spec.name for spec in snow.fields()}
    assert "sys_created_on" not in {spec.name for spec in snow_built().fields()}


def test_a_row_sent_twice_makes_one_record(box: Sandbox, snow: ServiceNow) -> None:
    first, second = snow.create(old(snow)), snow.create(old(snow))
    assert first.remote_id == second.remote_id
    assert len(box.servicenow.rows("incident")) == 1


@pytest.mark.parametrize("kind", ["lose_answer", "cut", "tail", "error_after"])
def test_a_lost_answer_is_settled_by_a_look(snow: ServiceNow, box: Sandbox, kind: Any) -> None:
    box.faults.add("POST /api/now/import/*", kind)
    with pytest.raises(Uncertain):
        snow.create(old(snow))
    assert len(snow.find(old(snow), None).found) == 1
    assert not snow.guards(old(snow), 1.0), "whether the map coalesces is the admin's affair"


def test_what_cannot_be_read_back_is_uncertain(snow: ServiceNow, box: Sandbox) -> None:
    box.faults.add("GET /api/now/table/incident*", "status", times=None)
    with pytest.raises(Uncertain):
        snow.create(old(snow))
    box.faults.clear()
    assert len(snow.find(old(snow), None).found) == 1


def test_a_refusal_within_a_201(snow: ServiceNow, box: Sandbox) -> None:
    with pytest.raises(Permanent) as caught:
        snow.create(old(snow, close_code=""))
    assert caught.value.code == "refused"
    assert "mandatory" in str(caught.value)
    assert not box.servicenow.rows("incident")


def test_many_go_as_one_batch_and_are_read_back_by_one_query(snow: ServiceNow, box: Sandbox) -> None:
    assert snow.most(Do.CREATE) == 0
    snow.create(old(snow, "first"))
    assert snow.most(Do.CREATE) == 50
    before = box.counts.total()
    writes = [old(snow, "a"), old(snow, "bad", close_code=""), old(snow, "c")]
    first, bad, third = snow.create_many(writes)
    assert box.counts.total() == before + 2
    assert snow.cost(writes) == {"": 5}
    assert isinstance(bad, Permanent)
    for receipt in (first, third):
        assert not isinstance(receipt, RemoteError)
        assert receipt.created_at == LONG_AGO
        assert receipt.number.startswith("INC")


def test_updates_go_as_ever(snow: ServiceNow, box: Sandbox) -> None:
    remote_id = snow.create(old(snow, state="2")).remote_id
    snow.update(write(snow, Do.UPDATE, {"impact": "1"}, remote_id))
    [row] = box.servicenow.rows("incident")
    assert row["impact"] == "1"


@pytest.mark.parametrize("given", [{"mode": "import"}, {"import_table": "u_x"}, {**STAGING, "import_table": "u x"}])
def test_a_staging_table_and_the_mode_go_together(given: Any) -> None:
    auth = {"username": "sync", "password": "env:P"}
    with pytest.raises(ValidationError):
        Settings.model_validate({"type": "servicenow", "url": "https://x", "mapping": "m", "auth": auth, **given})


# ── what an answer says ──────────────────────────────────────────────────────────────────────────────────────────


def result(status: str, **more: str) -> dict[str, str]:
    return {"transform_map": "m", "table": "incident", "status": status, **more}


@pytest.mark.parametrize("status", ["inserted", "updated", "ignored", "skipped"])
def test_a_record_that_is_named_is_there(status: str) -> None:
    named = result(status, sys_id="a" * 32, display_name="number", display_value="INC7")
    other = {**named, "table": "sys_user", "sys_id": "b" * 32}
    assert imported("snow", "incident", [other, named]) == {"sys_id": "a" * 32, "number": "INC7"}


@pytest.mark.parametrize(
    ("given", "kind", "code"),
    [
        ([result("error", error_message="Mrs Sample cannot log in")], Permanent, "refused"),
        ([result("error", sys_id="a" * 32)], Permanent, "refused"),
        ([result("error", error_message="Error during insert of incident")], Uncertain, "maybe-done"),
        ([result("ignored")], Permanent, "refused"),
        ([result("inserted")], Uncertain, "garbled"),
        ([result("inserted", sys_id="not an id")], Uncertain, "garbled"),
        ([result("inserted", sys_id="a" * 32) | {"table": "problem"}], Uncertain, "garbled"),
        ([result("hatched", sys_id="a" * 32)], Uncertain, "garbled"),
        ([], Uncertain, "garbled"),
        ([None, "x"], Uncertain, "garbled"),
        ({"status": "inserted"}, Uncertain, "garbled"),
        (None, Uncertain, "garbled"),
    ],
)
def test_what_a_transform_did(given: Any, kind: type[RemoteError], code: str) -> None:
    error = imported("snow", "incident", given)
    assert isinstance(error, kind)
    assert error.code == code
    assert "Sample" not in str(error)


@pytest.mark.parametrize(("column", "at"), [("state", "u_state"), ("u_ward", "u_ward"), ("x_acme_id", "x_acme_id")])
def test_columns_of_a_staging_table(column: str, at: str) -> None:
    assert staged(column) == at


# ── what check says of the setup ─────────────────────────────────────────────────────────────────────────────────


def codes(snow: ServiceNow) -> set[str]:
    return {finding.code for finding in snow.check()} - {"clock"}


def test_check_is_content_with_a_good_setup(snow: ServiceNow) -> None:
    snow.planned = dict.fromkeys(OLD, frozenset())
    assert codes(snow) == set()


def test_check_names_what_an_admin_has_yet_to_do(box: Sandbox, snow: ServiceNow, snow_built: Built) -> None:
    assert codes(snow_built(mode="import", import_table="u_nowhere")) == {"no-import-table"}
    other = snow_built(mode="import", import_table="u_connector_problem")
    assert codes(other) == {"no-transform-map"}
    snow.planned = {"u_ward": frozenset()}
    with box.lock:
        box.servicenow.add_column("incident", "u_ward")
        [entry] = [
            row
            for row in box.servicenow.tables["sys_transform_entry"].rows.values()
            if row["coalesce"] == "true" and "incident" in row["source_field"] + _map_name(box, row)
        ]
        entry["coalesce"] = "false"
        for row in box.servicenow.tables["sys_transform_map"].rows.values():
            row["run_business_rules"] = "true"
    findings = {finding.code: finding for finding in snow.check()}
    assert findings.keys() - {"clock"} == {"unknown-column", "no-coalesce", "business-rules"}
    assert findings["business-rules"].exit_code == 0
    assert "u_ward" in str(findings["unknown-column"])


def _map_name(box: Sandbox, entry: dict[str, str]) -> str:
    return box.servicenow.tables["sys_transform_map"].rows[entry["map"]]["source_table"]
