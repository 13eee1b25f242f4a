"""The faults that only calls for many can meet: each does what it says, and no more."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

import pytest

from connector.sandbox import KINDS
from connector.sandbox.faults import called, place

BATCH, MANY = "POST /api/now/batch", "POST /api/v2/tickets/create_many"


def batch(sn, count):
    headers = [{"name": name, "value": "application/json"} for name in ("Accept", "Content-Type")]
    items = [
        {
            "id": f"i{number}",
            "method": "POST",
            "url": "/api/now/table/incident",
            "headers": headers,
            "body": b64encode(json.dumps({"short_description": f"t{number}"}).encode()).decode(),
        }
        for number in range(count)
    ]
    return sn.post("/v1/batch", json={"batch_request_id": "b", "rest_requests": items})


def many(zd, count=4):
    tickets = [{"comment": {"body": f"t{number}"}, "external_id": f"s:{number}"} for number in range(count)]
    answer = zd.post("/tickets/create_many", json={"tickets": tickets})
    assert answer.status_code == 200
    return answer.json()["job_status"]["id"]


def job(zd, key):
    return zd.get(f"/job_statuses/{key}").json()["job_status"]


def titles(box):
    return sorted(row["short_description"] for row in box.servicenow.rows("incident"))


def external(box):
    return sorted(ticket["external_id"] for ticket in box.zendesk.list_tickets())


ALL = ["s:0", "s:1", "s:2", "s:3"]


def test_a_batch_is_cut_with_one_in_flight(box, sn):
    box.faults.add(BATCH, "unserviced")
    document = batch(sn, 6).json()
    assert [item["id"] for item in document["serviced_requests"]] == ["i0", "i1", "i2"]
    assert document["unserviced_requests"] == ["i3", "i4", "i5"]
    assert titles(box) == ["t0", "t1", "t2", "t3"]


@pytest.mark.parametrize(("kind", "made"), [("item", ["t0", "t2"]), ("item_after", ["t0", "t1", "t2"])])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_an_item_of_a_batch_gets_a_status(box, sn, kind, made, status):
    box.faults.add(BATCH, kind, status=status)
    items = batch(sn, 3).json()["serviced_requests"]
    assert [item["status_code"] for item in items] == [201, status, 201]
    assert items[1]["error_message"]
    assert b64decode(items[1]["body"]) is not None
    assert titles(box) == made


def test_a_call_for_one_meets_no_fault_of_many(box, sn, zd):
    for kind in KINDS:
        if place(kind) != "call":
            box.faults.add("*", kind, times=None)
    assert sn.post("/table/incident", json={}).status_code == 201
    assert zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}}}).status_code == 201
    assert {place(kind) for kind in KINDS} == {"call", "many", "batch", "job"}
    assert called("/api/v2/tickets/update_many.json") == called("/api/v2/imports/tickets/create_many")


def test_a_job_is_stuck_for_a_while(box, zd):
    box.faults.add(MANY, "job_stuck", seconds=600)
    key = many(zd)
    box.clock.advance(500)
    assert (job(zd, key)["status"], external(box)) == ("queued", [])
    box.clock.advance(101)
    assert (job(zd, key)["status"], external(box)) == ("completed", ALL)


@pytest.mark.parametrize(("kind", "status"), [("job_failed", "failed"), ("job_killed", "killed")])
def test_a_job_ends_half_way_without_results(box, zd, kind, status):
    box.faults.add(MANY, kind)
    ended = job(zd, many(zd))
    assert (ended["status"], ended["results"]) == (status, None)
    assert len(external(box)) == 2


def test_a_job_is_done_and_forgotten(box, zd):
    box.faults.add(MANY, "job_gone")
    key = many(zd)
    assert zd.get(f"/job_statuses/{key}").status_code == 404
    assert zd.get("/job_statuses").json()["job_statuses"] == []
    assert zd.get(f"/job_statuses/show_many?ids={key}").json()["job_statuses"] == []
    assert external(box) == ALL


def test_results_come_in_any_order(box, zd):
    box.faults.add(MANY, "job_shuffled")
    results = job(zd, many(zd, 20))["results"]
    assert [one["index"] for one in results] != list(range(20))
    assert all(box.zendesk.tickets[one["id"]]["external_id"] == f"s:{one['index']}" for one in results)


def test_results_are_too_few_or_too_many(box, zd):
    box.faults.add(MANY, "job_short")
    box.faults.add(MANY, "job_long")
    assert len(job(zd, many(zd))["results"]) == 3
    results = job(zd, many(zd))["results"]
    assert len(results) == 5
    assert sum(one["id"] not in box.zendesk.tickets for one in results) == 1


@pytest.mark.parametrize(("kind", "made"), [("item", 3), ("item_after", 4)])
def test_an_item_of_a_job_fails(box, zd, kind, made):
    box.faults.add(MANY, kind, status=500)
    ended = job(zd, many(zd))
    assert ended["status"] == "completed"
    assert ended["results"][2] == {"index": 2, "error": "TicketCreateFailed", "details": "status 500"}
    assert len(external(box)) == made


def test_an_item_of_an_update_fails(box, zd):
    job(zd, many(zd))
    keys = sorted(box.zendesk.tickets)
    box.faults.add("PUT /api/v2/tickets/update_many", "item")
    change = {"tickets": [{"id": key, "subject": "new"} for key in keys]}
    ended = job(zd, zd.put("/tickets/update_many", json=change).json()["job_status"]["id"])
    (failed,) = (one for one in ended["results"] if not one["success"])
    assert (failed["id"], failed["error"]) == (keys[2], "TicketUpdateFailed")
    assert [box.zendesk.tickets[key]["subject"] == "new" for key in keys] == [True, True, False, True]


def test_a_late_call_for_many_queues_its_job_late(box, zd):
    box.faults.add(MANY, "late", seconds=30)
    with pytest.raises(Exception, match=r"Connection|Remote"):
        many(zd)
    assert zd.get("/job_statuses").json()["job_statuses"] == []
    box.clock.advance(31)
    assert len(zd.get("/job_statuses").json()["job_statuses"]) == 1
    assert external(box) == ALL


def test_chaos_knows_the_faults_of_many(box, zd):
    box.zendesk.jobs_in_flight = 1000
    box.faults.chaos(seed=5, rate=1.0, on=MANY)
    for _ in range(120):
        try:
            zd.post("/tickets/create_many", json={"tickets": [{"comment": {"body": "x"}}] * 2})
        except OSError:
            continue
    kinds = {entry.fault for entry in box.requests}
    assert {kind for kind in KINDS if place(kind) == "job"} <= kinds
    assert "unserviced" not in kinds
