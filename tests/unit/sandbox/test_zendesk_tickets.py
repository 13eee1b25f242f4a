"""Tickets, one at a time: shapes, rules, refusals, and what is silently dropped."""

from __future__ import annotations

import pytest
import requests

from connector.sandbox.zendesk.seed import FORM_ID

NURSE = "agnes.twumasi@northfield-hospital.example"


def create(zd, **values):
    answer = zd.post("/tickets", json={"ticket": {"comment": {"body": "It jams."}, **values}})
    assert answer.status_code == 201, answer.text
    return answer.json()["ticket"]


def change(zd, key, **values):
    return zd.put(f"/tickets/{key}", json={"ticket": values})


def agent(box):
    return box.zendesk.user_by_email["nina.petrov@northfield-hospital.example"]


def reasons(answer):
    document = answer.json()
    assert (answer.status_code, document["error"]) == (422, "RecordInvalid")
    return document["details"]


def custom(box, ticket):
    titles = {field["id"]: field["title"] for field in box.zendesk.fields.values()}
    return {titles[entry["id"]]: entry["value"] for entry in ticket["custom_fields"]}


# -- creating


def test_a_new_ticket(box, zd):
    answer = zd.post(
        "/tickets.json",
        json={
            "ticket": {
                "subject": "Printer",
                "comment": {"body": "It <b>jams</b>.\nAgain, at <5 mg."},
                "requester": {"name": "Agnes", "email": NURSE.upper()},
                "external_id": "s:1",
                "priority": "high",
                "type": "incident",
                "tags": ["One", "two three", "one"],
                "metadata": {"key": "value"},
            }
        },
    )
    assert answer.status_code == 201
    ticket, audit = answer.json()["ticket"], answer.json()["audit"]
    assert answer.headers["Location"] == ticket["url"] == f"{box.url}/api/v2/tickets/{ticket['id']}.json"
    assert (ticket["status"], ticket["priority"], ticket["type"], ticket["external_id"]) == (
        "new", "high", "incident", "s:1",
    )  # fmt: skip
    assert ticket["requester_id"] == box.zendesk.user_by_email[NURSE]
    assert ticket["submitter_id"] == box.zendesk.user_by_email["sync@northfield-hospital.example"]
    assert ticket["description"] == "It jams.\nAgain, at <5 mg."
    assert ticket["tags"] == ["one", "two", "three"]
    assert (ticket["via"]["channel"], ticket["ticket_form_id"]) == ("api", FORM_ID)
    assert ticket["fields"] == ticket["custom_fields"]
    assert audit["metadata"]["custom"] == {"key": "value"}
    events = {event.get("field_name"): event for event in audit["events"]}
    assert events[None]["type"] == "Comment"
    assert events["requester_id"]["value"] == str(ticket["requester_id"])
    assert events["priority"]["type"] == "Create"


def test_a_comment_is_all_that_is_needed(box, zd):
    ticket = create(zd)
    assert ticket["subject"] == "It jams."
    assert (ticket["type"], ticket["priority"], ticket["external_id"]) == (None, None, None)
    assert ticket["requester_id"] == box.zendesk.user_by_email["sync@northfield-hospital.example"]
    assert (
        zd.post("/tickets", json={"ticket": {"description": "as of old"}}).json()["ticket"]["description"]
        == "as of old"
    )


@pytest.mark.parametrize("values", [{}, {"comment": {"body": "  "}}, {"comment": "just text"}, {"comment": None}])
def test_a_blank_comment_is_refused(zd, values):
    answer = zd.post("/tickets", json={"ticket": {"subject": "x", **values}})
    assert reasons(answer)["base"] == [{"description": "Description: cannot be blank", "error": "BlankValue"}]


def test_unknown_keys_end_in_a_header_only(box, zd):
    answer = zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}, "colour": "red"}})
    assert answer.status_code == 201
    assert answer.headers["x-zendesk-api-warn"] == (
        '{:allowed_parameters=>{:controller=>"tickets", :action=>"create", '
        ':unpermitted_keys=>["ticket.colour"], :invalid_values=>[]}}'
    )
    answer = change(zd, 1, comment="text", macro_ids=[1], requester_id=box.zendesk.user_by_email[NURSE])
    assert (
        ':unpermitted_keys=>["ticket.macro_ids"], :invalid_values=>["ticket.comment"]'
        in answer.headers["x-zendesk-api-warn"]
    )
    assert len(box.zendesk.comments[1]) == 1


def test_a_requester_is_made_once(box, zd):
    before = len(box.zendesk.users)
    first = create(zd, requester={"name": "New Person", "email": "new@elsewhere.example"})
    second = create(zd, requester={"name": "Other Name", "email": "New@Elsewhere.example"})
    assert first["requester_id"] == second["requester_id"]
    assert len(box.zendesk.users) == before + 1
    user = zd.get(f"/users/{first['requester_id']}").json()["user"]
    assert (user["name"], user["role"]) == ("New Person", "end-user")


def test_requesters_are_refused(zd):
    def ask(**values):
        return reasons(zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}, **values}}))["requester"][0]

    assert ask(requester={"name": "x", "email": "not an address"})["description"] == "Requester: Email is invalid"
    gone = ask(requester={"email": "left.in.june@northfield-hospital.example"})
    assert gone["description"] == "Requester: Karl Vogel is suspended."
    assert ask(requester_id=1)["description"] == "Requester: is invalid"


def test_requesters_may_collide(box, zd):
    box.zendesk.requester_collisions = 1
    body = {"ticket": {"comment": {"body": "x"}, "requester": {"name": "N", "email": "n@elsewhere.example"}}}
    answer = zd.post("/tickets", json=body)
    assert (answer.status_code, answer.text) == (409, "Requester creation collision - please try again")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert box.zendesk.tickets == {}
    assert zd.post("/tickets", json=body).status_code == 201
    assert box.zendesk.users[box.zendesk.tickets[1]["requester_id"]]["email"] == "n@elsewhere.example"


@pytest.mark.parametrize(
    ("values", "place", "said"),
    [
        ({"priority": "P1"}, "base", "Priority: is invalid"),
        ({"type": "outage"}, "base", "Type: is invalid"),
        ({"status": "done"}, "base", "Status: is invalid"),
        ({"group_id": 1}, "group", "Group: is invalid"),
        ({"assignee_email": "agnes.twumasi@northfield-hospital.example"}, "assignee", "Assignee: is invalid"),
        ({"type": "incident", "problem_id": 99}, "problem_id", "Problem: is invalid"),
        ({"status": "solved"}, "base", "Assignee: is required when solving a ticket"),
    ],
)
def test_values_are_refused(box, zd, values, place, said):
    answer = zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}, **values}})
    assert reasons(answer)[place][0]["description"] == said
    assert box.zendesk.tickets == {}


def test_assigning_opens(box, zd):
    ticket = create(zd, assignee_id=agent(box))
    assert (ticket["status"], ticket["group_id"]) == ("open", next(iter(box.zendesk.groups)))
    assert change(zd, ticket["id"], status="new").json()["ticket"]["status"] == "open"


def test_custom_fields_keep_what_fits(box, zd):
    field = box.zendesk.field_id
    ticket = create(
        zd,
        tags=["mine"],
        custom_fields=[
            {"id": field("Workstation"), "value": "WS4W-012"},
            {"id": field("EHR environment"), "value": "env_prd"},
            {"id": field("Patient care affected"), "value": True},
            {"id": field("Symptoms"), "value": ["symptom_slow", "nothing"]},
            {"id": 42, "value": "x"},
            "nonsense",
        ],
    )
    kept = custom(box, ticket)
    assert kept["Workstation"] == "WS4W-012"
    assert kept["EHR environment"] == "env_prd"
    assert kept["Patient care affected"] is True
    assert kept["Symptoms"] == ["symptom_slow"]
    assert kept["Build record"] is None
    assert ticket["tags"] == ["mine", "env_prd", "patient_care_affected", "symptom_slow"]
    answer = change(zd, ticket["id"], custom_fields=[{"id": field("EHR environment"), "value": "PRD"}])
    assert answer.status_code == 200
    assert custom(box, answer.json()["ticket"])["EHR environment"] == "env_prd"  # unknown options change nothing
    answer = change(zd, ticket["id"], custom_fields=[{"id": field("EHR environment"), "value": "env_tst"}])
    assert "env_prd" not in answer.json()["ticket"]["tags"]
    answer = change(zd, ticket["id"], custom_fields=[{"id": field("Downtime minutes"), "value": "many"}])
    assert reasons(answer)["base"][0]["description"] == "Downtime minutes: is invalid"
    answer = change(zd, ticket["id"], custom_fields={"Workstation": "x"})
    assert "ticket.custom_fields" in answer.headers["x-zendesk-api-warn"]


def test_people_may_be_copied(box, zd):
    ticket = create(zd, email_ccs=[{"user_email": NURSE, "action": "put"}], followers=[{"user_id": agent(box)}])
    assert ticket["email_cc_ids"] == [box.zendesk.user_by_email[NURSE]]
    assert ticket["follower_ids"] == [agent(box)]
    gone = change(zd, ticket["id"], email_ccs=[{"user_email": NURSE, "action": "delete"}]).json()["ticket"]
    assert gone["email_cc_ids"] == []


# -- idempotency


def test_a_key_makes_one_ticket_for_two_hours(box, zd):
    body, headers = {"ticket": {"comment": {"body": "x"}}}, {"Idempotency-Key": "k"}
    first = zd.post("/tickets", json=body, headers=headers)
    assert first.headers["x-idempotency-lookup"] == "miss"
    again = zd.post("/tickets", json=body, headers=headers)
    assert (again.status_code, again.headers["x-idempotency-lookup"], again.content) == (201, "hit", first.content)
    other = zd.post("/tickets", json={"ticket": {"comment": {"body": "y"}}}, headers=headers)
    assert (other.status_code, other.json()["error"]) == (400, "IdempotentRequestError")
    assert len(box.zendesk.tickets) == 1
    box.clock.advance(7201)
    assert zd.post("/tickets", json=body, headers=headers).headers["x-idempotency-lookup"] == "miss"
    assert len(box.zendesk.tickets) == 2


def test_a_key_counts_from_the_commit(box, zd):
    body, headers = {"ticket": {"comment": {"body": "x"}}}, {"Idempotency-Key": "k"}
    box.faults.add("POST *", "lose_request")
    box.faults.add("POST *", "late", seconds=60)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            zd.post("/tickets", json=body, headers=headers)
    assert zd.post("/tickets", json=body, headers=headers).headers["x-idempotency-lookup"] == "miss"
    box.clock.settle()
    assert len(box.zendesk.tickets) == 1


def test_a_refused_create_leaves_its_key_free(box, zd):
    headers = {"Idempotency-Key": "k"}
    assert zd.post("/tickets", json={"ticket": {"subject": "x"}}, headers=headers).status_code == 422
    answer = zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}}}, headers=headers)
    assert answer.headers["x-idempotency-lookup"] == "miss"


# -- changing


def test_an_update_changes_what_was_sent(box, zd):
    ticket = create(zd, subject="a", priority="low", tags=["one"])
    box.clock.advance(60)
    answer = change(zd, ticket["id"], subject="b", tags=["two"], priority=None)
    changed, audit = answer.json()["ticket"], answer.json()["audit"]
    assert (changed["subject"], changed["tags"], changed["priority"]) == ("b", ["two"], "low")
    assert changed["updated_at"] > ticket["updated_at"]
    assert [(e["type"], e["field_name"], e["previous_value"]) for e in audit["events"]] == [
        ("Change", "subject", "a"),
        ("Change", "tags", ["one"]),
    ]
    box.clock.advance(60)
    same = change(zd, ticket["id"], subject="b").json()["ticket"]
    assert same["updated_at"] == changed["updated_at"]
    assert same["generated_timestamp"] > changed["generated_timestamp"]
    assert len(box.zendesk.audits[ticket["id"]]) == 2


def test_comments_are_added_by_updates(box, zd):
    ticket = create(zd)
    change(zd, ticket["id"], comment={"html_body": "<p>Try again &amp; tell</p>", "public": False})
    change(zd, ticket["id"], comment={"body": "thanks"}, metadata={"marker": "m1"})
    comments = zd.get(f"/tickets/{ticket['id']}/comments").json()["comments"]
    assert [(c["plain_body"], c["public"]) for c in comments] == [
        ("It jams.", True),
        ("Try again & tell", False),
        ("thanks", True),
    ]
    assert comments[2]["metadata"]["custom"] == {"marker": "m1"}
    audits = zd.get(f"/tickets/{ticket['id']}/audits.json").json()["audits"]
    assert audits[2]["metadata"]["custom"] == {"marker": "m1"}
    assert comments[2]["audit_id"] == audits[2]["id"]
    newest = zd.get(f"/tickets/{ticket['id']}/comments", params={"sort": "-created_at", "include": "users"}).json()
    assert newest["comments"][0]["plain_body"] == "thanks"
    assert newest["users"][0]["email"] == "sync@northfield-hospital.example"
    path = f"/tickets/{ticket['id']}/comments/{comments[0]['id']}/make_private"
    assert zd.put(path, json={}).status_code == 200
    assert not box.zendesk.comments[ticket["id"]][0]["public"]
    assert zd.put(f"/tickets/{ticket['id']}/comments/1/make_private", json={}).status_code == 404


def test_solving_needs_an_assignee(box, zd):
    ticket = create(zd)
    assert "Assignee" in reasons(change(zd, ticket["id"], status="solved"))["base"][0]["description"]
    box.zendesk.auto_assign_on_solve = True
    solved = change(zd, ticket["id"], status="solved").json()["ticket"]
    assert solved["assignee_id"] == box.zendesk.user_by_email["sync@northfield-hospital.example"]


def test_solving_may_need_fields(box, zd):
    field = box.zendesk.field_id("Build record")
    box.zendesk.fields[field]["required"] = True
    ticket = create(zd, assignee_id=agent(box))
    (said,) = reasons(change(zd, ticket["id"], status="solved"))["base"]
    assert said["description"] == "Build record: is required when solving a ticket"
    assert said["ticket_field_id"] == field
    answer = change(zd, ticket["id"], status="solved", custom_fields=[{"id": field, "value": "ETX 1"}])
    assert answer.json()["ticket"]["status"] == "solved"


def test_what_an_end_user_says_opens_again(box, zd):
    nurse = box.zendesk.user_by_email[NURSE]
    ticket = create(zd, assignee_id=agent(box), requester_id=nurse)
    change(zd, ticket["id"], status="solved")
    answer = change(zd, ticket["id"], comment={"body": "still broken", "author_id": nurse})
    assert answer.json()["ticket"]["status"] == "open"
    change(zd, ticket["id"], status="solved")
    assert change(zd, ticket["id"], comment={"body": "noted"}).json()["ticket"]["status"] == "solved"


def closed(box, zd, **values):
    ticket = create(zd, assignee_id=agent(box), **values)
    assert change(zd, ticket["id"], status="closed").status_code == 200
    return ticket


def test_a_closed_ticket_cannot_be_changed(box, zd):
    ticket = closed(box, zd)
    answer = change(zd, ticket["id"], comment={"body": "x"})
    assert reasons(answer)["status"][0]["description"] == "Status: closed prevents ticket update"
    assert zd.put(f"/tickets/{ticket['id']}/tags", json={"tags": ["x"]}).status_code == 422


def test_a_closed_ticket_is_followed_up(box, zd):
    parent = closed(box, zd, tags=["old"])
    answer = zd.post(
        "/tickets", json={"ticket": {"comment": {"body": "again"}, "via_followup_source_id": parent["id"]}}
    )
    child = answer.json()["ticket"]
    assert child["via"]["source"]["rel"] == "follow_up"
    assert child["via"]["source"]["from"]["ticket_id"] == parent["id"]
    assert child["tags"] == ["old"]
    assert zd.get(f"/tickets/{parent['id']}").json()["ticket"]["followup_ids"] == [child["id"]]
    other = create(zd, via_followup_source_id=child["id"])  # open: silently no follow-up
    assert other["via"]["source"]["rel"] is None


def test_safe_updates_collide(box, zd):
    ticket = create(zd)
    box.clock.advance(5)
    fresh = change(zd, ticket["id"], subject="b").json()["ticket"]["updated_at"]
    for flag in (True, False):  # false behaves like true
        answer = change(zd, ticket["id"], subject="c", safe_update=flag, updated_stamp=ticket["updated_at"])
        assert (answer.status_code, answer.json()["error"]) == (409, "UpdateConflict")
    assert change(zd, ticket["id"], subject="c", safe_update=True, updated_stamp=fresh).status_code == 200


def test_tags_are_set_added_and_removed(zd):
    create(zd, tags=["one"])
    assert zd.put("/tickets/1/tags", json={"tags": ["two"]}).json() == {"tags": ["one", "two"]}
    assert zd.delete("/tickets/1/tags", json={"tags": ["one"]}).json() == {"tags": ["two"]}
    answer = zd.post("/tickets/1/tags", json={"tags": ["three"]})
    assert (answer.status_code, answer.json()) == (201, {"tags": ["three"]})
    assert zd.get("/tickets/1/tags").json() == {"tags": ["three"]}


# -- problems


def test_solving_a_problem_solves_its_incidents(box, zd):
    problem = create(zd, type="problem", assignee_id=agent(box))["id"]
    incident = create(zd, type="incident", problem_id=problem)["id"]
    solved = create(zd, type="incident", problem_id=problem, assignee_id=agent(box), status="solved")["id"]
    question = create(zd, type="question", problem_id=problem)
    assert question["problem_id"] is None
    assert zd.get(f"/tickets/{problem}").json()["ticket"]["has_incidents"] is True
    linked = zd.get(f"/tickets/{problem}/incidents").json()["tickets"]
    assert [ticket["id"] for ticket in linked] == [incident, solved]
    assert zd.get(f"/tickets/{problem}/related").json()["ticket_related"]["incidents"] == 2
    assert [ticket["id"] for ticket in zd.get("/problems").json()["tickets"]] == [problem]
    change(zd, problem, comment={"body": "working on it"})
    change(zd, problem, status="solved", comment={"body": "fixed"})
    assert box.zendesk.tickets[incident]["status"] == "new", "not at once"
    box.clock.settle()
    assert [comment["body"] for comment in box.zendesk.comments[incident]] == ["It jams.", "fixed"]
    assert box.zendesk.tickets[incident]["status"] == "solved"
    assert len(box.zendesk.comments[solved]) == 1
    change(zd, problem, status="open")
    assert box.zendesk.tickets[incident]["status"] == "solved"
    assert change(zd, incident, problem_id=None).json()["ticket"]["problem_id"] is None


# -- finding


def test_an_external_id_is_not_unique(box, zd):
    create(zd, external_id="s:1")
    create(zd, external_id="s:1")
    create(zd, external_id="s:2")
    document = zd.get("/tickets", params={"external_id": "s:1"}).json()
    assert [ticket["id"] for ticket in document["tickets"]] == [1, 2]
    change(zd, 2, external_id="s:3")
    assert zd.get("/tickets.json", params={"external_id": "s:1"}).json()["count"] == 1
    assert zd.get("/tickets", params={"external_id": "s:9"}).json()["tickets"] == []


def test_the_list_may_lag(box, zd):
    box.zendesk.list_lag = 30
    create(zd, external_id="s:1")
    assert zd.get("/tickets", params={"external_id": "s:1"}).json()["count"] == 0
    box.clock.advance(31)
    assert zd.get("/tickets", params={"external_id": "s:1"}).json()["count"] == 1


def test_many_are_ordered_by_id(zd):
    for _ in range(3):
        create(zd)
    document = zd.get("/tickets/show_many", params={"ids": "3,99,1,x"}).json()
    assert [ticket["id"] for ticket in document["tickets"]] == [1, 3]


def test_deleted_is_gone(zd):
    create(zd)
    assert zd.delete("/tickets/1", json={"ids": 1}).status_code == 204
    for answer in (zd.get("/tickets/1"), change(zd, 1, subject="x"), zd.delete("/tickets/1"), zd.get("/tickets/99")):
        assert (answer.status_code, answer.json()) == (404, {"error": "RecordNotFound", "description": "Not found"})
    assert zd.get("/tickets").json()["tickets"] == []


def test_pages_by_offset(box, zd):
    for _ in range(3):
        create(zd)
    first = zd.get("/tickets", params={"per_page": 2}).json()
    assert (first["count"], len(first["tickets"]), first["previous_page"]) == (3, 2, None)
    assert first["next_page"].startswith(box.url + "/api/v2/tickets?")
    second = zd.get(first["next_page"]).json()
    assert ([ticket["id"] for ticket in second["tickets"]], second["next_page"]) == ([3], None)
    assert zd.get("/tickets", params={"page": 102}).status_code == 400


def test_pages_by_cursor(zd):
    for _ in range(4):
        create(zd)
    first = zd.get("/tickets.json?page[size]=2").json()
    assert first["meta"]["has_more"] is True
    assert "fields" not in first["tickets"][0]
    second = zd.get(first["links"]["next"]).json()
    assert [ticket["id"] for ticket in second["tickets"]] == [3, 4]
    assert second["meta"]["has_more"] is False
    assert zd.get(second["links"]["next"]).json()["tickets"] == []  # still a URL at the end
    assert zd.get("/tickets?page[size]=2&page[after]=nonsense").status_code == 400


def test_bodies_are_read_with_care(zd):
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b"[]", b"{}", b'{"ticket": []}', b"\xff", b"[" * 100_000):
        assert zd.post("/tickets", data=body, headers=headers).status_code == 400
    assert zd.post("/tickets", data=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    answer = zd.get("/nothing")
    assert (answer.status_code, answer.json()["error"]) == (404, "InvalidEndpoint")


# -- importing


def test_imports_have_a_past_and_no_audit(box, zd):
    past = "2020-01-02T03:04:05Z"
    values = {"created_at": past, "status": "closed", "assignee_id": agent(box), "subject": "old"}
    comments = [{"value": "first", "created_at": past}, {"body": "second", "public": False}]
    answer = zd.post(
        "/imports/tickets", json={"ticket": {**values, "comments": comments}}, headers={"Idempotency-Key": "k"}
    )
    assert answer.status_code == 201
    assert set(answer.json()) == {"ticket"}
    assert answer.json()["ticket"]["created_at"] == past
    assert "x-idempotency-lookup" not in answer.headers
    kept = box.zendesk.comments[1]
    assert [(comment["body"], comment["created_at"] == past) for comment in kept] == [
        ("first", True),
        ("second", False),
    ]
    assert (
        "ticket.created_at"
        in zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}, "created_at": past}}).headers[
            "x-zendesk-api-warn"
        ]
    )
