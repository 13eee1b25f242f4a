"""The Table API: shapes, parameters, refusals, and what it silently does with what it does not like."""

from __future__ import annotations

import pytest
import requests

SYS_ID = "0123456789abcdef0123456789abcdef"


def create(sn, **values):
    answer = sn.post("/table/incident", json=values)
    assert answer.status_code == 201, answer.text
    return answer.json()["result"]


def user(box, login="kbrandt"):
    (row,) = box.servicenow.rows("sys_user", user_name=login)
    return row


def error(answer):
    document = answer.json()
    assert document["status"] == "failure"
    return document["error"]


# -- writing


def test_a_new_incident_has_the_defaults_of_the_base_system(box, sn):
    row = create(sn, short_description="Printer jams")
    expected = {
        "state": "1", "impact": "3", "urgency": "3", "priority": "5", "severity": "3", "category": "inquiry",
        "contact_type": "", "notify": "1", "escalation": "0", "approval": "not requested", "made_sla": "true",
        "active": "true", "reopen_count": "0", "sys_mod_count": "0", "caller_id": "", "number": "INC0010001",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["opened_by"]["value"] == user(box, "sync")["sys_id"]
    assert all(isinstance(value, (str, dict)) for value in row.values())


def test_a_create_tells_where(box, sn):
    answer = sn.post("/table/incident", json={})
    row = answer.json()["result"]
    assert answer.headers["Location"] == f"{box.url}/api/now/table/incident/{row['sys_id']}"
    assert sn.get(answer.headers["Location"]).json()["result"]["number"] == row["number"]


def test_a_create_may_answer_without_a_body(sn):
    answer = sn.post("/table/incident", json={}, headers={"X-no-response-body": "true"})
    assert (answer.status_code, answer.content) == (201, b"")


def test_unknown_columns_are_ignored_with_201(sn):
    assert "u_nothing" not in create(sn, u_nothing="x", short_description="y")


def test_priority_is_looked_up_whatever_was_sent(sn):
    matrix = {("1", "1"): "1", ("1", "2"): "2", ("2", "2"): "3", ("2", "3"): "4", ("3", "1"): "3", ("3", "3"): "5"}
    for (impact, urgency), priority in matrix.items():
        assert create(sn, impact=impact, urgency=urgency, priority="2")["priority"] == priority


def test_choices_that_are_not_on_the_list_are_not_kept(box, sn):
    row = create(sn, category="not a category", contact_type="pigeon", impact="9")
    assert (row["category"], row["contact_type"], row["impact"]) == ("inquiry", "", "3")
    changed = sn.patch(f"/table/incident/{row['sys_id']}", json={"category": "software", "impact": ""}).json()["result"]
    assert (changed["category"], changed["impact"]) == ("software", "3")
    box.servicenow.allow_unknown_choices = True
    assert create(sn, category="not a category")["category"] == "not a category"


def test_a_subcategory_belongs_to_its_category(sn):
    assert create(sn, category="network", subcategory="vpn")["subcategory"] == "vpn"
    assert create(sn, category="hardware", subcategory="vpn")["subcategory"] == ""


def test_everything_becomes_a_string_and_long_text_is_cut(sn):
    row = create(sn, impact=1, active=True, short_description="s" * 500, correlation_id="c" * 200, due_date="soon")
    assert (row["impact"], row["active"], row["due_date"]) == ("1", "true", "")
    assert (len(row["short_description"]), len(row["correlation_id"])) == (160, 100)


def test_references_come_with_a_link_and_wrong_ones_are_kept(box, sn):
    key = user(box)["sys_id"]
    row = create(sn, caller_id=key, assigned_to="nobody")
    assert row["caller_id"] == {"link": f"{box.url}/api/now/table/sys_user/{key}", "value": key}
    assert row["assigned_to"]["value"] == "nobody"
    assert sn.get(row["caller_id"]["link"]).json()["result"]["name"] == "Karen Brandt"


def test_display_values_may_be_sent(box, sn):
    values = {"caller_id": "Karen Brandt", "assigned_to": "Nobody At All", "category": "Network", "impact": "1 - High"}
    answer = sn.post("/table/incident", params={"sysparm_input_display_value": "true"}, json=values)
    row = answer.json()["result"]
    assert row["caller_id"]["value"] == user(box)["sys_id"]
    assert (row["assigned_to"], row["category"], row["impact"]) == ("", "network", "1")


def test_a_client_may_choose_the_sys_id_and_no_second_time(box, sn):
    assert create(sn, sys_id=SYS_ID.upper(), number="INC0099999")["sys_id"] == SYS_ID.upper()
    again = sn.post("/table/incident", json={"sys_id": SYS_ID.upper()})
    assert again.status_code == 403
    assert error(again)["message"] == "Operation Failed"
    assert error(again)["detail"].startswith("Error during insert of incident (INC")
    assert len(box.servicenow.rows("incident")) == 1


def test_a_hardened_instance_drops_the_sys_id(box, sn):
    box.servicenow.honours_sys_id = False
    first, second = create(sn, sys_id=SYS_ID), create(sn, sys_id=SYS_ID)
    assert SYS_ID not in (first["sys_id"], second["sys_id"])
    assert sn.get(f"/table/incident/{SYS_ID}").status_code == 404


def test_system_fields_are_the_platforms(sn):
    row = create(sn, sys_created_by="me", sys_mod_count="7", sys_class_name="task")
    assert (row["sys_created_by"], row["sys_mod_count"], row["sys_class_name"]) == ("sync", "0", "incident")


def test_put_is_patch_and_counts(box, sn):
    row = create(sn, short_description="a", description="b")
    box.clock.advance(60)
    changed = sn.put(f"/table/incident/{row['sys_id']}", json={"short_description": "c"}).json()["result"]
    assert (changed["short_description"], changed["description"], changed["sys_mod_count"]) == ("c", "b", "1")
    assert changed["sys_updated_on"] > row["sys_updated_on"]
    same = sn.patch(f"/table/incident/{row['sys_id']}", json={"short_description": "c"}).json()["result"]
    assert same["sys_mod_count"] == "1"


def test_only_the_first_record_of_an_array_counts(box, sn):
    answer = sn.post("/table/incident", json=[{"short_description": "a"}, {"short_description": "b"}])
    assert answer.json()["result"]["short_description"] == "a"
    assert len(box.servicenow.rows("incident")) == 1


def test_journals_append_and_echo_nothing(box, sn):
    row = create(sn, comments="first", work_notes="internal")
    assert (row["comments"], row["work_notes"]) == ("", "")
    path = f"/table/incident/{row['sys_id']}"
    changed = sn.patch(path, json={"comments": "second"}).json()["result"]
    assert changed["sys_mod_count"] == "1"
    sn.patch(path, json={"comments": "second"})
    query = f"name=incident^element_id={row['sys_id']}^elementINcomments,work_notes^ORDERBYsys_created_on"
    entries = sn.get("/table/sys_journal_field", params={"sysparm_query": query}).json()["result"]
    assert [(entry["element"], entry["value"]) for entry in entries] == [
        ("comments", "first"),
        ("work_notes", "internal"),
        ("comments", "second"),
        ("comments", "second"),
    ]
    assert set(entries[0]) == {
        "sys_id", "sys_created_on", "sys_created_by", "name", "element_id", "element", "value", "sys_tags",
    }  # fmt: skip
    shown = sn.get(path, params={"sysparm_display_value": "true", "sysparm_fields": "comments,comments_and_work_notes"})
    shown = shown.json()["result"]
    assert shown["comments"].count("(Additional comments)\n") == 3
    assert shown["comments"].index("second") < shown["comments"].index("first")
    assert "Sync Integration (Work notes)\ninternal" in shown["comments_and_work_notes"]


def test_deleting_leaves_a_trace(box, sn):
    row = create(sn)
    assert sn.delete(f"/table/incident/{row['sys_id']}", json={}).status_code == 204
    assert sn.get(f"/table/incident/{row['sys_id']}").status_code == 404
    assert sn.delete(f"/table/incident/{row['sys_id']}", json={}).status_code == 404
    (audit,) = box.servicenow.rows("sys_audit_delete")
    assert (audit["tablename"], audit["documentkey"]) == ("incident", row["sys_id"])


# -- reading


def test_display_values_have_three_forms(box, sn):
    key = user(box)["sys_id"]
    row = create(sn, caller_id=key)
    path = f"/table/incident/{row['sys_id']}"
    shown = sn.get(path, params={"sysparm_display_value": "true"}).json()["result"]
    assert shown["caller_id"] == {"display_value": "Karen Brandt", "link": f"{box.url}/api/now/table/sys_user/{key}"}
    assert shown["state"] == "New"
    both = sn.get(path, params={"sysparm_display_value": "all"}).json()["result"]
    assert both["caller_id"]["value"] == key
    assert both["state"] == {"display_value": "New", "value": "1"}
    assert both["close_code"] == {"display_value": None, "value": ""}
    bare = sn.get(path, params={"sysparm_exclude_reference_link": "true"}).json()["result"]
    assert bare["caller_id"] == key


def test_fields_may_walk_and_unknown_ones_are_absent(box, sn):
    row = create(sn, caller_id=user(box)["sys_id"])
    params = {"sysparm_fields": "number,caller_id.email,caller_id.department.name,u_nothing,caller_id.nothing"}
    found = sn.get(f"/table/incident/{row['sys_id']}", params=params).json()["result"]
    assert found == {
        "number": row["number"],
        "caller_id.email": "karen.brandt@northfield-hospital.example",
        "caller_id.department.name": "Emergency Department",
    }


def test_pages_have_links_and_a_count(box, sn):
    for number in range(5):
        create(sn, short_description=str(number))
    answer = sn.get("/table/incident", params={"sysparm_limit": "2", "sysparm_offset": "2"})
    assert [row["short_description"] for row in answer.json()["result"]] == ["2", "3"]
    assert answer.headers["X-Total-Count"] == "5"
    assert set(answer.links) == {"first", "prev", "next", "last"}
    last = sn.get(answer.links["next"]["url"])
    assert "next" not in last.links
    assert "Link" not in sn.get("/table/incident").headers
    quiet = sn.get("/table/incident", params={"sysparm_limit": "2", "sysparm_no_count": "true"})
    assert "X-Total-Count" not in quiet.headers
    assert "last" not in quiet.links
    assert (
        "Link"
        not in sn.get(
            "/table/incident", params={"sysparm_limit": "2", "sysparm_suppress_pagination_header": "true"}
        ).headers
    )
    assert sn.get("/table/incident", params={"sysparm_offset": "-1"}).status_code == 400


def test_the_limit_comes_before_the_acls(box, sn):
    hidden = create(sn, short_description="hidden")["sys_id"]
    create(sn, short_description="seen")
    box.servicenow.hidden.add(hidden)
    answer = sn.get("/table/incident", params={"sysparm_limit": "1"})
    assert answer.json()["result"] == []
    assert answer.headers["X-Total-Count"] == "2"
    assert "next" in answer.links
    assert sn.get(f"/table/incident/{hidden}").status_code == 404


def test_a_table_that_may_not_be_read_is_empty(box, sn):
    create(sn, comments="x")
    box.servicenow.denied.add(("sys_journal_field", "read"))
    answer = sn.get("/table/sys_journal_field")
    assert (answer.status_code, answer.json()["result"]) == (200, [])


def test_no_row_is_404_on_v1_only(sn):
    for version, status in (("/v1", 404), ("/v2", 200), ("", 200)):
        assert sn.get(version + "/table/incident", params={"number": "INC0"}).status_code == status


def test_other_parameters_are_filters(sn):
    create(sn, category="network")
    create(sn, category="hardware")
    rows = sn.get("/table/incident", params={"category": "network", "nothing": "x", "sysparm_view": ""}).json()[
        "result"
    ]
    assert [row["category"] for row in rows] == ["network"]


def test_counts_are_strings(sn):
    create(sn, category="network")
    create(sn, category="hardware")
    create(sn, category="network")
    stats = sn.get("/stats/incident", params={"sysparm_count": "true", "sysparm_query": "category=network"})
    assert stats.json() == {"result": {"stats": {"count": "2"}}}
    groups = sn.get("/stats/incident", params={"sysparm_count": "true", "sysparm_group_by": "category"}).json()
    assert {g["groupby_fields"][0]["value"]: g["stats"]["count"] for g in groups["result"]} == {
        "network": "2",
        "hardware": "1",
    }


def test_people_are_there_with_their_traps(sn):
    def people(query):
        fields = "name,email,active,user_name"
        return sn.get("/table/sys_user", params={"sysparm_query": query, "sysparm_fields": fields}).json()["result"]

    assert len(people("active=true")) > 20
    assert len(people("email=ward4@northfield-hospital.example")) == 2
    assert people("user_name=kvogel")[0]["active"] == "false"
    everything = sn.get("/table/sys_user", params={"sysparm_limit": "1"}).json()["result"][0]
    assert everything["user_password"]
    groups = sn.get("/table/sys_user_group", params={"name": "Service Desk"}).json()["result"]
    assert len(groups) == 1


def test_the_tables_describe_themselves(box, sn):
    box.servicenow.add_column("incident", "u_workstation")
    query = "nameINincident,task^internal_type!=collection"
    rows = sn.get("/table/sys_dictionary", params={"sysparm_query": query, "sysparm_limit": "500"}).json()["result"]
    places = {(row["name"], row["element"]) for row in rows}
    assert places >= {("task", "short_description"), ("incident", "caller_id"), ("incident", "u_workstation")}
    row = create(sn, u_workstation="WS1")
    assert row["u_workstation"] == "WS1"
    tables = sn.get("/table/sys_db_object", params={"sysparm_query": "name=incident"}).json()["result"]
    assert sn.get(tables[0]["super_class"]["link"]).json()["result"]["name"] == "task"
    query = "name=incident^element=close_code^inactive=false^language=en"
    codes = sn.get("/table/sys_choice", params={"sysparm_query": query}).json()["result"]
    assert "Solution provided" in [row["value"] for row in codes]


# -- refusals


def test_missing_and_hidden_look_the_same(sn):
    answer = sn.patch("/table/incident/" + SYS_ID, json={})
    assert answer.status_code == 404
    assert error(answer) == {
        "message": "No Record found",
        "detail": "Record doesn't exist or ACL restricts the record retrieval",
    }


def test_an_unknown_table_and_an_unknown_path(sn):
    assert error(sn.get("/table/foo")) == {"message": "Invalid table foo", "detail": None}
    assert sn.get("/table/foo").status_code == 400
    answer = sn.get("/nothing/at/all")
    assert (answer.status_code, error(answer)["message"]) == (400, "Requested URI does not represent any resource")
    assert sn.post("/table/incident/" + SYS_ID, json={}).status_code == 405


def test_headers_are_asked_for(box, sn):
    path = box.url + "/api/now/table/incident"
    body = b'{"short_description": "x"}'
    assert sn.get(path, headers={"Accept": ""}).status_code == 400
    assert sn.get(path, headers={"Accept": "image/png"}).status_code == 406
    assert sn.post(path, data=body).status_code == 400
    assert sn.post(path, data=body, headers={"Content-Type": "text/csv"}).status_code == 415
    assert sn.post(path, data=body, headers={"Content-Type": "application/json; charset=utf-8"}).status_code == 201
    assert sn.get(path, headers={"Accept": "*/*"}).status_code == 200


def test_bad_bodies_are_refused(box, sn):
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b'"text"', b"\xff\xfe", b"[" * 100_000):
        assert sn.post("/table/incident", data=body, headers=headers).status_code == 400
    box.servicenow.max_body = 100
    answer = sn.post("/table/incident", json={"description": "x" * 200})
    assert answer.status_code == 400
    assert error(answer)["detail"].startswith("Rejected large REST payload with content-length = ")


def test_acls_say_403(box, sn):
    row = create(sn)
    box.servicenow.denied |= {("incident", "insert"), ("incident", "update"), ("incident", "delete")}
    for answer, word in (
        (sn.post("/table/incident", json={}), "Insert"),
        (sn.patch(f"/table/incident/{row['sys_id']}", json={}), "Update"),
        (sn.delete(f"/table/incident/{row['sys_id']}", json={}), "Delete"),
    ):
        assert answer.status_code == 403
        assert error(answer)["detail"] == f"ACL Exception {word} Failed due to security constraints"


def test_people_are_made_by_administrators_only(box, sn, admin):
    assert sn.post("/table/sys_user", json={"user_name": "new"}).status_code == 403
    assert admin.post("/table/sys_user", json={"user_name": "new"}).status_code == 201
    assert admin.post("/table/sys_dictionary", json={"name": "x"}).status_code == 403


def test_a_method_may_be_overridden(sn):
    row = create(sn)
    path = f"/table/incident/{row['sys_id']}"
    answer = sn.post(path, json={"short_description": "x"}, headers={"X-http-method-override": "PATCH"})
    assert answer.json()["result"]["short_description"] == "x"
    assert requests.Session().head(sn.base + path, auth=sn.auth, timeout=5).status_code == 200


@pytest.mark.parametrize("name", ["X-Transaction-ID", "Server-Timing", "X-Is-Logged-In", "Cache-Control"])
def test_the_headers_of_the_platform_are_there(sn, name):
    assert name in sn.get("/table/incident").headers


def test_cookies_are_set_once(sn):
    first = sn.get("/table/incident")
    assert {"JSESSIONID", "glide_user_route", "glide_session_store"} <= set(first.cookies.keys())
    assert "Secure" in first.headers["Set-Cookie"]
    again = sn.get("/table/incident", headers={"Cookie": "JSESSIONID=1"})
    assert "Set-Cookie" not in again.headers
