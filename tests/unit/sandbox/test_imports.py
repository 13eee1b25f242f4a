"""Historic loads: the Import Set API of the one system, ticket imports of the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

STAGING = "/import/u_connector_incident"


def load(sn, **values):
    answer = sn.post(STAGING, json={"u_correlation_id": "s:b:1", "u_short_description": "old", **values})
    assert answer.status_code == 201
    return answer


def result(answer):
    (one,) = answer.json()["result"]
    return one


# -- ServiceNow


def test_a_row_is_inserted_then_ignored_then_updated(box, sn):
    answer = load(sn, u_opened_at="2019-03-01 10:00:00", category="software")
    inserted = result(answer)
    assert (inserted["status"], inserted["table"], inserted["display_name"]) == ("inserted", "incident", "number")
    assert answer.json()["staging_table"] == "u_connector_incident"
    assert answer.json()["import_set"].startswith("ISET")
    again = result(load(sn))
    assert (again["status"], again["sys_id"]) == ("ignored", inserted["sys_id"])
    changed = result(load(sn, u_correlation_id="S:B:1", u_short_description="new", u_category=""))
    assert (changed["status"], changed["sys_id"]) == ("updated", inserted["sys_id"])
    (row,) = box.servicenow.rows("incident")
    assert (row["short_description"], row["opened_at"], row["category"]) == ("new", "2019-03-01 10:00:00", "software")
    assert sn.get(answer.headers["Location"]).json() == answer.json()
    assert inserted["record_link"].endswith(f"/api/now/table/incident/{row['sys_id']}")


def test_a_row_without_its_key_is_skipped(box, sn):
    assert result(load(sn, u_correlation_id=""))["status"] == "skipped"
    assert box.servicenow.rows("incident") == []


def test_an_error_inside_is_201_outside(box, sn):
    refused = result(load(sn, u_state="6"))
    assert refused["status"] == "error"
    assert "Resolution code" in refused["error_message"]
    assert box.servicenow.rows("incident") == []


def test_a_closed_ticket_of_long_ago_keeps_its_times(box, sn):
    times = {"u_opened_at": "2019-03-01 10:00:00", "u_resolved_at": "2019-03-02 10:00:00"}
    done = {"u_state": "7", "u_close_code": "Solution provided", "u_close_notes": "done"}
    assert result(load(sn, **times, **done, u_closed_at="2019-03-05 10:00:00"))["status"] == "inserted"
    (row,) = box.servicenow.rows("incident")
    assert (row["resolved_at"], row["closed_at"], row["active"]) == (
        "2019-03-02 10:00:00",
        "2019-03-05 10:00:00",
        "false",
    )


def test_an_unknown_staging_table_is_400(sn):
    assert sn.post("/import/u_nothing", json={}).status_code == 400
    assert sn.get("/import/u_connector_incident/0").status_code == 404


@pytest.mark.parametrize("hardened", [False, True])
def test_system_stamps_may_be_ones_own(box, sn, hardened):
    box.servicenow.honours_sys_id = not hardened
    body = {"short_description": "x", "sys_created_on": "2019-03-01 10:00:00", "sys_created_by": "old"}
    plain = sn.post("/table/incident", json=body).json()["result"]
    own = sn.post("/table/incident?sysparm_suppress_auto_sys_field=true", json=body).json()["result"]
    assert plain["sys_created_on"] != body["sys_created_on"]
    assert (own["sys_created_on"] == body["sys_created_on"]) is not hardened


# -- Zendesk


def historic(**values):
    comments = [{"value": "first", "created_at": "2019-03-01T10:00:00Z"}, {"body": "then", "public": False}]
    return {"created_at": "2019-03-01T10:00:00Z", "comments": comments, **values}


def test_an_imported_ticket_keeps_its_times_and_wakes_no_trigger(box, zd):
    answer = zd.post("/imports/tickets", json={"ticket": historic(updated_at="1969-01-01T00:00:00Z")})
    assert answer.status_code == 201
    assert set(answer.json()) == {"ticket"}
    (ticket,) = box.zendesk.list_tickets()
    assert (ticket["created_at"], ticket["updated_at"]) == ("2019-03-01T10:00:00Z", "1970-01-01T00:00:00Z")
    first, then = box.zendesk.comments[ticket["id"]]
    assert (first["plain_body"], first["created_at"]) == ("first", "2019-03-01T10:00:00Z")
    assert (then["public"], then["created_at"] > "2020") == (False, True)
    assert box.zendesk.triggered == {}
    zd.put(f"/tickets/{ticket['id']}", json={"ticket": {"subject": "now"}})
    assert box.zendesk.triggered == {ticket["id"]: 1}


def test_a_comment_of_tomorrow_is_refused(box, zd):
    body = historic(comments=[{"value": "x", "created_at": "2999-01-01T00:00:00Z"}])
    assert zd.post("/imports/tickets", json={"ticket": body}).status_code == 422
    assert box.zendesk.tickets == {}


def test_a_closed_import_may_go_to_the_archive(box, zd):
    agent = next(key for key, user in box.zendesk.users.items() if user["role"] == "agent")
    closed = historic(status="closed", assignee_id=agent, external_id="s:1", solved_at="2019-03-02T10:00:00Z")
    for place in ("/imports/tickets?archive_immediately=true", "/imports/tickets"):
        assert zd.post(place, json={"ticket": closed}).status_code == 201
    many = {"tickets": [closed, historic(external_id="s:1")]}
    assert zd.post("/imports/tickets/create_many?archive_immediately=true", json=many).status_code == 200
    assert [one["id"] for one in zd.get("/tickets?external_id=s:1").json()["tickets"]] == [2, 4]
    assert zd.get("/tickets/1").json()["ticket"]["external_id"] == "s:1"


@pytest.mark.parametrize("place", ["/imports/tickets", "/tickets"])
def test_calls_that_make_the_same_person_at_once_collide(box, zd, place):
    box.zendesk.work = 0.3
    new = {"ticket": historic(comment={"body": "x"}, requester={"name": "New", "email": "new@x.example"})}
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: zd.post(place, json=new), range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.text == "Requester creation collision - please try again"
    assert refused.headers["Content-Type"].startswith("text/plain")
    assert zd.post(place, json=new).status_code == 201
    assert len(box.zendesk.list_tickets()) == 2


def test_a_job_with_two_tickets_of_a_new_person_makes_one(box, zd):
    new, known = ({"name": "A", "email": f"{name}@x.example"} for name in ("new", "known"))
    zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}, "requester": known}})
    people = [new, new, known, known]
    tickets = [{"comment": {"body": "x"}, "requester": person} for person in people]
    answer = zd.post("/tickets/create_many", json={"tickets": tickets})
    results = zd.get("/job_statuses/" + answer.json()["job_status"]["id"]).json()["job_status"]["results"]
    failed = [one for one in results if "error" in one]
    assert len(failed) == 1
    assert failed[0]["index"] in (0, 1)
    assert failed[0]["details"] == "Requester creation collision - please try again"
    assert len(box.zendesk.list_tickets()) == 4


def test_jobs_at_the_same_time_collide_too(box, zd):
    box.zendesk.job_speed = 1.0
    one = {"tickets": [{"comment": {"body": "x"}, "requester": {"name": "A", "email": "new@x.example"}}]}
    keys = [zd.post("/tickets/create_many", json=one).json()["job_status"]["id"] for _ in range(2)]
    box.clock.settle()
    ended = [zd.get(f"/job_statuses/{key}").json()["job_status"]["status"] for key in keys]
    assert ended == ["completed", "failed"]
