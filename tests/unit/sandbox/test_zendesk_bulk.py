"""Jobs, uploads, search and exports of the emulated account."""

from __future__ import annotations

import json

import pytest
import requests


def many(zd, count, **values):
    tickets = [{"comment": {"body": f"t{number}"}, "external_id": f"s:{number}", **values} for number in range(count)]
    return zd.post("/tickets/create_many", json={"tickets": tickets})


def job(zd, answer):
    assert answer.status_code == 200, answer.text
    return zd.get("/job_statuses/" + answer.json()["job_status"]["id"]).json()["job_status"]


# -- jobs


def test_a_job_is_queued_and_done(box, zd):
    answer = many(zd, 20)
    queued = answer.json()["job_status"]
    assert (queued["status"], queued["total"], queued["results"], queued["progress"]) == ("queued", 20, None, None)
    assert queued["id"].startswith("V3-")
    assert answer.headers["zendesk-ratelimit-inflight-jobs"] == "total=30; remaining=29; resets=60"
    done = job(zd, answer)
    assert (done["status"], done["progress"]) == ("completed", 20)
    assert [outcome["index"] for outcome in done["results"]] == list(range(20))
    ids = [outcome["id"] for outcome in done["results"]]
    assert sorted(ids) == list(range(1, 21))
    assert ids != sorted(ids)
    for outcome in done["results"]:
        assert box.zendesk.tickets[outcome["id"]]["external_id"] == f"s:{outcome['index']}"
    assert [one["id"] for one in zd.get("/job_statuses").json()["job_statuses"]] == [done["id"]]


def test_a_job_takes_its_time_and_ends_out_of_order(box, zd):
    box.zendesk.job_speed = 1.0
    answers = [many(zd, count) for count in (30, 2)]
    box.clock.advance(10)
    slow, quick = (job(zd, answer) for answer in answers)
    assert (slow["status"], slow["results"]) == ("working", None)
    assert slow["message"].startswith("Creating ticket #")
    assert 0 < slow["progress"] < 30
    assert quick["status"] == "completed"
    assert len(box.zendesk.tickets) == slow["progress"] + 2
    box.clock.settle()
    assert job(zd, answers[0])["status"] == "completed"
    ids = ",".join(answer.json()["job_status"]["id"] for answer in answers)
    assert len(zd.get("/job_statuses/show_many", params={"ids": ids}).json()["job_statuses"]) == 2


def test_a_job_may_fail_in_part_or_whole(zd):
    tickets = [{"comment": {"body": "x"}}, {"subject": "no text"}, "nonsense"]
    done = job(zd, zd.post("/tickets/create_many", json={"tickets": tickets}))
    assert done["status"] == "completed"
    assert done["results"][1] == {
        "index": 1, "error": "TicketCreateFailed", "details": "Description: cannot be blank",
    }  # fmt: skip
    failed = job(zd, zd.post("/tickets/create_many", json={"tickets": [{"subject": "no text"}]}))
    assert (failed["status"], failed["progress"]) == ("failed", 0)
    assert failed["message"].startswith("Failed at ")


def test_jobs_are_bounded(box, zd):
    too_many = many(zd, 101)
    assert (too_many.status_code, too_many.json()["error"], too_many.json()["max_count"]) == (400, "TooManyValues", 100)
    box.zendesk.job_speed = 0.1
    box.zendesk.jobs_in_flight = 2
    ids = [many(zd, 1).json()["job_status"]["id"] for _ in range(2)]
    refused = many(zd, 1)
    assert (refused.status_code, refused.json()["error"]) == (429, "TooManyJobs")
    assert refused.json()["current_job_ids"] == ids
    box.clock.settle()
    assert many(zd, 1).status_code == 200


def test_a_job_is_remembered_for_a_day(box, zd):
    answer = many(zd, 1)
    box.clock.advance(86_000)
    assert job(zd, answer)["status"] == "completed"
    box.clock.advance(1000)
    assert zd.get("/job_statuses/" + answer.json()["job_status"]["id"]).status_code == 404


def test_a_job_whose_answer_is_lost_runs_all_the_same(box, zd):
    box.zendesk.job_speed = 1.0
    box.faults.add("POST /api/v2/tickets/create_many", "lose_answer")
    with pytest.raises(requests.ConnectionError):
        many(zd, 3)
    (running,) = zd.get("/job_statuses").json()["job_statuses"]
    assert running["status"] == "queued"
    box.clock.settle()
    assert len(box.zendesk.tickets) == 3


def test_many_are_changed(box, zd):
    many(zd, 3)
    batch = {"tickets": [{"id": 1, "subject": "one"}, {"id": 2, "status": "solved"}, {"id": 99, "subject": "x"}]}
    done = job(zd, zd.put("/tickets/update_many", json=batch))
    outcomes = {outcome["id"]: outcome for outcome in done["results"]}
    assert outcomes[1] == {"id": 1, "action": "update", "status": "Updated", "success": True}
    assert (outcomes[2]["success"], outcomes[2]["error"]) == (False, "TicketUpdateFailed")
    assert outcomes[99]["error"] == "TicketNotFound"
    bulk = {"ticket": {"additional_tags": ["both"]}}
    done = job(zd, zd.put("/tickets/update_many?ids=1,2", json=bulk))
    assert [box.zendesk.tickets[key]["tags"] for key in (1, 2, 3)] == [["both"], ["both"], []]
    answer = zd.put("/tickets/update_many", json={"tickets": [{"id": 1, "safe_update": True}]})
    assert (answer.status_code, answer.json()["error"]["title"]) == (400, "Invalid attribute")


def test_bulk_updates_are_safe_ones(box, zd):
    many(zd, 1)
    box.zendesk.job_speed = 1 / 60
    answer = zd.put("/tickets/update_many?ids=1", json={"ticket": {"subject": "bulk"}})
    box.clock.advance(5)
    zd.put("/tickets/1", json={"ticket": {"subject": "by hand"}})
    box.clock.settle()
    assert job(zd, answer)["results"][0]["error"] == "UpdateConflict"
    assert box.zendesk.tickets[1]["subject"] == "by hand"


def test_many_are_deleted(zd):
    many(zd, 2)
    done = job(zd, zd.delete("/tickets/destroy_many?ids=1,9"))
    assert [outcome["success"] for outcome in sorted(done["results"], key=lambda one: one["id"])] == [True, False]
    assert [ticket["id"] for ticket in zd.get("/tickets").json()["tickets"]] == [2]


def test_many_are_imported(box, zd):
    tickets = [{"comments": [{"value": "x"}], "created_at": "2020-01-01T00:00:00Z"}]
    assert job(zd, zd.post("/imports/tickets/create_many", json={"tickets": tickets}))["status"] == "completed"
    assert box.zendesk.tickets[1]["created_at"] == "2020-01-01T00:00:00Z"


# -- uploads


def upload(zd, name="a.png", data=b"data", **params):
    headers = {"Content-Type": "image/png"}
    return zd.post("/uploads", params={"filename": name, **params}, data=data, headers=headers)


def test_a_token_is_spent_by_its_comment(box, zd):
    answer = upload(zd)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"].startswith("text/plain")
    token = json.loads(answer.content)["upload"]["token"]
    assert len(json.loads(upload(zd, "b.png", token=token).content)["upload"]["attachments"]) == 2
    zd.post("/tickets", json={"ticket": {"comment": {"body": "x", "uploads": [token]}}})
    zd.post("/tickets", json={"ticket": {"comment": {"body": "again", "uploads": token}}})
    (first,), (second,) = box.zendesk.comments[1], box.zendesk.comments[2]
    assert [file["file_name"] for file in first["attachments"]] == ["a.png", "b.png"]
    assert second["attachments"] == []
    file = first["attachments"][0]
    assert (file["size"], file["content_type"]) == (4, "image/png")
    fetched = requests.get(file["content_url"], timeout=5)
    assert fetched.content == b"data"
    assert fetched.headers["X-Content-Type-Options"] == "nosniff"
    assert zd.get(f"/attachments/{file['id']}").json()["attachment"]["file_name"] == "a.png"
    assert zd.get("/attachments/1").status_code == 404
    guessed = file["content_url"].replace("/token/", "/token/0")
    assert requests.get(guessed, timeout=5).status_code == 404


def test_a_refused_comment_leaves_its_token(box, zd):
    token = json.loads(upload(zd).content)["upload"]["token"]
    body = {"ticket": {"priority": "P1", "comment": {"body": "x", "uploads": [token]}}}
    assert zd.post("/tickets", json=body).status_code == 422
    body["ticket"]["priority"] = "low"
    zd.post("/tickets", json=body)
    assert len(box.zendesk.comments[1][0]["attachments"]) == 1


def test_a_token_grows_old(box, zd):
    token = json.loads(upload(zd).content)["upload"]["token"]
    box.clock.advance(3601)
    zd.post("/tickets", json={"ticket": {"comment": {"body": "x", "uploads": [token]}}})
    assert box.zendesk.comments[1][0]["attachments"] == []


def test_uploads_are_refused_and_withdrawn(box, zd):
    assert zd.post("/uploads", data=b"x").status_code == 400
    token = json.loads(upload(zd).content)["upload"]["token"]
    assert zd.delete(f"/uploads/{token}").status_code == 204
    assert zd.delete(f"/uploads/{token}").status_code == 404
    box.zendesk.max_upload = 3
    assert upload(zd).status_code == 413


# -- search and exports


def test_search_lags(box, zd):
    many(zd, 2, tags=["printer"], priority="high")

    def found(query):
        return [ticket["external_id"] for ticket in zd.get("/search", params={"query": query}).json()["results"]]

    assert found("type:ticket external_id:s:1") == []
    box.clock.advance(2)
    assert found("type:ticket external_id:s:1") == ["s:1"]
    assert len(found("type:ticket tags:printer status<solved")) == 2
    assert found("type:ticket tags:printer -external_id:s:1") == ["s:0"]
    assert found("type:ticket priority:low") == []
    assert found('"t1"') == ["s:1"]
    assert zd.get("/search/count", params={"query": "type:ticket created>2001-01-01"}).json() == {"count": 2}
    assert zd.get("/search").status_code == 400
    answer = zd.get("/search", params={"query": "x", "page": 11})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    people = zd.get("/search", params={"query": "type:user email:karen.brandt@northfield-hospital.example"}).json()
    assert [(one["result_type"], one["name"]) for one in people["results"]] == [("user", "Karen Brandt")]
    exported = zd.get("/search/export", params={"query": "tags:printer", "filter[type]": "ticket"}).json()
    assert len(exported["results"]) == 2
    assert exported["meta"]["has_more"] is False


def test_the_export_withholds_the_newest_moment(box, zd):
    start = int(box.clock.now()) - 100
    many(zd, 3)
    first = zd.get("/incremental/tickets/cursor", params={"start_time": start}).json()
    assert (first["tickets"], first["end_of_stream"]) == ([], True)
    assert first["after_url"].startswith(box.url)
    box.clock.advance(3)
    document = zd.get("/incremental/tickets/cursor.json", params={"start_time": start, "per_page": 2}).json()
    assert len(document["tickets"]) == 2
    assert document["end_of_stream"] is False
    rest = zd.get(document["after_url"]).json()
    assert len(rest["tickets"]) == 1
    assert rest["end_of_stream"] is True
    zd.delete("/tickets/2")
    box.clock.advance(3)
    news = zd.get("/incremental/tickets/cursor", params={"cursor": rest["after_cursor"]}).json()
    assert [(ticket["id"], ticket["status"]) for ticket in news["tickets"]] == [(2, "deleted")]
    quiet = {"cursor": rest["after_cursor"], "exclude_deleted": "true"}
    assert zd.get("/incremental/tickets/cursor", params=quiet).json()["tickets"] == []


def test_the_export_by_time_keeps_a_second_together(box, zd):
    start = int(box.clock.now()) - 100
    box.zendesk.job_speed = 0
    many(zd, 5)
    box.clock.advance(3)
    document = zd.get("/incremental/tickets", params={"start_time": start, "per_page": 1}).json()
    assert document["count"] >= 2
    assert document["next_page"].startswith(box.url)
    recent = zd.get("/incremental/tickets", params={"start_time": int(box.clock.now())})
    assert (recent.status_code, recent.json()["error"]) == (400, "StartTimeTooRecent")
    assert zd.get("/incremental/tickets").status_code == 400
