"""What the way back reads: service levels, articles, late commits, merges, statuses, metrics, ratings."""

from __future__ import annotations

import pytest


def incident(sn, **values):
    return sn.post("/table/incident", json={"short_description": "x", **values}).json()["result"]["sys_id"]


def change(sn, key, **values):
    answer = sn.patch(f"/table/incident/{key}", json=values)
    assert answer.status_code == 200, answer.text


def levels(sn, key):
    params = {"sysparm_query": f"task={key}^ORDERBYsla.name", "sysparm_display_value": "true"}
    rows = sn.get("/table/task_sla", params=params).json()["result"]
    return {row["sla"]["display_value"]: row for row in rows}


# -- ServiceNow


def test_service_levels_run_pause_breach_and_end(box, sn):
    box.servicenow.service_levels = {"Response": 600, "Resolution": 3600}
    key = incident(sn)
    box.clock.advance(300)
    assert levels(sn, key)["Response"]["percentage"].startswith("50.")
    change(sn, key, state="2")
    assert levels(sn, key)["Response"]["stage"] == "completed"
    change(sn, key, state="3", hold_reason="4")
    box.clock.advance(7200)
    paused = levels(sn, key)["Resolution"]
    assert (paused["stage"], paused["has_breached"]) == ("paused", "false")
    change(sn, key, state="2", hold_reason="")
    running = levels(sn, key)["Resolution"]
    assert (running["stage"], running["has_breached"], running["pause_duration"][:13]) == (
        "in_progress",
        "false",
        "1970-01-01 02",
    )
    box.clock.advance(3600)
    assert levels(sn, key)["Resolution"]["has_breached"] == "true"
    change(sn, key, state="6", close_code="Solution provided", close_notes="done")
    ended = levels(sn, key)
    assert {row["stage"] for row in ended.values()} == {"completed"}
    assert ended["Response"]["has_breached"] == "false"
    before = box.servicenow.rows("incident")[0]["sys_mod_count"]
    levels(sn, key)
    assert box.servicenow.rows("incident")[0]["sys_mod_count"] == before


def test_an_instance_may_have_no_service_levels(sn):
    assert levels(sn, incident(sn)) == {}


def test_articles_are_linked_to_incidents(sn):
    key = incident(sn)
    (article,) = sn.get("/table/kb_knowledge?number=KB0010001&workflow_state=published").json()["result"]
    sn.post("/table/m2m_kb_task", json={"kb_knowledge": article["sys_id"], "task": key})
    params = {"sysparm_query": f"task={key}", "sysparm_fields": "kb_knowledge.number,kb_knowledge.short_description"}
    (linked,) = sn.get("/table/m2m_kb_task", params=params).json()["result"]
    assert linked["kb_knowledge.number"] == "KB0010001"


def test_a_long_transaction_is_there_after_its_stamp(box, sn):
    instance = box.servicenow
    analyst = instance.doorman.accounts["admin"]
    with box.lock:
        begun = instance.stamp()
        instance.commit_later(300, lambda: instance.insert("incident", {"short_description": "late"}, analyst))
    box.clock.advance(299)
    assert instance.rows("incident") == []
    incident(sn)
    box.clock.advance(2)
    (late,) = instance.rows("incident", short_description="late")
    (other,) = instance.rows("incident", short_description="x")
    assert late["sys_updated_on"] == late["sys_created_on"] == begun < other["sys_updated_on"]
    assert instance.stamp() > other["sys_updated_on"], "the clock goes on"


def test_what_was_deleted_is_told(box, sn, admin):
    key = incident(sn)
    assert admin.delete(f"/table/incident/{key}", headers={"Content-Type": "application/json"}).status_code == 204
    query = {"sysparm_query": "tablename=incident^sys_created_on>2020-01-01 00:00:00"}
    (gone,) = admin.get("/table/sys_audit_delete", params=query).json()["result"]
    assert gone["documentkey"] == key


# -- Zendesk


def ticket(zd, **values):
    return zd.post("/tickets", json={"ticket": {"comment": {"body": "It jams."}, **values}}).json()["ticket"]["id"]


def update(zd, key, **values):
    answer = zd.put(f"/tickets/{key}", json={"ticket": values})
    assert answer.status_code == 200, answer.text
    return answer.json()["ticket"]


@pytest.fixture
def agent(box):
    return next(key for key, user in box.zendesk.users.items() if user["role"] == "agent")


def test_merged_tickets_are_closed_and_exported(box, zd):
    start = int(box.clock.now()) - 100
    target, source = ticket(zd), ticket(zd, external_id="s:1")
    job = zd.post(f"/tickets/{target}/merge", json={"ids": [source], "source_comment": "see the other"}).json()
    ended = zd.get(f"/job_statuses/{job['job_status']['id']}").json()["job_status"]
    assert ended["results"] == [{"id": source, "action": "merge", "status": "Merged", "success": True}]
    gone = box.zendesk.tickets[source]
    assert (gone["status"], gone["tags"]) == ("closed", ["closed_by_merge"])
    assert box.zendesk.comments[source][-1]["body"] == "see the other"
    assert f"#{source}" in box.zendesk.comments[target][-1]["body"]
    assert box.zendesk.comments[target][-1]["public"] is False
    again = zd.post(f"/tickets/{target}/merge", json={"ids": [source]}).json()["job_status"]["id"]
    assert zd.get(f"/job_statuses/{again}").json()["job_status"]["status"] == "completed"
    assert zd.post(f"/tickets/{target}/merge", json={"ids": [target]}).status_code == 422
    box.clock.advance(3)
    exported = zd.get("/incremental/tickets/cursor", params={"start_time": start}).json()["tickets"]
    assert {one["id"]: one["status"] for one in exported} == {target: "new", source: "closed"}


def test_a_ticket_has_a_custom_status_and_its_category(box, zd, agent):
    listed = zd.get("/custom_statuses", params={"status_categories": "open"}).json()["custom_statuses"]
    usual, vendor = (one["id"] for one in listed)
    assert [one["default"] for one in listed] == [True, False]
    assert zd.get("/custom_statuses?default=false").json()["custom_statuses"] == [listed[1]]
    key = ticket(zd, assignee_id=agent)
    assert box.zendesk.tickets[key]["custom_status_id"] == usual
    changed = update(zd, key, custom_status_id=vendor)
    assert (changed["status"], changed["custom_status_id"]) == ("open", vendor)
    assert update(zd, key, subject="still")["custom_status_id"] == vendor
    assert update(zd, key, status="pending")["custom_status_id"] not in (usual, vendor)
    assert update(zd, key, custom_status_id=vendor)["status"] == "open"


def test_metrics_come_from_what_happened(box, zd, agent):
    key = ticket(zd)
    assert zd.get(f"/tickets/{key}/metrics").json()["ticket_metric"]["solved_at"] is None
    box.clock.advance(600)
    update(zd, key, assignee_id=agent, comment={"body": "we look", "author_id": agent})
    other = next(one for one, user in box.zendesk.users.items() if user["role"] == "agent" and one != agent)
    update(zd, key, assignee_id=other)
    box.clock.advance(600)
    update(zd, key, status="solved")
    update(zd, key, status="open")
    box.clock.advance(600)
    update(zd, key, status="solved")
    counted = zd.get(f"/tickets/{key}/metrics").json()["ticket_metric"]
    assert (counted["reopens"], counted["replies"], counted["assignee_stations"]) == (1, 1, 2)
    assert counted["reply_time_in_minutes"] == {"calendar": 10, "business": 10}
    assert counted["first_resolution_time_in_minutes"]["calendar"] == 20
    assert counted["full_resolution_time_in_minutes"]["calendar"] == 30
    assert zd.get("/ticket_metrics").json()["ticket_metrics"] == [counted]
    box.clock.advance(3)
    params = {"start_time": int(box.clock.now()) - 4000, "include": "metric_sets"}
    (exported,) = zd.get("/incremental/tickets/cursor", params=params).json()["tickets"]
    assert exported["metric_set"] == counted


def test_ratings_are_listed_by_score_and_time(box, zd, agent):
    good, bad = ticket(zd, assignee_id=agent), ticket(zd)
    box.zendesk.rate(good, "good", "thanks")
    box.clock.advance(1000)
    box.zendesk.rate(bad, "bad")
    listed = zd.get("/satisfaction_ratings?score=good").json()["satisfaction_ratings"]
    assert [(one["ticket_id"], one["comment"], one["assignee_id"]) for one in listed] == [(good, "thanks", agent)]
    since = {"start_time": int(box.clock.now()) - 500}
    assert [one["score"] for one in zd.get("/satisfaction_ratings", params=since).json()["satisfaction_ratings"]] == [
        "bad"
    ]
    assert zd.get(f"/tickets/{good}").json()["ticket"]["satisfaction_rating"]["score"] == "good"


def test_a_reopened_problem_leaves_its_incidents_solved(box, zd, agent):
    problem = ticket(zd, type="problem", assignee_id=agent)
    keys = [ticket(zd, type="incident", problem_id=problem) for _ in range(3)]
    box.zendesk.cascade_lag = 60
    update(zd, problem, status="solved", comment={"body": "fixed"})
    box.clock.advance(30)
    states = [box.zendesk.tickets[key]["status"] for key in keys]
    assert "new" in states, "one after another"
    update(zd, keys[2], status="solved", assignee_id=agent)
    update(zd, problem, status="open")
    box.clock.settle()
    assert [box.zendesk.tickets[key]["status"] for key in keys] == ["solved"] * 3
    assert [len(box.zendesk.comments[key]) for key in keys] == [2, 2, 1]
